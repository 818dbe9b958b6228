/** After the storm: how long the rest may take, what is not finished, and whether it could be. */
import type { Limits } from "../../agent/manager/limits.ts";
import { journalQuietMs } from "../../agent/manager/limits.ts";
import type { Plan } from "../../agent/manager/plan.ts";
import type { ManagerConfig } from "../../agent/manager-config.ts";
import { isOpenLoss } from "../../agent/manager/losses.ts";
import { isAlive, type World } from "../../agent/manager/world.ts";
import type { Cloud } from "./fakes/cloud.ts";
import type { SimulatedGitHub } from "./fakes/github.ts";
import type { SimJob } from "./fakes/jobs.ts";

export interface Situation {
  settings: ManagerConfig;
  limits: Limits;
  github: SimulatedGitHub;
  clouds: readonly Cloud[];
  /** Backends without faults from now on. */
  core: ReadonlySet<string>;
  /** A journal was lost: records of machines that are gone by now are known to nobody until GitHub drops them. */
  forgetful: boolean;
  world: World;
  plan: Plan | null;
}

/** Not finished and still somebody's: GitHub itself gave up on stuck ones, a removed pool's are nobody's. */
export const isOpen = (job: SimJob, github: SimulatedGitHub) =>
  job.state === "running" || (job.state !== "completed" && job.state !== "stuck" && github.serves(job.pool));

/** Longest open circuit, then rounds of boot, registration and the longest job, then the deadlines of what is broken. */
export function boundMs({ limits, github, settings, world, core }: Situation): number {
  const open = [...github.jobs.values()].filter((job) => isOpen(job, github));
  const perPool = Object.entries(settings.pools).map(([pool, { max }]) =>
    Math.ceil(open.filter((job) => job.pool === pool).length / Math.max(1, max)),
  );
  const rounds = 1 + Math.max(0, ...perPool) + (core.size === 0 ? 0 : 1);
  const longestJob = Math.max(0, ...[...github.jobs.values()].map(({ durationMs }) => durationMs));
  const circuits = Object.values(world.circuits).map(({ untilMs }) => untilMs);
  const circuitMs = Math.max(
    limits.circuitMsMax["never-enrolled"],
    ...circuits.map((until) => until - world.resumedMs),
  );
  const lifeMs = limits.bootDeadlineMs + limits.registerDeadlineMs + limits.deafMs + longestJob;
  // A broken machine of a dead backend can come before each round, and its recipe's probes after that.
  return (
    circuitMs +
    rounds * (2 * lifeMs + limits.deadManMs) +
    limits.prepareDeadlineMs +
    journalQuietMs(limits) +
    2 * limits.deadManMs +
    4 * limits.tickMsMax
  );
}

/** What is not finished, in words; null when everything is. */
export function pending(now: Situation): string | null {
  const { github, clouds, settings, world, core, plan } = now;
  const job = [...github.jobs.values()].find(
    (each) => isOpen(each, github) && impossible(each, now) === null,
  );
  if (job) return `${job.id} of pool ${job.pool} is ${job.state}`;
  // A launch whose machines are seen is settled by them, whatever became of its answer.
  const doubt = Object.values(world.machines).find(
    ({ stage, backend }) => stage === "asked" && core.has(backend),
  );
  if (doubt) return `launch ${doubt.launch} at ${doubt.backend} is in doubt`;
  for (const [pool, { minIdle, max }] of Object.entries(settings.pools)) {
    const alive = Object.values(world.machines).filter(
      (machine) => machine.pool === pool && isAlive(machine),
    );
    if (impossiblePool(pool, now) !== null) continue;
    if (alive.length !== Math.min(minIdle, max))
      return `pool ${pool} has ${alive.length} machines, minIdle ${minIdle}`;
  }
  for (const cloud of clouds.filter(({ name }) => core.has(name))) {
    for (const { id } of cloud.machines.values()) {
      const machine = world.machines[id];
      if (!machine) return `${id} at ${cloud.name} is nobody's`;
      if (!isAlive(machine)) return `${id} at ${cloud.name} is ${machine.stage} and still exists`;
    }
  }
  for (const name of github.records.keys()) {
    if (now.forgetful && !exists(clouds, name)) continue;
    const owner = Object.values(world.machines).find(({ registration }) => registration?.name === name);
    if (!owner) return `runner record ${name} is nobody's`;
  }
  const loss = Object.values(world.losses).find(
    (each) => isOpenLoss(each) && each.run !== null && github.isOver(each.run),
  );
  if (loss) return `${loss.name}, lost with ${loss.machine}, is neither run again nor left`;
  const untold = unexplained(now);
  if (untold !== null) return untold;
  const actions = plan?.actions.filter(({ do: what }) => what !== "launch" && what !== "destroy") ?? [];
  if (actions.length > 0) return `the plan still wants ${actions.map(({ key }) => key).join(", ")}`;
  return null;
}

const exists = (clouds: readonly Cloud[], runner: string) =>
  clouds.some(({ machines }) =>
    [...machines.keys()].some((id) => runner === id || runner.startsWith(`${id}-`)),
  );

/** Why no machine can ever come for a pool although its core is whole: the reason that people must be shown. */
export function impossiblePool(
  pool: string,
  { settings, clouds, core, world }: Situation,
): "budget" | "max" | null {
  const own = settings.pools[pool];
  if (!own) return null;
  if (own.max === 0) return "max";
  if (settings.budget === null) return null;
  const offers = clouds
    .filter(({ name }) => core.has(name) && own.backends.some(({ kind }) => (kind as string) === name))
    .flatMap((cloud) => cloud.offers);
  const cheapest = Math.min(...offers.map(({ priceMicros }) => priceMicros));
  // Machines that nobody can reach or that other pools keep waiting cost money all the same.
  const held = Object.values(world.machines).filter(
    (machine) => !machine.gone && (!core.has(machine.backend) || machine.pool !== pool),
  );
  const spent = held.reduce((sum, { priceMicros }) => sum + priceMicros, 0);
  return cheapest > 0 && cheapest + spent > settings.budget.microsPerHour ? "budget" : null;
}

const impossible = (job: SimJob, now: Situation) =>
  job.state === "running" ? null : impossiblePool(job.pool, now);

/** Jobs that can never run must be told why; null when they are. */
export function unexplained(now: Situation): string | null {
  for (const job of now.github.jobs.values()) {
    if (!isOpen(job, now.github)) continue;
    const cause = impossible(job, now);
    if (cause === null) continue;
    const shown = (now.plan?.refusals[job.pool] ?? []).map(({ reason }) => reason);
    if (!shown.includes(cause))
      return `${job.id} cannot run because of ${cause}, and pool ${job.pool} shows ${shown.join(", ") || "no reason"}`;
  }
  return null;
}
