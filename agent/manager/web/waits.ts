/** Why a job that waits does so, in one sentence. */
import type { JobRecord } from "../history/history.ts";
import { gpuProblem, gpusOf, hasWanted } from "../gpus.ts";
import type { WaitReason } from "../view.ts";
import type { Machine, Ms, PoolName, Stage, World } from "../world.ts";
import { visible } from "./visible.ts";

interface Input {
  world: World;
  refusals: Readonly<Record<PoolName, readonly WaitReason[]>>;
  capacity: Readonly<Record<PoolName, number>>;
}

/** Nearest to a job first. */
const onTheWay: readonly Stage[] = ["listening", "registered", "enrolled", "starting", "asked"];
const doing: Partial<Record<Stage, string>> = {
  listening: "is listening; GitHub hands it the job",
  registered: "is registered; its runner is starting",
  enrolled: "has enrolled; it is being registered",
  starting: "is booting",
  asked: "was asked for",
};

/**
 * By job id, for the jobs that wait. GitHub does not say which machine will take which job: the longest waiting job is
 * told of the machine that is nearest to taking one, the second of the second, and the rest of what holds the pool up.
 */
export function waitsFor(input: Input, jobs: readonly JobRecord[], now: Ms): Map<string, string> {
  const sentences = new Map<string, string>();
  const since = ({ times, seenMs }: JobRecord) => times.queued ?? times.assigned ?? seenMs;
  for (const pool of new Set(jobs.map((job) => job.pool))) {
    const waiting = jobs.filter(
      (job) => job.pool === pool && (job.state === "queued" || job.state === "assigned"),
    );
    const assignedFirst = ({ state }: JobRecord) => (state === "assigned" ? 0 : 1);
    waiting.sort((a, b) => assignedFirst(a) - assignedFirst(b) || since(a) - since(b));
    const coming = comingTo(input.world, pool);
    const held = heldUp(input, pool);
    waiting.forEach((job, index) => {
      const machine = coming[index];
      const otherwise =
        job.state === "queued" ? notAssigned(input, pool) : "the next plan finds it a machine";
      sentences.set(
        job.id,
        machine && job.state === "assigned" ? isComing(input.world, machine, now) : (held ?? otherwise),
      );
    });
  }
  return sentences;
}

function comingTo(world: World, pool: PoolName): Machine[] {
  const place = ({ stage }: Machine) => onTheWay.indexOf(stage);
  return Object.values(world.machines)
    .filter((machine) => machine.pool === pool && place(machine) >= 0)
    .sort((a, b) => place(a) - place(b) || a.askedMs - b.askedMs);
}

function isComing(world: World, machine: Machine, now: Ms): string {
  const seconds = Math.max(0, Math.round((now - machine.stageMs) / 1000));
  return `machine ${visible(machine.id)} ${doingOf(world, machine)} (${seconds} s)`;
}

function doingOf(world: World, machine: Machine): string {
  const [pool, gpus] = [world.config.pools[machine.pool], gpusOf(world, machine)];
  if (machine.stage !== "enrolled" || hasWanted(pool, gpus)) return doing[machine.stage] ?? "";
  const why = gpuProblem(pool, gpus)?.why;
  return why === undefined
    ? "has enrolled; its graphics processors are being looked at"
    : `has enrolled; ${visible(why, 300)}`;
}

function heldUp({ world, refusals }: Input, pool: PoolName): string | null {
  const first = refusals[pool]?.[0];
  if (first) return visible(first.detail, 1024);
  const view = world.views[`demand:${pool}`];
  if (view && view.is !== "fresh") return `GitHub cannot be heard: ${visible(view.why, 1024)}`;
  if (!world.config.pools[pool]) return "its pool is no longer in the settings";
  return null;
}

const notAssigned = ({ capacity }: Input, pool: PoolName): string =>
  `it is still queued at GitHub; the pool offers room for ${capacity[pool] ?? 0}`;
