/** GitHub's runner records in virtual time: minted, polled for, deleted, and the race between a job and a deletion. */
import type { GitHub } from "../../../agent/manager/ports.ts";
import type { DeleteOutcome, GitHubOptions } from "./github.ts";
import type { JobsApi, SimJob } from "./jobs.ts";

interface RunnerRecord {
  name: string;
  pool: string;
  job: SimJob | null;
  /** Since when it has been polling without a job; null before its first poll. */
  idleMs: number | null;
  /** It has taken its one job. */
  spent: boolean;
}
export interface Records {
  /** Runner records by name; the value is the id of the job that runs there. */
  readonly records: ReadonlyMap<string, { readonly pool: string; readonly job: SimJob | null }>;
  /** How many DELETEs came between delivery and acquisition, by what became of them. */
  readonly races: Readonly<Record<DeleteOutcome, number>>;
  /** What a runner hears. */
  poll(name: string): { is: "gone" } | { is: "nothing" } | { is: "job"; job: SimJob };
  /** False: the job is not this runner's (any more). */
  acquire(name: string, job: SimJob): boolean;
  /** The runner works on; without it for long GitHub takes the job for lost. */
  renew(job: SimJob): void;
  finish(name: string, job: SimJob, result: "succeeded" | "canceled"): void;
  isBusy(name: string): boolean;
  mint: GitHub["mint"];
  remove: GitHub["remove"];
  forgetIdle(pool: string): void;
  /** A DELETE has arrived and is about to be carried out: what a test lets happen just before. */
  beforeRemoval(call: (name: string) => void): void;
}

/** A running job whose runner is not heard of for so long has failed; the record stays. */
const jobLockMs = 600_000;
/** A job whose acquisition failed is offered again. */
const reofferMs = 60_000;

export function makeRecords({
  clock,
  random,
  faults,
  story,
  deleteRace,
  jobs,
}: GitHubOptions & { jobs: JobsApi }): Records {
  const records = new Map<string, RunnerRecord>();
  const locks = new Map<SimJob, () => void>();
  /** What becomes of a delivered job whose runner's record was deleted. */
  const verdicts = new Map<SimJob, DeleteOutcome>();
  /** Jobs whose runner was told that it cannot have them. */
  const failed = new Set<SimJob>();
  const races = { refused: 0, "acquire-fails": 0, "job-starts": 0 };
  let minted = 0;
  let underWay: (name: string) => void = () => {};

  const down = (what: string) => {
    if (faults.active("github-down")) throw new Error(`${what}: 503`);
  };
  const renew = (job: SimJob) => {
    locks.get(job)?.();
    const lost = () => {
      if (job.state === "running") jobs.complete(job, "failed");
    };
    locks.set(job, clock.after(jobLockMs, lost));
  };
  const isBusy = (name: string) => records.get(name)?.job?.state === "running";

  /** What a DELETE comes to at GitHub. */
  const removal = (name: string): "gone" | "busy" => {
    const record = records.get(name);
    if (!record) return "gone";
    const { job } = record;
    if (job?.state === "running") return "busy";
    if (job?.state === "delivered") {
      const outcome = deleteRace ?? random.pick(["refused", "acquire-fails", "job-starts"] as const);
      races[outcome] += 1;
      if (outcome === "refused") return "busy";
      verdicts.set(job, outcome);
      if (outcome === "acquire-fails") {
        clock.after(random.ms(1_000, reofferMs), () => {
          verdicts.delete(job);
          failed.delete(job);
          jobs.undeliver(job);
        });
      }
    }
    records.delete(name);
    return "gone";
  };

  return {
    records,
    races,
    renew,
    isBusy,
    poll: (name) => {
      // What was delivered and not acquired is delivered again, also to a runner whose record is gone by now.
      const again = [...jobs.jobs.values()].find((job) => job.state === "delivered" && job.runner === name);
      if (again && !failed.has(again)) return { is: "job", job: again };
      const record = records.get(name);
      if (!record) return { is: "gone" };
      record.idleMs ??= clock.now();
      const idle = record.job === null || record.job.state === "completed" || record.job.runner !== name;
      if (idle && !record.spent) {
        record.job = jobs.deliver(record.pool, name);
        if (record.job) return { is: "job", job: record.job };
        // GitHub clears away registrations that are idle for some minutes (runner #4726).
        if (clock.now() - record.idleMs > 120_000 && faults.strikes("registration-removed", record.pool)) {
          story.happened({ is: "registration-removed", pool: record.pool, name });
          records.delete(name);
          return { is: "gone" };
        }
      }
      return { is: "nothing" };
    },
    acquire: (name, job) => {
      if (job.state !== "delivered" || job.runner !== name) return false;
      const verdict = verdicts.get(job);
      verdicts.delete(job);
      if (verdict === "acquire-fails") failed.add(job);
      if (failed.has(job)) return false;
      const record = records.get(name);
      if (record) record.spent = true;
      jobs.start(job);
      renew(job);
      return true;
    },
    finish: (name, job, result) => {
      if (job.state !== "running" || job.runner !== name) return;
      locks.get(job)?.();
      locks.delete(job);
      records.delete(name);
      jobs.complete(job, result);
    },
    mint: async (pool, name, signal) => {
      story.happened({ is: "mint-called", pool, name });
      await clock.sleep(random.ms(20, 2_000), signal);
      down("registering a runner");
      if (faults.strikes("mint-refused", pool)) throw new Error("registering a runner: 503");
      if (records.has(name)) throw new Error(`AgentExistsException: ${name}`);
      records.set(name, { name, pool, job: null, idleMs: null, spent: false });
      story.happened({ is: "minted", pool, name });
      if (faults.strikes("mint-answer-lost", pool)) throw new Error("registering a runner: connection reset");
      return { runnerId: ++minted, jitConfig: `jit-config-of-${name}` };
    },
    remove: async (pool, { name }, signal) => {
      story.happened({ is: "remove-called", pool, name });
      await clock.sleep(random.ms(20, 500), signal);
      down("removing a runner");
      if (faults.strikes("remove-fails", pool)) throw new Error("removing a runner: 503");
      underWay(name);
      const refused = records.has(name) && faults.strikes("remove-refused", pool);
      const outcome = refused ? "busy" : removal(name);
      story.happened({ is: "removed", pool, name, outcome });
      if (faults.strikes("remove-answer-lost", pool)) throw new Error("removing a runner: connection reset");
      return outcome;
    },
    forgetIdle: (pool) => {
      for (const record of records.values()) {
        if (record.pool === pool && record.job?.state !== "running" && record.job?.state !== "delivered")
          records.delete(record.name);
      }
    },
    beforeRemoval: (call) => (underWay = call),
  };
}
