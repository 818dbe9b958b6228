import { expect, test } from "vitest";
import { zones } from "../../infra/catalog/regions.ts";
import {
  catalogType,
  guessType,
  inCurrency,
  microsOf,
  pricedRegions,
  pricesOf,
  typeNames,
} from "../../infra/catalog.ts";

test.each([
  ["c8g.xlarge", "arm64", 4, 8, 0, 159_520],
  ["c8g.2xlarge", "arm64", 8, 16, 0, 319_040],
  ["c7g.2xlarge", "arm64", 8, 16, 0, 290_000],
  ["m7g.2xlarge", "arm64", 8, 32, 0, 326_400],
  ["m8g.xlarge", "arm64", 4, 16, 0, 179_520],
  ["c7i.xlarge", "x64", 4, 8, 0, 178_500],
  ["c7a.2xlarge", "x64", 8, 16, 0, 410_560],
  ["m7i.4xlarge", "x64", 16, 64, 0, 806_400],
  ["t4g.micro", "arm64", 2, 1, 0, 8_400],
  ["g5g.2xlarge", "arm64", 8, 16, 1, 556_000],
  ["g4dn.2xlarge", "x64", 8, 32, 1, 752_000],
  ["g6.2xlarge", "x64", 8, 32, 1, 977_600],
])(
  "%s is %s with %i cores, %i GB and %i GPUs, for %i millionths of USD in us-east-1",
  (name, arch, cores, gb, gpus, micros) => {
    const type = catalogType(name)!;
    expect([type.arch, type.cores, type.memoryMb / 1_024, type.gpus]).toEqual([arch, cores, gb, gpus]);
    expect(microsOf(type, "us-east-1", "on-demand")).toEqual({ micros, known: "yes" });
  },
);

test.each([
  ["c8g.xlarge", 181_400],
  ["c7g.xlarge", 165_000],
  ["g5g.xlarge", 525_000],
  ["g6.xlarge", 1_006_000],
  ["g4dn.xlarge", 658_000],
  ["t4g.large", 76_800],
])("%s costs in eu-central-1 what is listed there, to half a percent", (name, listed) => {
  const { micros } = microsOf(catalogType(name)!, "eu-central-1", "on-demand");
  expect(Math.abs(micros / listed - 1)).toBeLessThan(0.005);
});

test("every type has a price in every priced region, and its name says what it is", () => {
  expect(typeNames.length).toBe(new Set(typeNames).size);
  for (const name of typeNames) {
    const type = catalogType(name)!;
    expect(Object.keys(type.micros), name).toEqual(pricedRegions);
    expect(guessType(name)?.arch, name).toBe(type.arch);
    expect((guessType(name)?.gpus ?? 0) > 0, name).toBe(type.gpus > 0);
  }
});

test("where a price is not known the dearest that is known counts", () => {
  const c8g = catalogType("c8g.2xlarge")!;
  expect(microsOf(c8g, "eu-west-1", "on-demand")).toEqual({
    micros: c8g.micros["eu-central-1"],
    known: "other-region",
  });
  const dearest = Math.max(...typeNames.flatMap((name) => Object.values(catalogType(name)!.micros)));
  expect(microsOf(guessType("c9g.large")!, "us-east-1", "spot")).toEqual({ micros: dearest, known: "no" });
  expect(pricesOf("eu-west-1").natHour).toBe(pricesOf("eu-central-1").natHour);
});

test.each([
  ["c9g.2xlarge", "arm64", 8, 16],
  ["r8gd.large", "arm64", 2, 16],
  ["m9i-flex.xlarge", "x64", 4, 16],
  ["a1.xlarge", "arm64", 4, 16],
])("a new type's name tells architecture and size: %s", (name, arch, cores, gb) => {
  expect(guessType(name)).toMatchObject({ arch, cores, memoryMb: gb * 1_024 });
});

test.each(["c8g", "c8g.huge", "c8g.2xlagre", "8cg.large", ""])("%j is no machine type of AWS", (name) => {
  expect(guessType(name)).toBeNull();
});

test("zones carry their region's name, and there are at least two of each", () => {
  for (const [region, names] of Object.entries(zones)) {
    expect(names.length, region).toBeGreaterThan(1);
    for (const name of names) expect(name.slice(0, -1)).toBe(region);
  }
});

test("AWS's prices are in USD; a stack may reckon in EUR", () => {
  expect(inCurrency(1_160_000, "EUR")).toBe(1_000_000);
  expect(inCurrency(1_160_000, "USD")).toBe(1_160_000);
});
