/**
 * The invariants, each with the number of facts/reconcilers.md 4.3 and a name, judged from what the fakes saw. The manager's
 * own world is asked only for what it has given up, and for what it was told.
 */
import type { Fact } from "../../agent/manager/facts.ts";
import type { Limits } from "../../agent/manager/limits.ts";
import type { Plan } from "../../agent/manager/plan.ts";
import type { ManagerConfig } from "../../agent/manager-config.ts";
import { isAlive, type World } from "../../agent/manager/world.ts";
import { boundsOf } from "./checks/bounds.ts";
import { makeCircuitCheck } from "./checks/circuits.ts";
import { makeEndingCheck } from "./checks/endings.ts";
import { makePlanCheck } from "./checks/plan.ts";
import { makeReactionCheck } from "./checks/reaction.ts";
import { makeRerunCheck } from "./checks/reruns.ts";
import type { SimEvent, Story } from "./events.ts";
import type { Cloud } from "./fakes/cloud.ts";
import type { SimulatedGitHub } from "./fakes/github.ts";
import type { FaultPlan } from "./faults.ts";
import type { ManagerProcess } from "./manager-process.ts";

export const invariants = {
  "0 no-contradiction": "plan, apply and act never fail in an unforeseen way",
  "1 max": "machines of a pool that are not leaving are at most its max",
  "1 budget": "all machines that exist, and all that are asked for, cost at most the budget",
  "2 ownership": "nothing of another stack or owner is touched",
  "3 busy-destroyed": "a machine with a job is ended only for a reason",
  "4 one-registration": "a machine's life has one registration and one job; a token is good once",
  "5 stale-destroy": "no destroy rests on a failed, old or missing list",
  "6 circuit": "nothing is launched where it was refused a moment ago; then one probe",
  "7 call-storm": "no side is called more than it can bear",
  "8 launch-identity":
    "a machine belongs to one launch and counts as one of those it asked for; a launch is repeated byte for byte and leaves after it was journalled",
  "9 secret": "no token or JIT config is logged, journalled or believed",
  "10 plan":
    "plan is pure: same world, same plan, input unchanged, order of maps without meaning, own launches counted",
  "12 bounded": "every collection is within its limit",
  "13 refusal": "every waiting job has a machine on its way or a reason shown",
  "14 reaction": "a job that can be served has a launch within a second; a lost machine is given up in time",
  "15 idle": "no listener is retired while its pool's jobs may need it",
  "16 job-once": "a job starts on one machine; GitHub gives up on none while nothing is broken",
  "17 rerun": "a job whose machine its cloud took away is run again when its run has ended, and no job twice",
} as const;
export type Invariant = keyof typeof invariants;

export class Violation extends Error {
  override readonly name = "Violation";
  readonly invariant: Invariant;
  constructor(invariant: Invariant, saw: string) {
    super(`invariant ${invariant} (${invariants[invariant]}) does not hold: ${saw}`);
    this.invariant = invariant;
  }
}

export interface CheckerOptions {
  story: Story;
  clouds: readonly Cloud[];
  github: SimulatedGitHub;
  limits: Limits;
  faults: FaultPlan;
  now: () => number;
  settings: () => ManagerConfig;
  manager: () => ManagerProcess | null;
}
export interface Checks extends CheckerOptions {
  fail(invariant: Invariant, saw: string): void;
  /** Machines that a manager has given up: ended, done, lost. */
  givenUp: ReadonlySet<string>;
  /** Since when the present manager runs. */
  managerSinceMs(): number;
}
export interface Checker {
  readonly violation: Violation | null;
  /** After each step. */
  step(): void;
  fact(fact: Fact, before: World, after: World): void;
  planned(plan: Plan, world: World, now: number): void;
  managerStarted(): void;
  logged(line: string): void;
  fail(invariant: Invariant, saw: string): void;
}

/** Every simulated JIT config begins so. */
const secretPart = "jit-config-of";

/** A lowered max holds once what was asked before has come and gone. */
const loweredMs = 200_000;

export function makeChecker(options: CheckerOptions): Checker {
  const { story, clouds, github, now } = options;
  let violation: Violation | null = null;
  let startedMs = now();
  /** Backends of which the present manager has seen no list: after a lost journal it may know less than there is. */
  let unlisted = new Set(clouds.map(({ name }) => name));
  const givenUp = new Set<string>();
  const checks: Checks = {
    ...options,
    givenUp,
    managerSinceMs: () => startedMs,
    fail: (invariant, saw) => void (violation ??= new Violation(invariant, saw)),
  };
  const { fail } = checks;
  const circuits = makeCircuitCheck(checks);
  const endings = makeEndingCheck(checks);
  const plans = makePlanCheck(checks);
  const reruns = makeRerunCheck(checks);
  const reaction = makeReactionCheck(checks);
  const identity = makeIdentityCheck(checks);
  const storm = makeStormCheck(checks);
  const maxima = makeMaxima(options, loweredMs);

  /** Judged when a machine comes: a lowered max ends none that is busy. */
  const limitsHold = (grown: string) => {
    if (unlisted.size > 0 && now() - startedMs > options.limits.unlistedMsMax - 1) return;
    const { pools, budget } = options.settings();
    for (const pool of Object.keys(pools).filter((name) => name === grown)) {
      const counted = clouds
        .flatMap(({ machines }) => [...machines.values()])
        .filter((machine) => machine.pool === pool && machine.running && !givenUp.has(machine.id));
      const max = maxima.of(pool);
      if (counted.length > max)
        fail("1 max", `pool ${pool} has ${counted.map(({ id }) => id).join(", ")}, max ${max}`);
    }
    if (budget === null) return;
    const spent = clouds.reduce((sum, cloud) => sum + costOf(cloud), 0);
    if (spent > budget.microsPerHour)
      fail("1 budget", `${spent} micros an hour, ${budget.microsPerHour} allowed`);
  };

  story.listen((event) => {
    circuits.hear(event);
    endings.hear(event);
    reruns.hear(event);
    identity(event);
    storm(event);
    if (event.is === "list-answered" && event.ok) unlisted.delete(event.backend);
    reaction.hear(event);
    if (event.is === "machine-made") limitsHold(event.pool);
    if (
      event.is === "launch-called" &&
      clouds.some((cloud) => event.machines.some((id) => cloud.foreign.has(id)))
    )
      fail("2 ownership", `a launch took a name of another stack: ${event.machines.join(", ")}`);
    if (event.is === "destroy-called") {
      const others = event.machines.filter((id) => clouds.some((cloud) => cloud.foreign.has(id)));
      if (others.length > 0) fail("2 ownership", `${others.join(", ")} of another stack was to be destroyed`);
    }
    if (event.is === "job" && event.now === "stuck" && Object.keys(options.faults).length === 0)
      fail("16 job-once", `GitHub gave ${event.job} up, and nothing is broken`);
    if (event.is === "job" && event.now === "running" && github.jobs.get(event.job)!.starts.length > 1)
      fail("16 job-once", `${event.job} was started on ${github.jobs.get(event.job)!.starts.join(" and ")}`);
  });

  return {
    get violation() {
      return violation;
    },
    step: () => {
      maxima.note();
      reaction.step();
    },
    fact: (fact, before, after) => {
      if (before.machines !== after.machines) {
        for (const machine of Object.values(after.machines)) if (!isAlive(machine)) givenUp.add(machine.id);
        for (const saw of overfull(after)) fail("8 launch-identity", saw);
      }
      endings.fact(fact, before);
      reaction.fact(fact, before, after);
      reruns.fact(fact, before, after);
      for (const saw of boundsOf(after, options.limits)) fail("12 bounded", saw);
    },
    planned: (plan, world, at) => {
      if (Object.values(world.circuits).some(({ detail }) => detail.includes(secretPart)))
        fail("9 secret", "a circuit's sentence quotes a JIT config");
      plans(plan, world, at);
      reaction.planned(plan, world);
    },
    managerStarted: () => {
      startedMs = now();
      unlisted = new Set(clouds.map(({ name }) => name));
      circuits.managerStarted();
      endings.managerStarted();
      reaction.managerStarted();
    },
    logged: (line) => {
      if (line.includes(secretPart) || line.includes('"token"'))
        fail("9 secret", `a log line holds one: ${line.slice(0, 200)}`);
      if (line.includes("in an unforeseen way")) fail("0 no-contradiction", line.slice(0, 2_000));
    },
    fail,
  };
}

/** What a cloud's machines cost, those included that are asked for and not yet made. */
function costOf({ machines, inFlight, offers, made }: Cloud): number {
  const price = new Map(offers.map(({ key, priceMicros }) => [key, priceMicros]));
  let micros = 0;
  for (const { offer } of machines.values()) micros += price.get(offer)!;
  for (const { offer, machines: asked } of inFlight.values())
    for (const id of asked) if (made(id) === 0) micros += price.get(offer)!;
  return micros;
}

/** Launches of which more machines are believed in than were asked for: no cloud here makes more. */
function overfull({ machines, launches }: World): string[] {
  const counts = new Map<string, number>();
  for (const { launch } of Object.values(machines)) counts.set(launch, (counts.get(launch) ?? 0) + 1);
  return Object.values(launches).flatMap(({ id, request }) => {
    const [count, asked] = [counts.get(id) ?? 0, request.machines.length];
    return count > asked ? [`launch ${id} asked for ${asked} machines and counts as ${count}`] : [];
  });
}

/** The largest max of a pool within the last while. */
function makeMaxima({ settings, now }: CheckerOptions, keptMs: number) {
  const seen = new Map<string, { max: number; untilMs: number }[]>();
  let noted: ManagerConfig | null = null;
  const note = () => {
    const { pools } = settings();
    if (noted === settings()) return;
    noted = settings();
    for (const list of seen.values())
      for (const each of list) each.untilMs = Math.min(each.untilMs, now() + keptMs);
    for (const [pool, { max }] of Object.entries(pools))
      seen.set(pool, [...(seen.get(pool) ?? []), { max, untilMs: Infinity }]);
  };
  return {
    note,
    of: (pool: string) => {
      note();
      return Math.max(
        ...(seen.get(pool) ?? []).filter(({ untilMs }) => untilMs >= now()).map(({ max }) => max),
        0,
      );
    },
  };
}

function makeIdentityCheck({ fail, github }: Checks) {
  const launches = new Map<string, string>();
  const owners = new Map<string, string>();
  const minted = new Set<string>();
  return (event: SimEvent) => {
    if (event.is === "launch-called") {
      const request = JSON.stringify([event.backend, event.offer, event.pool, event.machines]);
      const before = launches.get(event.launch);
      if (before !== undefined && before !== request)
        fail("8 launch-identity", `launch ${event.launch} was ${before} and is repeated as ${request}`);
      launches.set(event.launch, request);
      for (const id of event.machines) {
        const owner = owners.get(id);
        if (owner !== undefined && owner !== event.launch)
          fail("8 launch-identity", `${id} belongs to launch ${owner} and is asked for by ${event.launch}`);
        owners.set(id, event.launch);
      }
    }
    if (event.is === "minted") {
      if (minted.has(event.name)) fail("4 one-registration", `${event.name} was registered twice`);
      minted.add(event.name);
    }
    if (event.is === "remove-called" && !/^([abc]|i)-/.test(event.name))
      fail("2 ownership", `runner ${event.name} is not ours and was to be deleted`);
    if (event.is === "replayed" && event.served)
      fail("4 one-registration", `${event.machine} was enrolled a second time with the same token`);
    if (event.is === "job" && event.now === "running") {
      const others = [...github.jobs.values()].filter(
        ({ id, starts }) => id !== event.job && starts.includes(event.runner!),
      );
      if (others.length > 0)
        fail("4 one-registration", `runner ${event.runner} took ${event.job} after ${others[0]!.id}`);
    }
  };
}

/** Real APIs count by the minute; loops that spin call thousands of times. */
const callsMax = 150;
const windowMs = 10_000;

function makeStormCheck({ fail, now }: Checks) {
  const calls = new Map<string, number[]>();
  return (event: SimEvent) => {
    const to =
      event.is === "launch-called" || event.is === "destroy-called" || event.is === "list-answered"
        ? event.backend
        : event.is === "mint-called" || event.is === "remove-called"
          ? `GitHub for ${event.pool}`
          : null;
    if (to === null) return;
    const times = [...(calls.get(to) ?? []), now()].filter((ms) => now() - ms < windowMs);
    calls.set(to, times);
    if (times.length > callsMax)
      fail("7 call-storm", `${times.length} calls to ${to} within ${windowMs / 1_000} s`);
  };
}
