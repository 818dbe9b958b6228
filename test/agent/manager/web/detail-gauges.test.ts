import { expect, test } from "vitest";
import { makeMetrics } from "../../../../agent/manager/web/metrics.ts";
import type { Gpu, Usage } from "../../../../agent/protocol.ts";
import { config, machine, now, report, world } from "../worlds.ts";
import { fakeClock, quietDeps } from "./fake-deps.ts";

const gpu = (over: Partial<Gpu> = {}): Gpu => ({
  vendor: "nvidia",
  model: "NVIDIA T4G",
  driver: "595",
  health: "ok",
  problem: null,
  memoryMb: 16_384,
  memoryUsedMb: 1_024,
  utilizationPercent: 50,
  temperatureC: 40,
  ...over,
});
const usage = (over: Partial<Usage>): Usage => ({
  cpuPercent: 1,
  memoryUsedMb: 1,
  memoryTotalMb: 2,
  diskFreeMb: 1,
  diskTotalMb: 2,
  ...over,
});
const reading = (ms: number | null) => ({
  host: "evil",
  ms,
  proxy: null,
  problem: ms === null ? "evil" : null,
});

const lines = async (names: string, reports: Record<string, Partial<Usage>>) => {
  const metrics = makeMetrics(quietDeps(fakeClock(now)));
  metrics.observeConnect({ api: reading(20), broker: reading(null) });
  const machines = Object.keys(reports).map((id) => machine(id, "busy"));
  const heard = Object.entries(reports).map(([id, part]) => [id, report({ usage: usage(part) })]);
  const settings = config({ a: {}, b: {} });
  metrics.observeWorld(world({ config: settings, machines, reports: Object.fromEntries(heard) }), {}, now);
  return (await metrics.text()).split("\n").filter((line) => line.startsWith(names));
};

test("graphics processors are counted by vendor and health, their memory and use summed up per pool", async () => {
  const reports = {
    m1: { gpus: [gpu(), gpu({ utilizationPercent: 100 })] },
    m2: { gpus: [gpu({ health: "failed", memoryUsedMb: null, utilizationPercent: null, problem: "evil" })] },
    m3: {},
  };
  expect(await lines("muster_gpu", reports)).toEqual([
    'muster_gpus{pool="a",vendor="nvidia",health="ok"} 2',
    'muster_gpus{pool="a",vendor="nvidia",health="failed"} 1',
    `muster_gpu_memory_bytes{pool="a"} ${48 * 1024 ** 3}`,
    `muster_gpu_memory_used_bytes{pool="a"} ${2 * 1024 ** 3}`,
    'muster_gpu_utilization_ratio{pool="a"} 0.75',
  ]);
});

test("a pool without any has no series", async () => {
  expect(await lines("muster_gpu", { m1: { gpus: [] } })).toEqual([]);
});

test("the time to GitHub: the manager's, and the longest of the machines'; hosts are called api and broker whatever their names", async () => {
  const reports = {
    m1: { connect: { api: reading(30), broker: reading(40) } },
    m2: { connect: { api: reading(120), broker: reading(null) } },
    m3: {},
  };
  expect(await lines("muster_github_connect", reports)).toEqual([
    'muster_github_connect_seconds{host="api",from="manager"} 0.02',
    'muster_github_connect_seconds{host="api",from="machine"} 0.12',
    'muster_github_connect_seconds{host="broker",from="machine"} 0.04',
    'muster_github_connect_failures{host="api",from="manager"} 0',
    'muster_github_connect_failures{host="api",from="machine"} 0',
    'muster_github_connect_failures{host="broker",from="manager"} 1',
    'muster_github_connect_failures{host="broker",from="machine"} 1',
  ]);
});
