import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { alarms } from "../../infra/aws/alarms.ts";
import type { AwsNetwork } from "../../infra/aws/settings.ts";
import { costOf, figures } from "../../infra/cost.ts";
import { parseSettings } from "../../infra/settings.ts";

const root = join(import.meta.dirname, "../..");
const examples = ["smallest", "existing-vpc", "two-regions"];
const read = (path: string) => readFileSync(join(root, path), "utf8");
const text = (stack: string) =>
  read(`${examples.includes(stack) ? `examples/${stack}/` : ""}Pulumi.${stack}.yaml`);
const settings = (stack: string) => {
  const { config } = parseYaml(text(stack)) as { config: Record<string, unknown> };
  return parseSettings({
    stack,
    values: Object.fromEntries(
      Object.entries(config).map(([key, value]) => [key.replace(/^muster:/, ""), value]),
    ),
    // What the third edit brings.
    secretKeys: new Set(["githubToken"]),
    arch: "X64",
    places: { root, home: "/home/me" },
    confinement: { kind: "none", refused: [] },
  });
};

test.each(["dev", "prod", ...examples])(
  "%s parses as it stands, once its credentials are set, and warns of nothing",
  (stack) => {
    expect(settings(stack).warnings).toEqual([]);
  },
);

test.each(["dev", "prod", ...examples])(
  "%s marks what to edit and carries no salt and no secret",
  (stack) => {
    const places = stack === "existing-vpc" ? 4 : 3;
    expect(text(stack).match(/EDIT \d/g)).toEqual(Array.from({ length: places }, (_, n) => `EDIT ${n + 1}`));
    expect(text(stack)).not.toMatch(/encryptionsalt|secure:|secretsprovider/);
    expect(text(stack)).toMatch(/^# yaml-language-server: \$schema=\.\/schema\/settings\.json$/m);
  },
);

test("dev is cheap: one nano, public subnets, spot alone, no alarms, and jobs of prod do not land there", () => {
  const { manager, aws, pools, budget } = settings("dev");
  expect(manager).toMatchObject({ on: "aws", reach: "private", type: { name: "t4g.nano" } });
  expect(aws).toMatchObject({
    network: { kind: "own", private: false },
    alarmsTo: [],
    namePrefix: "muster-dev",
  });
  expect(Object.keys(pools)).toEqual(["arm64"]);
  expect(pools.arm64!.labels).toEqual(["self-hosted", "linux", "dev"]);
  expect(pools.arm64!.backends).toMatchObject([{ market: "spot", arch: "arm64", diskGb: 100, gpu: false }]);
  expect(budget).not.toBeNull();
});

test("prod has private subnets in three zones, alarms, a budget, and on demand as each pool's last offer", () => {
  const { aws, pools, budget } = settings("prod");
  expect(aws!.network).toEqual({ kind: "own", private: true });
  expect(aws!.regions).toHaveLength(1);
  expect(aws!.regions[0].zones).toHaveLength(3);
  expect(aws!.alarmsTo).toHaveLength(1);
  expect(budget).not.toBeNull();
  const kinds = Object.entries(pools).map(([name, { backends, gpu }]) => [
    name,
    backends.map((one) => (one.kind === "aws" ? `${one.arch} ${one.market}` : one.kind)),
    gpu,
  ]);
  expect(kinds).toEqual([
    ["arm64", ["arm64 spot", "arm64 on-demand"], null],
    ["large", ["arm64 spot", "arm64 on-demand"], null],
    ["x64", ["x64 spot", "x64 on-demand"], null],
    ["gpu-arm64", ["arm64 spot", "arm64 on-demand"], "nvidia"],
    ["gpu-x64", ["x64 spot", "x64 on-demand"], "nvidia"],
  ]);
});

/**
 * USD per hour, by hand. Machines of eu-central-1 cost 1.143 (t4g), 1.138 (c8g), 1.2 (m8g), 1.15 (c7a) or 1.251 (g5g, g6)
 * of us-east-1's price; spot is counted at 55 %. A GB of gp3 costs .0952 a month, a MiB/s of it above 125 .0476.
 */
const disk = (gb: number) => (gb * 0.0952 + (400 - 125) * 0.0476) / 730;
const address = 0.005;
const managerVolumes = (16 * 0.0952) / 730;
const alarmCount = alarms({ region: "eu-central-1", stack: "", type: "t4g.micro" }).length;

test("what dev costs: a nano with volumes and address; four spot machines of the dearest type with disk and address", () => {
  const idle = 0.0042 * 1.143 + managerVolumes + address;
  const machine = 0.1795 * 1.2 * 0.55 + disk(100) + address;
  const cost = costOf(settings("dev"))!;
  expect(cost.idle / 1e6).toBeCloseTo(idle, 4);
  expect(cost.pools.arm64!.atMost / 1e6).toBeCloseTo(4 * machine, 3);
  expect(cost.atMost / 1e6).toBeCloseTo(idle + 4 * machine, 3);
  expect(cost.limit).toBe("max");
  expect(figures(cost)).toMatchObject({ idlePerMonth: 8.6782, atMostPerHour: 0.6297 });
});

test("what prod costs: a micro, a NAT gateway and alarms; each pool at its max, all together the budget and no more", () => {
  const idle = 0.0084 * 1.143 + managerVolumes + (0.052 + address) + (alarmCount * 0.1) / 730;
  const cost = costOf(settings("prod"))!;
  expect(cost.idle / 1e6).toBeCloseTo(idle, 4);
  expect(cost).toMatchObject({ atMost: 10_000_000, limit: "budget", warnings: [] });
  expect(figures(cost)).toMatchObject({ atMostPerHour: 10, atMostPerMonth: 7_300 });
  // c8g.2xlarge and c8g.8xlarge, c7a.2xlarge, g5g.2xlarge, g6.2xlarge: on demand, which is dearer than spot of any.
  const byHand = {
    arm64: 20 * (0.319 * 1.138 + disk(200)),
    large: 4 * (1.2762 * 1.138 + disk(400)),
    x64: 10 * (0.4106 * 1.15 + disk(200)),
    "gpu-arm64": 2 * (0.556 * 1.251 + disk(200)),
    "gpu-x64": 2 * (0.9776 * 1.251 + disk(200)),
  };
  expect(Object.keys(cost.pools)).toEqual(Object.keys(byHand));
  for (const [pool, micros] of Object.entries(byHand))
    expect(cost.pools[pool]!.atMost / 1e6, pool).toBeCloseTo(micros, 2);
  const unlimited = costOf({ ...settings("prod"), budget: null })!;
  const sum = Object.values(byHand).reduce((all, one) => all + one, idle);
  expect(unlimited.atMost / 1e6).toBeCloseTo(sum, 2);
});

const costsOf = (stack: string) => {
  const { idlePerMonth, atMostPerHour } = figures(costOf(settings(stack))!);
  return { idle: idlePerMonth.toFixed(2), atMost: atMostPerHour.toFixed(2) };
};

test.each(examples)("the README of %s says what it costs", (stack) => {
  const { idle, atMost } = costsOf(stack);
  const page = read(`examples/${stack}/README.md`).replaceAll("\n", " ");
  expect(page).toContain(`USD ${idle} a month idle`);
  expect(page).toContain(`at most USD ${atMost} an hour`);
});

test("the README of existing-vpc says what it costs with public subnets", () => {
  const given = settings("existing-vpc");
  const network = { ...given.aws!.network, public: true } as AwsNetwork;
  const { idlePerMonth } = figures(costOf({ ...given, aws: { ...given.aws!, network } })!);
  expect(read("examples/existing-vpc/README.md")).toContain(
    `USD ${idlePerMonth.toFixed(2)} with \`public: true\``,
  );
});

test("the table of examples says what each costs idle", () => {
  const rows = read("examples/README.md").split("\n");
  for (const stack of [...examples, "dev", "prod"]) {
    const row = rows.find((line) => line.includes(`(${stack})`) || line.includes(`Pulumi.${stack}.yaml)`));
    expect(row).toContain(` ${costsOf(stack).idle} `);
  }
});
