import { expect, test } from "vitest";
import type { AwsBackend } from "../../../../agent/manager-config.ts";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { plan } from "../../../../agent/manager/plan.ts";
import { launchCount } from "../planning.ts";
import { config, demand, now, offer, world } from "../worlds.ts";

const entry: AwsBackend = {
  kind: "aws",
  name: "spot-eu-central-1",
  region: "eu-central-1",
  market: "spot",
  types: [
    { name: "c8g.2xlarge", cores: 8, memoryMb: 16_384, gpus: 0, microsPerHour: 100_000, currency: "USD" },
  ],
  template: { id: "lt-1", version: 1 },
  subnets: [{ id: "subnet-1", zone: "eu-central-1a" }],
  besideMicrosPerHour: 0,
  fixed: ["i-1"],
};

test("a pool of machines that always exist alone starts nothing, promises GitHub nothing, and says why its jobs wait", () => {
  const ec2 = world({
    config: config({ a: { backends: [entry] } }),
    offers: { a: [] },
    demand: { a: demand(2) },
  });
  expect(launchCount(ec2)).toBe(0);
  const { refusals, capacity } = plan(ec2, now, limits);
  expect(refusals.a).toEqual([
    { reason: "not-offered", jobs: 2, detail: expect.stringContaining("spot-eu-central-1 of the pool a") },
  ]);
  expect(capacity.a).toBe(0);
});

test("an entry whose machines are launched lacks nothing", () => {
  const launched = world({
    config: config({ a: { backends: [{ ...entry, fixed: [] }] } }),
    offers: { a: [offer()] },
    demand: { a: demand(2) },
  });
  expect(plan(launched, now, limits).refusals.a).toEqual([]);
});

test("a pool's other backends are used", () => {
  const mixed = world({
    config: config({ a: { backends: [entry, { kind: "local" }] } }),
    offers: { a: [offer()] },
    demand: { a: demand(2) },
  });
  expect(launchCount(mixed)).toBe(2);
});
