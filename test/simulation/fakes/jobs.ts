/** GitHub's jobs in virtual time: queued, assigned to a pool, delivered to a runner, running, completed. */
import type { Clock } from "../../../agent/manager/deps.ts";
import type { JobNews } from "../../../agent/manager/facts.ts";
import type { Story } from "../events.ts";
import type { Prng } from "../prng.ts";

export interface JobWish {
  id: string;
  pool: string;
  durationMs: number;
  /** The workflow run that it belongs to; default: one of its own. */
  run?: number;
  /** Somebody cancels it so long after it was queued, if it does not run by then. */
  cancelAfterMs?: number;
}
export interface SimJob extends JobWish {
  run: number;
  /** The same in every attempt of its run; the id of the first. */
  name: string;
  attempt: number;
  /** `stuck`: GitHub gave it to the pool so often in vain that it will not try again. */
  state: "queued" | "assigned" | "delivered" | "running" | "completed" | "stuck";
  result: "succeeded" | "failed" | "canceled" | null;
  runner: string | null;
  assignments: number;
  queuedMs: number;
  /** Since when it has been in its state. */
  sinceMs: number;
  /** Runners on which it was started: never more than one. */
  starts: string[];
}
export interface SimJobs {
  /** GitHub gives up on no job any more: whatever still waits must come to run. */
  beEndlesslyPatient(): void;
  readonly jobs: ReadonlyMap<string, SimJob>;
  ofPool(pool: string): SimJob[];
}
export interface JobsApi extends SimJobs {
  /** `again`: which job it is, in a later attempt of its run. */
  add(wish: JobWish, again?: Pick<SimJob, "name" | "attempt">): void;
  assign(pool: string, capacity: number): void;
  onRoom(room: (pool: string) => void): void;
  release(pool: string): void;
  cancel(id: string): void;
  deliver(pool: string, runner: string): SimJob | null;
  /** Nobody acquired it: its pool has it again. */
  undeliver(job: SimJob): void;
  start(job: SimJob): void;
  complete(job: SimJob, result: NonNullable<SimJob["result"]>): void;
}

/** GitHub takes an assigned job back when no runner has taken it for so long, and tries so often again. */
const pickupMs = 300_000;
const usualReassignments = 3;
/** A delivered job that no runner acquires is offered again. */
const deliveryMs = 60_000;

interface JobsOptions {
  clock: Clock;
  random: Prng;
  story: Story;
  tell: (pool: string, news: JobNews) => void;
}

export function makeJobs({ clock, story, tell }: JobsOptions): JobsApi {
  const jobs = new Map<string, SimJob>();
  let reassignmentsMax = usualReassignments;
  const timers = new Map<string, () => void>();
  let room: (pool: string) => void = () => {};

  const ofPool = (pool: string) => [...jobs.values()].filter((job) => job.pool === pool);
  const move = (job: SimJob, state: SimJob["state"]) => {
    timers.get(job.id)?.();
    timers.delete(job.id);
    job.state = state;
    job.sinceMs = clock.now();
    story.happened({ is: "job", job: job.id, pool: job.pool, now: state, runner: job.runner });
  };
  const later = (job: SimJob, ms: number, then: () => void) => void timers.set(job.id, clock.after(ms, then));
  const news = (job: SimJob, is: JobNews["is"]): JobNews => ({
    is,
    id: job.id,
    name: job.name,
    repository: "acme/widgets",
    workflowRun: job.run,
    workflowRef: "",
    queuedMs: job.queuedMs,
    assignedMs: null,
    runner: is === "started" || is === "completed" ? job.runner : null,
    result: is === "completed" ? job.result : null,
  });
  const wait = (job: SimJob) => {
    job.runner = null;
    move(job, "assigned");
    later(job, pickupMs, () => {
      job.result = "canceled";
      tell(job.pool, news(job, "completed"));
      job.result = null;
      move(job, job.assignments > reassignmentsMax ? "stuck" : "queued");
      room(job.pool);
    });
  };
  const complete = (job: SimJob, result: NonNullable<SimJob["result"]>) => {
    if (job.state === "completed") return;
    job.result = result;
    move(job, "completed");
    tell(job.pool, news(job, "completed"));
    room(job.pool);
  };
  const cancel = (id: string) => {
    const job = jobs.get(id);
    if (job && (job.state === "queued" || job.state === "assigned" || job.state === "delivered"))
      complete(job, "canceled");
  };

  return {
    jobs,
    ofPool,
    beEndlesslyPatient: () => (reassignmentsMax = Infinity),
    add: (wish, again) => {
      const now = clock.now();
      const job: SimJob = {
        ...wish,
        run: wish.run ?? 1_000 + jobs.size,
        name: again?.name ?? wish.id,
        attempt: again?.attempt ?? 1,
        state: "queued",
        result: null,
        runner: null,
        assignments: 0,
        queuedMs: now,
        sinceMs: now,
        starts: [],
      };
      jobs.set(job.id, job);
      move(job, "queued");
      if (wish.cancelAfterMs !== undefined) clock.after(wish.cancelAfterMs, () => cancel(job.id));
    },
    assign: (pool, capacity) => {
      const own = ofPool(pool);
      let held = own.filter(
        ({ state }) => state !== "queued" && state !== "completed" && state !== "stuck",
      ).length;
      for (const job of own) {
        if (job.state !== "queued" || held >= capacity) continue;
        held += 1;
        job.assignments += 1;
        wait(job);
        tell(pool, news(job, "assigned"));
      }
    },
    onRoom: (call) => (room = call),
    release: (pool) => {
      for (const job of ofPool(pool)) if (job.state === "assigned") move(job, "queued");
    },
    cancel,
    deliver: (pool, runner) => {
      const job = ofPool(pool).find(({ state }) => state === "assigned");
      if (!job) return null;
      job.runner = runner;
      move(job, "delivered");
      later(job, deliveryMs, () => wait(job));
      return job;
    },
    undeliver: (job) => {
      if (job.state === "delivered") wait(job);
    },
    start: (job) => {
      job.starts.push(job.runner!);
      move(job, "running");
      tell(job.pool, news(job, "started"));
    },
    complete,
  };
}
