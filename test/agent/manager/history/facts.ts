/** Plays facts through the real apply into a history, as the loop does. */
import { apply } from "../../../../agent/manager/apply.ts";
import type { History } from "../../../../agent/manager/history/history.ts";
import { defaultLimits } from "../../../../agent/manager/limits.ts";
import type { Fact, JobNews } from "../../../../agent/manager/facts.ts";
import type { MachineId, Statistics, World } from "../../../../agent/manager/world.ts";
import { machine, world as worldOf } from "../worlds.ts";

type Observer = Pick<History, "record">;

export const statistics = (over: Partial<Statistics> = {}): Statistics => ({
  available: 0,
  acquired: 0,
  assigned: 0,
  running: 0,
  registered: 0,
  busy: 0,
  idle: 0,
  ...over,
});

export const news = (is: JobNews["is"], id: string, over: Partial<JobNews> = {}): JobNews => ({
  is,
  id,
  name: "build",
  repository: "acme/widgets",
  workflowRun: 12,
  workflowRef: "acme/widgets/.github/workflows/ci.yml@refs/heads/main",
  queuedMs: null,
  assignedMs: null,
  runner: null,
  result: null,
  ...over,
});

export function player(observers: readonly Observer[], first: World = worldOf()) {
  let world = first;
  const tell = (fact: Fact, now: number) => {
    const before = world;
    world = apply(before, fact, now, defaultLimits);
    for (const observer of observers) observer.record(fact, before, world, now);
  };
  const seen = (now: number, ...all: JobNews[]) =>
    tell({ is: "demand-seen", pool: "a", statistics: statistics(), news: all, labelsDropped: [] }, now);
  const synced = (id: MachineId, now: number, phase: "listening" | "busy", job: string | null = null) => {
    const { life, doneOrder } = world.machines[id]!;
    const report = { sequence: now, phase, lastLife: null, problem: null, usage: null };
    tell({ is: "synced", machine: id, life, done: doneOrder, job, report }, now);
  };
  return {
    tell,
    seen,
    synced,
    world: () => world,
    /** Launch asked to minted: four facts, `step` apart. */
    boot(id: MachineId, askedMs: number, step: number, runner = id): void {
      const launch = {
        id: `l-${id}`,
        backend: "local",
        request: { pool: "a", offer: "local", machines: [id] },
        worstMicros: 0,
        askedMs,
        sentMs: askedMs,
        sends: 1,
        is: "in-flight" as const,
      };
      const asked = machine(id, "asked", { launch: launch.id, askedMs, startedMs: null, stageMs: askedMs });
      tell({ is: "launch-sent", launch, machines: [asked] }, askedMs);
      tell({ is: "launched", launch: launch.id, machines: [id], failures: [] }, askedMs + step);
      const host = { arch: "x64", cores: 4, memoryMb: 8_000, diskFreeMb: 90_000, kernel: "6" };
      tell({ is: "enrolled", machine: id, host }, askedMs + 2 * step);
      tell({ is: "mint-asked", machine: id, name: runner, life: 1 }, askedMs + 3 * step - 1);
      tell({ is: "minted", machine: id, life: 1, runnerId: 7, name: runner }, askedMs + 3 * step);
    },
  };
}
