import { describe, expect, it } from "vitest";
import { lookAtAws, zones } from "./rig.ts";

type Places = Record<string, readonly string[]>;
const types = (places: Places, values: Record<string, unknown> = {}) =>
  lookAtAws(["machine-types"], {
    values,
    aws: {
      offered: (_region, asked) =>
        Promise.resolve(asked.flatMap((type) => (places[type] ?? zones).map((zone) => ({ type, zone })))),
    },
  }).then(({ all }) => all.map(({ level, found, cure }) => ({ level, found, cure })));

describe("machine types", () => {
  it("of which none is offered in the zones are a blocker that says where they are", async () => {
    const [, pool] = await types({ "c8g.xlarge": ["eu-central-1c"], "c7g.2xlarge": [] });
    expect(pool).toEqual({
      level: "blocker",
      found:
        "pool arm64 (spot-eu-central-1): c8g.xlarge, c7g.2xlarge not offered in eu-central-1a, eu-central-1b",
      cure: "take other types or zones; offered are c8g.xlarge: eu-central-1c; c7g.2xlarge: nowhere in eu-central-1",
    });
  });

  it("of which some are not offered are a warning", async () => {
    const [, pool] = await types({ "c8g.xlarge": [] });
    expect(pool).toMatchObject({
      level: "warning",
      found: expect.stringContaining(": c8g.xlarge not offered in") as string,
    });
  });

  it("that one zone lacks are in order, and the line says so", async () => {
    const [, pool] = await types({ "c8g.xlarge": [zones[0]!] });
    expect(pool).toMatchObject({
      level: "ok",
      found: expect.stringContaining("but c8g.xlarge not in eu-central-1b") as string,
    });
  });

  it("of fixed machines must be offered in each zone that gets one", async () => {
    const pools = (fixed: number) => ({
      pools: {
        arm64: {
          labels: ["self-hosted", "dev"],
          max: 4,
          reuse: true,
          backends: [{ aws: { types: ["c7g.2xlarge"], market: "on-demand", fixed } }],
        },
      },
    });
    const places = { "c7g.2xlarge": [zones[0]!] };
    expect((await types(places, pools(1)))[1]).toMatchObject({ level: "ok" });
    const [, two] = await types(places, pools(2));
    expect(two).toMatchObject({
      level: "blocker",
      found: expect.stringContaining("where a fixed machine is to stand") as string,
    });
  });

  it("the manager's must be offered in the first zone", async () => {
    const [manager] = await types({ "t4g.nano": [zones[1]!] });
    expect(manager).toMatchObject({
      level: "blocker",
      found: "the manager: t4g.nano not offered in eu-central-1a",
    });
  });
});
