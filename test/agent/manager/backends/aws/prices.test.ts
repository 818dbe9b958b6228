import { afterEach, describe, expect, test } from "vitest";
import { awsLimits } from "../../../../../agent/manager/backends/aws/limits.ts";
import { type Answer, ec2Error, entry, makeRig, type Rig, type } from "./fake.ts";

let rig: Rig;
afterEach(() => rig.close());
const start = (answer: Answer, entries = [entry()]) => {
  rig = makeRig(answer, entries);
  return rig.backend();
};
const price = (InstanceType: string, AvailabilityZone: string, SpotPrice: string) => ({
  ...{ InstanceType, AvailabilityZone, SpotPrice },
});
const prices = (...SpotPriceHistory: unknown[]) => ({ SpotPriceHistory });

describe("an offer", () => {
  test("is one for each entry, by a name that stays, priced at the dearest type and what a machine costs besides", () => {
    const backend = start(() => prices());
    expect(backend.offers("a", entry({ besideMicrosPerHour: 7 }))).toEqual([
      {
        key: "aws:a:spot-eu-central-1",
        backend: "aws",
        priceMicros: 120_007,
        scopes: [
          { on: "backend", key: "aws:eu-central-1" },
          { on: "backend", key: "aws:spot" },
          { on: "quota", key: "aws:eu-central-1:spot:standard" },
        ],
      },
    ]);
    const newer = backend.offers("a", entry({ template: { id: "lt-1", version: 9 } }));
    expect(newer[0]!.key).toBe("aws:a:spot-eu-central-1");
  });

  test("hangs on every quota that its types count in", () => {
    const [offer] = start(() => prices()).offers(
      "a",
      entry({ types: [type("g5g.xlarge"), type("c8g.large")] }),
    );
    const quotas = offer!.scopes.filter(({ on }) => on === "quota").map(({ key }) => key);
    expect(quotas).toEqual(["aws:eu-central-1:spot:g", "aws:eu-central-1:spot:standard"]);
  });

  test("costs nothing besides where machines always exist, and is not made for another kind of entry", () => {
    const backend = start(() => prices());
    expect(backend.offers("a", entry({ fixed: ["i-1"], besideMicrosPerHour: 7 }))).toMatchObject([
      { priceMicros: 0, slots: [] },
    ]);
    expect(backend.offers("a", { kind: "local" })).toEqual([]);
  });
});

describe("spot prices", () => {
  const priceOf = (backend: ReturnType<typeof start>, over = {}) =>
    backend.offers("a", entry(over))[0]!.priceMicros;

  test("are read at the start and every hour: the dearest type in the dearest of the entry's zones counts", async () => {
    let dear = "0.0500";
    const backend = start(() =>
      prices(
        price("c8g.2xlarge", "eu-central-1a", "0.0400"),
        price("c8g.2xlarge", "eu-central-1b", dear),
        price("c7g.2xlarge", "eu-central-1a", "0.0450"),
        price("c7g.2xlarge", "eu-central-1c", "0.0900"), // no subnet there
      ),
    );
    let changes = 0;
    const end = backend.watch!(() => (changes += 1));
    await rig.clock.advance(1_000);
    expect([changes, priceOf(backend)]).toEqual([1, 50_000]);
    dear = "0.0612345";
    await rig.clock.advance(awsLimits.pricePeriodMs);
    expect([changes, priceOf(backend)]).toEqual([2, 61_235]);
    expect(rig.of("DescribeSpotPriceHistory")).toHaveLength(2);
    end();
    await rig.clock.advance(2 * awsLimits.pricePeriodMs);
    expect(rig.of("DescribeSpotPriceHistory")).toHaveLength(2);
  });

  test("count for spot alone, and a type without one counts as the settings say", async () => {
    const backend = start(() => prices(price("c7g.2xlarge", "eu-central-1a", "0.01")));
    backend.watch!(() => {});
    await rig.clock.advance(1_000);
    expect(priceOf(backend)).toBe(120_000); // c8g's
    expect(priceOf(backend, { market: "on-demand" })).toBe(120_000);
    expect(priceOf(backend, { types: [type("c7g.2xlarge")] })).toBe(10_000);
  });

  test("that may not be read leave the settings' count, and it is said", async () => {
    const backend = start(() => Promise.reject(ec2Error("UnauthorizedOperation", "no", 403)));
    backend.watch!(() => {});
    await rig.clock.advance(1_000);
    expect(priceOf(backend)).toBe(120_000);
    expect(rig.logged.join()).toContain("spot prices cannot be read");
  });

  test("that could not be read anew for long are forgotten", async () => {
    let down = false;
    const backend = start(() =>
      down
        ? Promise.reject(ec2Error("Unavailable", "no", 503))
        : prices(
            price("c8g.2xlarge", "eu-central-1a", "0.04"),
            price("c7g.2xlarge", "eu-central-1a", "0.04"),
          ),
    );
    backend.watch!(() => {});
    await rig.clock.advance(1_000);
    down = true;
    await rig.clock.advance(awsLimits.pricePeriodMs);
    expect(priceOf(backend)).toBe(40_000);
    await rig.clock.advance(awsLimits.priceKeptMs);
    expect(priceOf(backend)).toBe(120_000);
  });

  test("are not asked for without spot entries", async () => {
    const backend = start(() => prices(), [entry({ market: "on-demand" })]);
    backend.watch!(() => {});
    await rig.clock.advance(1_000);
    expect(rig.calls).toEqual([]);
  });
});
