/** Gauges of what agents and the manager measure: graphics processors and the way to GitHub. Sums, never a series a machine. */
import { githubHosts, type Gpu } from "../../protocol.ts";
import { gpusOf } from "../gpus.ts";
import { isAlive, type Machine, type World } from "../world.ts";
import type { ConnectTimes } from "./detail.ts";
import type { Beside, Moment, Series } from "./gauges.ts";

const alive = (world: World): Machine[] => Object.values(world.machines).filter(isAlive);

/** By pool that is in the settings; a pool without any has no series. */
function gpusByPool(world: World): Map<string, Gpu[]> {
  const all = new Map<string, Gpu[]>();
  for (const machine of alive(world)) {
    const gpus = gpusOf(world, machine) ?? [];
    if (gpus.length > 0 && world.config.pools[machine.pool])
      all.set(machine.pool, [...(all.get(machine.pool) ?? []), ...gpus]);
  }
  return all;
}

function gpuCounts({ world }: Moment): Series {
  return [...gpusByPool(world)].flatMap(([pool, gpus]) => {
    const counts = new Map<string, number>();
    for (const { vendor, health } of gpus) {
      const key = `${vendor} ${health}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return [...counts].map(([key, count]) => {
      const [vendor, health] = key.split(" ") as [string, string];
      return [{ pool, vendor, health }, count] as const;
    });
  });
}

/** What `of` makes of the figures that are known; pools in which none is have no series. */
const perPool =
  (figure: (gpu: Gpu) => number | null, of: (known: readonly number[]) => number) =>
  ({ world }: Moment): Series =>
    [...gpusByPool(world)].flatMap(([pool, gpus]) => {
      const known = gpus.map(figure).filter((value) => value !== null);
      return known.length === 0 ? [] : [[{ pool }, of(known)] as const];
    });

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const bytes = (values: readonly number[]) => sum(values) * 1024 ** 2;
const meanRatio = (values: readonly number[]) => sum(values) / values.length / 100;

/** The last readings of machines that have any. */
const readings = (world: World): ConnectTimes[] =>
  alive(world).flatMap(({ id }) => world.reports[id]?.usage?.connect ?? []);

export const detail = ({ connect }: Pick<Beside, "connect">) => ({
  muster_gpus: gpuCounts,
  muster_gpu_memory_bytes: perPool(({ memoryMb }) => memoryMb, bytes),
  muster_gpu_memory_used_bytes: perPool(({ memoryUsedMb }) => memoryUsedMb, bytes),
  muster_gpu_utilization_ratio: perPool(({ utilizationPercent }) => utilizationPercent, meanRatio),
  muster_github_connect_seconds: ({ world }: Moment): Series =>
    githubHosts.flatMap((host) => {
      const longest = (times: readonly ConnectTimes[]) =>
        times.map((each) => each[host]?.ms ?? null).filter((ms) => ms !== null);
      const [manager, machines] = [longest([connect()]), longest(readings(world))];
      return [
        ...(manager.length > 0 ? [[{ host, from: "manager" }, Math.max(...manager) / 1000] as const] : []),
        ...(machines.length > 0 ? [[{ host, from: "machine" }, Math.max(...machines) / 1000] as const] : []),
      ];
    }),
  muster_github_connect_failures: ({ world }: Moment): Series =>
    githubHosts.flatMap((host) => {
      const failed = (times: readonly ConnectTimes[]) =>
        times.filter((each) => each[host] !== undefined && each[host].ms === null).length;
      return [
        [{ host, from: "manager" }, failed([connect()])] as const,
        [{ host, from: "machine" }, failed(readings(world))] as const,
      ];
    }),
});
