/** Builders of facts for tests, and what a world becomes after them. */
import { apply } from "../../../agent/manager/apply.ts";
import type { Fact, JobNews, ListedMachine } from "../../../agent/manager/facts.ts";
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import type { World } from "../../../agent/manager/world.ts";
import { deepFreeze, demand, now } from "./worlds.ts";

export const after = (start: World, ...facts: Fact[]) =>
  facts.reduce((at, fact) => deepFreeze(apply(at, fact, now, limits)), start);
export const entry = (id: string, over: Partial<ListedMachine> = {}): ListedMachine => ({
  id,
  pool: "a",
  launch: "l0",
  offer: "local",
  startedMs: now - 1_000,
  running: true,
  ...over,
});
export const listed = (machines: ListedMachine[], startedMs = now): Fact => ({
  is: "listed",
  backend: "local",
  machines,
  startedMs,
});
export const synced = (id: string, over: Partial<Extract<Fact, { is: "synced" }>> = {}): Fact => ({
  is: "synced",
  machine: id,
  life: 1,
  done: 0,
  job: null,
  report: { sequence: 2, phase: "ready", lastLife: null, problem: null, usage: null },
  ...over,
});
export const said = (
  phase: "ready" | "listening" | "busy" | "ended",
  lastLife: { ranJob: boolean; code?: number } | null = null,
) => ({
  report: {
    sequence: 2,
    phase,
    lastLife: lastLife && {
      life: 1,
      code: lastLife.code ?? 0,
      ranJob: lastLife.ranJob,
      result: lastLife.ranJob ? "Succeeded" : null,
    },
    problem: null,
    usage: null,
  },
});
export const news = (is: JobNews["is"], over: Partial<JobNews> = {}): JobNews => ({
  is,
  id: "j1",
  name: "build",
  repository: "acme/widgets",
  workflowRun: 1,
  workflowRef: "",
  queuedMs: now,
  assignedMs: null,
  runner: null,
  result: null,
  ...over,
});
export const seen = (items: JobNews[], assigned = 1, running = 0): Fact => ({
  is: "demand-seen",
  pool: "a",
  statistics: demand(assigned, running).statistics,
  news: items,
  labelsDropped: [],
});
