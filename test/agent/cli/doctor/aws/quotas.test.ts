import { describe, expect, it, test } from "vitest";
import { quotaOf } from "../../../../../agent/cli/doctor/aws/quota-codes.ts";
import { gpuPool, lookAtAws, refuse } from "./rig.ts";

const gpuSpot = "L-3819A6DF";
const gpuOnDemand = "L-DB2E81BA";

const quotas = (values: Record<string, unknown>, limits: Record<string, number | null>) =>
  lookAtAws(["quotas"], {
    values,
    aws: { quota: (_region, code) => Promise.resolve(code in limits ? limits[code]! : 1_000) },
  }).then(({ all }) => all);
const bad = (all: Awaited<ReturnType<typeof quotas>>) => all.filter(({ level }) => level !== "ok");

describe("vCPU quotas", () => {
  it("0 for GPUs is a blocker of their pool, with the page and the command that ask for what max needs", async () => {
    const found = bad(await quotas({ pools: gpuPool("spot") }, { [gpuSpot]: 0 }));
    expect(found).toEqual([
      {
        id: "quotas",
        level: "blocker",
        found:
          'the quota "All G and VT Spot Instance Requests" in eu-central-1 is 0 vCPUs: not one machine of gpu can start by it',
        cure:
          "aws service-quotas request-service-quota-increase --region eu-central-1 --service-code ec2 --quota-code L-3819A6DF --desired-value 16 " +
          "(or, with a reason: https://eu-central-1.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-3819A6DF)",
      },
    ]);
  });

  it("a pool with another way is warned of the one that is shut, and blocked when all are", async () => {
    const both = { pools: gpuPool("spot", "on-demand") };
    expect(bad(await quotas(both, { [gpuSpot]: 0 })).map(({ level, found }) => [level, found])).toEqual([
      ["warning", expect.stringContaining("other entries of the pool have to do") as string],
    ]);
    expect(bad(await quotas(both, { [gpuSpot]: 0, [gpuOnDemand]: 4 })).map(({ level }) => level)).toEqual([
      "blocker",
      "blocker",
    ]);
  });

  it("less than max needs is a warning with both numbers", async () => {
    const [one, ...more] = bad(await quotas({}, { "L-34B43A08": 31 }));
    expect(more).toEqual([]);
    expect(one).toMatchObject({ level: "warning" });
    expect(one!.found).toContain("is 31 vCPUs and the stack may want 32 vCPUs with arm64 at the most");
    expect(one!.cure).toContain("--desired-value 32");
    expect(bad(await quotas({}, { "L-34B43A08": 32 }))).toEqual([]);
  });

  it("pools of one family add up, entries of one pool share its max, and the manager counts", async () => {
    const type = (name: string) => ({ aws: { types: [name], market: "on-demand" } });
    const pools = {
      one: { labels: ["self-hosted", "one"], max: 3, backends: [type("c7g.xlarge"), type("m7g.2xlarge")] },
      two: { labels: ["self-hosted", "two"], max: 5, backends: [type("c7i.xlarge")] },
    };
    const [only, ...more] = await quotas({ pools }, {});
    expect(more).toEqual([]);
    // 2 of the manager, 3 times 8, 5 times 4.
    expect(only!.found).toContain("46 vCPUs with the manager, one, two at the most");
  });

  it("one that keeps the manager itself from starting is a blocker", async () => {
    const [one] = bad(await quotas({}, { "L-1216C47A": 1 }));
    expect(one).toMatchObject({ level: "blocker" });
    expect(one!.found).toContain("not one machine of the manager");
  });

  it.each([
    [() => refuse("AccessDeniedException", "no", "GetServiceQuota in eu-central-1"), "AccessDeniedException"],
    [() => Promise.resolve(null), "Service Quotas does not know it there"],
  ])("ones that cannot be seen are warnings with the right and the command", async (quota, why) => {
    const { all } = await lookAtAws(["quotas"], { aws: { quota } });
    expect(all.length).toBeGreaterThan(1);
    for (const { level, found, cure } of all) {
      expect([level, found]).toEqual(["warning", expect.stringContaining(why) as string]);
      expect(cure).toMatch(/servicequotas:GetServiceQuota.*aws service-quotas get-service-quota --region/);
    }
  });
});

test("each family that AWS has counts in the quota that its documentation names", () => {
  const code = (type: string, market: "spot" | "on-demand" = "on-demand") =>
    quotaOf(type, market)?.code ?? null;
  for (const type of [
    "a1.large",
    "c8g.xlarge",
    "d3.xlarge",
    "h1.2xlarge",
    "i4i.large",
    "im4gn.large",
    "is4gen.medium",
    "m7g.large",
    "r8g.large",
    "t4g.nano",
    "z1d.large",
  ])
    expect([type, code(type), code(type, "spot")]).toEqual([type, "L-1216C47A", "L-34B43A08"]);
  for (const type of ["g4dn.xlarge", "g5g.2xlarge", "g6.xlarge", "gr6.4xlarge", "vt1.3xlarge"])
    expect([type, code(type), code(type, "spot")]).toEqual([type, gpuOnDemand, gpuSpot]);
  expect(
    ["p5.48xlarge", "inf2.xlarge", "trn1.2xlarge", "dl1.24xlarge", "f2.6xlarge", "x2gd.large"].map((type) => [
      code(type),
      code(type, "spot"),
    ]),
  ).toEqual([
    ["L-417A185B", "L-7212CCBC"],
    ["L-1945791B", "L-B5D1601B"],
    ["L-2C3B7624", "L-6B0D517C"],
    ["L-6E869C2A", "L-85EED4F7"],
    ["L-74FC7D96", "L-88CF9481"],
    ["L-7295265B", "L-E3A00192"],
  ]);
  expect([code("hpc7g.4xlarge"), code("hpc7g.4xlarge", "spot")]).toEqual(["L-F7808C92", null]);
  expect([code("u-6tb1.metal"), code("u7i-12tb.224xlarge")]).toEqual(["L-43DA4232", "L-43DA4232"]);
});
