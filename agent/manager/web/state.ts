/** What people see, made from what the manager believes. Pure; the one place where strings of others become visible text. */
import type { Usage } from "../../protocol.ts";
import { waitedMs, type History, type JobRecord } from "../history/history.ts";
import { slotWarnings } from "../plan/slots.ts";
import {
  bootTold,
  stageOrder,
  steps,
  type BootView,
  type JobView,
  type MachineView,
  type ManagerState,
  type PoolView,
  type WaitReason,
} from "../view.ts";
import type { Loss } from "../losses.ts";
import { gpuLabels, gpusOf, labelWarning } from "../gpus.ts";
import { isAlive, type Job, type Machine, type Ms, type PoolName, type Stage, type World } from "../world.ts";
import { type ConnectTimes, connectViews, gpuView } from "./detail.ts";
import { visible, visibleOrNull } from "./visible.ts";
import { waitsFor } from "./waits.ts";

/** Jobs in a state, the completed ones included. */
export const jobsShownMax = 500;
const bootShownMs: Ms = 24 * 3_600_000;

export interface Meta {
  startedMs: Ms;
  /** SHA-256 of the manager's own bundle. */
  managerBundle: string;
  healthy: boolean;
  problem: string | null;
  /** How far GitHub is from the manager; default: not measured. */
  connect?: ConnectTimes;
  /** What machines said of their boots, newest first; default: nothing. */
  failedBoots?: readonly BootView[];
}

export interface StateInput {
  world: World;
  /** Of the last plan. */
  refusals: Readonly<Record<PoolName, readonly WaitReason[]>>;
  /** Last figure sent as X-ScaleSetMaxCapacity. */
  capacity: Readonly<Record<PoolName, number>>;
  history: Pick<History, "jobs" | "waits">;
  meta: Meta;
}

/** @param now wall time; ages in the answer are relative to its `atMs`. */
export function stateView(input: StateInput, now: Ms): ManagerState {
  const { world, meta } = input;
  const machines = Object.values(world.machines);
  const failedBoots = (meta.failedBoots ?? []).filter(({ atMs }) => now - atMs < bootShownMs);
  return {
    stack: world.config.stack,
    atMs: now,
    startedMs: meta.startedMs,
    configHash: world.configHash,
    managerBundle: meta.managerBundle,
    draining: world.draining,
    healthy: meta.healthy,
    problem: visibleOrNull(meta.problem),
    connect: connectViews(meta.connect ?? {}),
    credential: world.credential,
    pools: Object.keys(world.config.pools)
      .sort()
      .map((pool) => poolView(input, pool, machines)),
    machines: machines.sort(inReadingOrder).map((machine) => machineView(world, machine, failedBoots)),
    ...(failedBoots.length > 0 ? { failedBoots } : {}),
    jobs: jobViews(input, now),
  };
}

function poolView(input: StateInput, name: PoolName, machines: readonly Machine[]): PoolView {
  const { world } = input;
  const { labels, max, minIdle, reuse, gpu } = world.config.pools[name]!;
  const demand = world.demand[name];
  const statistics = demand?.statistics;
  const view = world.views[`demand:${name}`];
  const waits = input.history.waits()[name];
  const stages: Partial<Record<Stage, number>> = {};
  const alive = machines.filter((machine) => machine.pool === name && isAlive(machine));
  const warning = labelWarning(
    world.config.pools[name]!,
    alive.filter(({ enrolledMs }) => enrolledMs !== null).map((machine) => gpusOf(world, machine)),
  );
  for (const { pool, stage } of machines) if (pool === name) stages[stage] = (stages[stage] ?? 0) + 1;
  const shared = (world.access[name]?.warnings ?? []).map((each) => visible(each, 1024));
  return {
    name,
    labels,
    max,
    minIdle,
    reuse,
    gpu,
    waiting: Math.max(0, (statistics?.assigned ?? 0) + (demand?.uncounted ?? 0) - (statistics?.running ?? 0)),
    available: statistics?.available ?? 0,
    running: statistics?.running ?? 0,
    capacity: input.capacity[name] ?? 0,
    machines: stages,
    reasons: (input.refusals[name] ?? []).map((each) => ({ ...each, detail: visible(each.detail, 1024) })),
    warnings: [
      ...slotWarnings(world, name).map((each) => visible(each, 1024)),
      warning,
      refusedReruns(world, name),
      ...shared,
    ].filter((each) => each !== null),
    refused: (world.access[name]?.refusals ?? []).map((each) => ({
      ...each,
      detail: visible(each.detail, 1024),
    })),
    github: {
      is: view?.is ?? "never",
      atMs: view && view.is !== "never" ? view.atMs : null,
      why: view && view.is !== "fresh" ? visible(view.why, 1024) : null,
    },
    source: demand?.source
      ? { is: demand.source.is, why: demand.source.why === null ? null : visible(demand.source.why, 1024) }
      : null,
    ...(waits ? { waits } : {}),
  };
}

/** Said of the pool too: until somebody acts none of its lost jobs is run again. */
function refusedReruns({ losses }: World, pool: PoolName): string | null {
  const refused = Object.values(losses).filter(
    (loss) => loss.pool === pool && loss.reason === "rerun-refused",
  );
  if (refused.length === 0) return null;
  const many = refused.length === 1 ? "1 lost job is" : `${refused.length} lost jobs are`;
  return `${many} not run again: ${visible(refused[0]!.detail, 1024)}`;
}

const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const inReadingOrder = (a: Machine, b: Machine) =>
  byName(a.pool, b.pool) ||
  stageOrder.indexOf(a.stage) - stageOrder.indexOf(b.stage) ||
  a.askedMs - b.askedMs ||
  byName(a.id, b.id);

/** Why a machine does not come; of one that came it is the past. */
function bootProblem(machine: Machine, failed: readonly BootView[]): string | null {
  if (machine.enrolledMs !== null) return null;
  // Also of an earlier start of a machine that always exists: then it is the past as well.
  const own = failed.filter((each) => each.machine === machine.id && each.atMs >= machine.askedMs);
  const said = own.find(({ phase }) => phase !== "console") ?? own[0];
  return said ? `${bootTold(said)}: ${said.lines.at(-1) ?? "it does not say why"}` : null;
}

function machineView(world: World, machine: Machine, failed: readonly BootView[]): MachineView {
  const report = world.reports[machine.id];
  const problem = [machine.ending, bootProblem(machine, failed)].filter((each) => each !== null).join("; ");
  const { gpus: _gpus, connect, ...usage } = report?.usage ?? ({} as Partial<Usage>);
  const gpus = gpusOf(world, machine)?.map(gpuView) ?? null;
  return {
    id: visible(machine.id),
    // Of an adopted machine these are what its tags say: a file that a job may have written.
    pool: visible(machine.pool),
    backend: machine.backend,
    offer: visible(machine.offer),
    stage: machine.stage,
    stageMs: machine.stageMs,
    askedMs: machine.askedMs,
    job: visibleOrNull(machine.job?.name ?? null),
    // One that always exists counts on from one start to the next.
    life: machine.slot ? Math.min(machine.life, 1) : machine.life,
    runner: visibleOrNull(machine.registration?.name ?? null),
    problem: visibleOrNull(report?.problem ?? (problem === "" ? null : problem), 1024),
    usage: report?.usage ? (usage as MachineView["usage"]) : null,
    gpus,
    gpuLabels: gpuLabels(gpus ?? []),
    connect: connectViews(connect ?? {}),
    seenMs: report?.atMs ?? null,
  };
}

function jobViews(input: StateInput, now: Ms): JobView[] {
  const records = input.history.jobs(jobsShownMax);
  const known = new Set(records.map(({ id }) => id));
  // The history may have been lost or set aside; what the world knows is shown all the same.
  const others = Object.values(input.world.jobs).filter(({ id }) => !known.has(id));
  const all = [...others.map(recordOf), ...records].slice(0, jobsShownMax);
  const why = waitsFor(input, all, now);
  return all.map((record) => jobView(record, why.get(record.id) ?? "", lossOf(input.world, record), now));
}

const lossOf = ({ losses }: World, { runner }: JobRecord): Loss | undefined =>
  runner !== null && Object.hasOwn(losses, runner) ? losses[runner] : undefined;

function jobView(record: JobRecord, why: string, loss: Loss | undefined, now: Ms): JobView {
  const { times, state } = record;
  const since = times.queued ?? times.assigned;
  const waits = state === "queued" || state === "assigned";
  return {
    id: visible(record.id),
    name: visible(record.name),
    pool: record.pool,
    repository: visible(record.repository),
    workflowRef: visible(record.workflowRef),
    workflowRun: record.workflowRun,
    state,
    result: visibleOrNull(record.result, 40),
    machine: visibleOrNull(record.machine),
    timeline: steps.map((step) => ({ step, atMs: times[step] })),
    waitMs: waits ? (since === null ? null : Math.max(0, now - since)) : waitedMs(record),
    waitsFor: waits ? why : "",
    ...(loss
      ? { rerun: { reason: loss.reason, detail: `${visible(loss.why, 300)}; ${visible(loss.detail, 1024)}` } }
      : {}),
  };
}

const recordOf = (job: Job): JobRecord => ({
  ...job,
  machine: null,
  listeningMs: null,
  times: {
    queued: job.queuedMs,
    assigned: job.assignedMs,
    "launch asked": null,
    started: null,
    enrolled: null,
    registered: null,
    running: job.startedMs,
    done: job.completedMs,
  },
});
