/** Deliberate defects, planted round the real core: each must be caught, by the invariant that it breaks. */
import type { Clock } from "../../agent/manager/deps.ts";
import type { Fact } from "../../agent/manager/facts.ts";
import type { Limits } from "../../agent/manager/limits.ts";
import { type Action, plan as realPlan } from "../../agent/manager/plan.ts";
import type { Backend } from "../../agent/manager/ports.ts";
import type { Machine, View, World } from "../../agent/manager/world.ts";
import type { Invariant } from "./checker.ts";
import type { Cloud } from "./fakes/cloud.ts";
import type { FaultKind } from "./faults.ts";

export interface Defect {
  what: string;
  /** Any of these may see it first; `liveness` means that something never ends. */
  caughtBy: readonly (Invariant | "liveness")[];
  /** Within so many seeds, at the latest. */
  within: number;
  /** Seeds are drawn from these kinds alone where the defect is rare. */
  only?: readonly FaultKind[];
  /** Who names the machines; default: the request. */
  names?: "request" | "own";
  plan?: typeof realPlan;
  fact?: (fact: Fact, world: World) => Fact;
  actions?: (actions: readonly Action[], world: World) => readonly Action[];
  backend?: (cloud: Cloud, backend: Backend, clock: Clock) => Backend;
  limits?: (limits: Limits) => Limits;
}

const mapped = (world: World, change: (machine: Machine) => Machine): World => ({
  ...world,
  machines: Object.fromEntries(Object.entries(world.machines).map(([id, machine]) => [id, change(machine)])),
});
const without = (world: World, drop: (machine: Machine) => boolean): World => ({
  ...world,
  machines: Object.fromEntries(Object.entries(world.machines).filter(([, machine]) => !drop(machine))),
});

export const defects = {
  "failed-list-is-empty": {
    what: "a list that failed counts as a list of nothing",
    caughtBy: ["1 max", "1 budget", "5 stale-destroy", "3 busy-destroyed", "liveness"],
    within: 40,
    only: ["list-fails", "list-late", "message-late"],
    backend: (_cloud, backend) => ({ ...backend, list: (signal) => backend.list(signal).catch(() => []) }),
  },
  "in-flight-not-counted": {
    what: "machines whose launch is not answered are not counted",
    caughtBy: ["1 max", "1 budget", "10 plan", "12 bounded"],
    within: 10,
    plan: (world, now, limits) =>
      realPlan(
        without(world, ({ stage }) => stage === "asked"),
        now,
        limits,
      ),
  },
  "new-token-on-retry": {
    what: "a repeated launch asks for new machines",
    caughtBy: ["8 launch-identity", "1 max", "1 budget", "6 circuit"],
    within: 40,
    backend: (_cloud, backend) => {
      const sent = new Map<string, number>();
      return {
        ...backend,
        launch: (id, request, invitations, signal) => {
          const times = (sent.get(id) ?? 0) + 1;
          sent.set(id, times);
          if (times === 1) return backend.launch(id, request, invitations, signal);
          const renamed = (name: string) => `${name}-again${times}`;
          return backend.launch(
            renamed(id),
            { ...request, machines: request.machines.map(renamed) },
            invitations.map((each) => ({ ...each, machine: renamed(each.machine) })),
            signal,
          );
        },
      };
    },
  },
  "unknown-is-failure": {
    what: "a launch whose answer was lost counts as failed",
    caughtBy: ["1 max", "1 budget"],
    within: 60,
    only: ["launch-answer-lost", "launch-slow", "list-late"],
    fact: (fact) =>
      fact.is === "launch-unknown"
        ? { is: "launched", launch: fact.launch, machines: [], failures: [fact.failure] }
        : fact,
  },
  "budget-not-reserved": {
    what: "money is spent only once a machine is there",
    caughtBy: ["1 budget", "10 plan"],
    within: 60,
    plan: (world, now, limits) =>
      realPlan(
        mapped(world, (machine) => (machine.stage === "asked" ? { ...machine, priceMicros: 0 } : machine)),
        now,
        limits,
      ),
  },
  "leaving-costs-nothing": {
    what: "a machine that is finished with no longer counts in the budget although it exists",
    caughtBy: ["1 budget"],
    within: 60,
    plan: (world, now, limits) =>
      realPlan(
        mapped(world, (machine) =>
          machine.stage === "done" || machine.stage === "lost" ? { ...machine, priceMicros: 0 } : machine,
        ),
        now,
        limits,
      ),
  },
  "destroy-from-old-list": {
    what: "machines are destroyed whatever the age of the list",
    caughtBy: ["5 stale-destroy"],
    within: 40,
    plan: (world, now, limits) => {
      const views = Object.entries(world.views).map(([key, view]): [string, View] => [
        key,
        key.startsWith("backend:") && view.is === "stale" ? { is: "fresh", atMs: now } : view,
      ]);
      return realPlan({ ...world, views: Object.fromEntries(views) as World["views"] }, now, limits);
    },
  },
  "refusal-missing": {
    what: "jobs wait and nobody is told why",
    caughtBy: ["13 refusal"],
    within: 20,
    plan: (world, now, limits) => ({ ...realPlan(world, now, limits), refusals: {} }),
  },
  "loss-not-noticed": {
    what: "a machine that is gone from its backend is taken for late in the lists, for ever",
    caughtBy: ["14 reaction", "liveness"],
    within: 60,
    only: ["sudden-death", "message-late"],
    backend: (_cloud, backend) => {
      const known = new Map<string, Awaited<ReturnType<Backend["list"]>>[number]>();
      return {
        ...backend,
        list: async (signal) => {
          for (const machine of await backend.list(signal)) known.set(machine.id, machine);
          return [...known.values()];
        },
      };
    },
  },
  "no-probe": {
    what: "after its pause an offer is open for everybody instead of for one probe",
    caughtBy: ["6 circuit"],
    within: 200,
    only: ["shortage"],
    plan: (world, now, limits) => {
      const open = Object.entries(world.circuits).filter(
        ([, { untilMs, is }]) => now < untilMs && is === "open",
      );
      return realPlan({ ...world, circuits: Object.fromEntries(open) as World["circuits"] }, now, limits);
    },
  },
  "circuits-ignored": {
    what: "a shortage closes nothing",
    caughtBy: ["6 circuit"],
    within: 20,
    only: ["shortage"],
    plan: (world, now, limits) => realPlan({ ...world, circuits: {} }, now, limits),
  },
  "map-order-used": {
    what: "the order in which machines happen to lie in a map decides",
    caughtBy: ["10 plan"],
    within: 20,
    plan: (world, now, limits) => {
      const made = realPlan(world, now, limits);
      const first = Object.keys(world.machines)[0] ?? "";
      return { ...made, refusals: { ...made.refusals, [first]: [] } };
    },
  },
  "limit-removed": {
    what: "nothing is ever forgotten",
    caughtBy: ["12 bounded"],
    within: 40,
    limits: (limits) => ({ ...limits, mapsMax: Infinity, jobKeptMs: 1e12, jobSilentMs: 1e12 }),
  },
  "secret-in-error": {
    what: "an error quotes a JIT config in the log",
    caughtBy: ["9 secret"],
    within: 20,
    fact: (fact) => {
      if (fact.is !== "minted") return fact;
      throw new Error(`cannot store jit-config-of-${fact.name}`);
    },
  },
  "other-owners-machines": {
    what: "a list without the owner's filter, and what it shows is ours",
    caughtBy: ["2 ownership"],
    within: 5,
    backend: (cloud, backend) => ({
      ...backend,
      list: async (signal) => {
        const foreign = [...cloud.foreign].map((id) => ({ id, pool: "z", launch: "x", offer: "y" }));
        return [
          ...(await backend.list(signal)),
          ...foreign.map((each) => ({ ...each, startedMs: 0, running: true })),
        ];
      },
    }),
  },
  "retires-at-once": {
    what: "a listener is retired as soon as it listens, whoever waits",
    caughtBy: ["15 idle", "liveness", "16 job-once"],
    within: 20,
    actions: (actions, world) => {
      const idle = Object.values(world.machines).filter(
        ({ stage, registration }) => stage === "listening" && registration,
      );
      const retire = idle.map(({ id, pool, registration }): Action => ({
        ...{ key: `retire:${id}`, do: "retire", machine: id, pool },
        runner: { id: registration!.id, name: registration!.name },
      }));
      return [...actions, ...retire];
    },
  },
  "loss-ignored": {
    what: "nobody asks what became of lost jobs",
    caughtBy: ["liveness"],
    within: 100,
    only: ["sudden-death"],
    names: "own",
    actions: (actions) => actions.filter((action) => action.do !== "rerun"),
  },
} satisfies Record<string, Defect>;
