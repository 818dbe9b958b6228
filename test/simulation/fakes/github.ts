/**
 * GitHub in virtual time, at the manager's port: jobs, registrations and messages as github.md describes them. Sessions and
 * HTTP are left to the wire tests; what they can do to the manager (silence, loss, repetition, delay) are faults here.
 */
import type { Clock } from "../../../agent/manager/deps.ts";
import type { Fact, Failure, JobNews } from "../../../agent/manager/facts.ts";
import type { GitHub } from "../../../agent/manager/ports.ts";
import type { Statistics } from "../../../agent/manager/world.ts";
import type { Story } from "../events.ts";
import type { Faults } from "../faults.ts";
import type { Prng } from "../prng.ts";
import { type JobWish, makeJobs, type SimJob, type SimJobs } from "./jobs.ts";
import { makeRecords, type Records } from "./records.ts";
import { makeReruns, type Reruns } from "./reruns.ts";

export interface SimulatedGitHub extends SimJobs, Records {
  /** What a manager uses. News go to `report` until another one connects. */
  connect(report: (fact: Fact) => void): GitHub;
  queue(wish: JobWish): void;
  cancel(id: string): void;
  /** All jobs of the run are over. */
  isOver: Reruns["isOver"];
  /** A pool whose scale set is kept. */
  serves(pool: string): boolean;
}
export interface GitHubOptions {
  pools: readonly string[];
  clock: Clock;
  random: Prng;
  faults: Faults;
  story: Story;
  /** What a DELETE between "job delivered" and "job acquired" comes to; drawn where absent. */
  deleteRace?: DeleteOutcome;
}
export type DeleteOutcome = "refused" | "acquire-fails" | "job-starts";
export const deleteOutcomes: readonly DeleteOutcome[] = ["refused", "acquire-fails", "job-starts"];

/** A message's place in a pool's queue. */
type Message = readonly JobNews[];

export function simulateGitHub(options: GitHubOptions): SimulatedGitHub {
  const { clock, random, faults, story } = options;
  const capacity = new Map<string, number>();
  const queues = new Map<string, Message[]>();
  const pumping = new Set<string>();
  let report: ((fact: Fact) => void) | null = null;
  let served = new Set(options.pools);

  const tell = (pool: string, news: JobNews) => {
    const queue = queues.get(pool) ?? [];
    queues.set(pool, queue);
    queue.push([news]);
    pump(pool);
  };
  const jobs = makeJobs({ clock, random, story, tell });
  const records = makeRecords({ ...options, jobs });

  const statistics = (pool: string): Statistics => {
    const count = (...states: SimJob["state"][]) =>
      jobs.ofPool(pool).filter(({ state }) => states.includes(state)).length;
    const running = count("running");
    return {
      available: count("queued"),
      acquired: count("assigned", "delivered"),
      assigned: count("assigned", "delivered") + running,
      running,
      registered: 0,
      busy: 0,
      idle: 0,
    };
  };
  const deaf = (pool: string) => faults.active("github-down") || faults.active("session-gone", pool);

  /** Delivers what waits, one message after the other, for as long as somebody hears it. */
  const pump = (pool: string) => {
    if (pumping.has(pool)) return;
    pumping.add(pool);
    const lag = faults.strikes("message-late", pool) ? random.ms(100, 10_000) : random.ms(1, 120);
    clock.after(lag, () => {
      pumping.delete(pool);
      const queue = queues.get(pool) ?? [];
      if (!report || !served.has(pool) || deaf(pool) || queue.length === 0) return;
      if (queue.length > 1 && faults.strikes("message-reordered", pool)) queue.unshift(...queue.splice(1, 1));
      const message = queue.shift()!;
      if (faults.strikes("message-lost", pool)) {
        story.happened({ is: "fault", kind: "message-lost", what: wordsOf(message) });
      } else {
        if (faults.strikes("message-twice", pool)) queue.unshift(message);
        say(pool, message);
      }
      if (queue.length > 0) pump(pool);
    });
  };
  /** The figures are those of the moment in which the answer leaves. */
  const say = (pool: string, news: Message) => {
    const figures = statistics(pool);
    const to = report;
    clock.after(random.ms(1, 60), () => {
      if (!to || to !== report) return;
      const { assigned, running } = figures;
      story.happened({ is: "told", pool, assigned, running, news: wordsOf(news) });
      to({ is: "demand-seen", pool, statistics: figures, news, labelsDropped: [] });
    });
  };
  /** A poll that was held for 50 s, for each pool. */
  const poll = () => {
    for (const pool of served) {
      if (!report) continue;
      if (deaf(pool)) report({ is: "demand-failed", pool, failure: failure("GitHub: 503", pool) });
      else if ((queues.get(pool) ?? []).length > 0) pump(pool);
      else say(pool, []);
    }
    clock.after(faults.active("github-down") ? 10_000 : 50_000, poll);
  };
  clock.after(1, poll);

  const assign = (pool: string) => {
    if (served.has(pool) && !deaf(pool)) jobs.assign(pool, capacity.get(pool) ?? 0);
  };
  jobs.onRoom(assign);

  const reruns = makeReruns({
    ...options,
    jobs,
    queue: ({ name, pool, durationMs, run }, attempt) => {
      jobs.add({ id: `${name}~${attempt}`, pool, durationMs, run }, { name, attempt });
      assign(pool);
    },
  });

  const follow = (pools: readonly string[]) => {
    for (const pool of served) {
      if (pools.includes(pool)) continue;
      capacity.delete(pool);
      jobs.release(pool);
      records.forgetIdle(pool);
    }
    served = new Set(pools);
    for (const pool of served) if (!deaf(pool)) say(pool, []);
    for (const pool of served) pump(pool);
  };

  const connect = (to: (fact: Fact) => void): GitHub => {
    report = to;
    return {
      start: ({ pools }) => follow(Object.keys(pools)),
      capacity: (pool, count) => {
        capacity.set(pool, count);
        assign(pool);
      },
      mint: records.mint,
      remove: records.remove,
      hosts: () => ({ api: "http://127.0.0.1:1", broker: null }),
      archive: async () => ({ version: "2.336.0", sha256: "0".repeat(64), urls: ["x"] }),
      forget: async () => [],
      seeRun: reruns.seeRun,
      rerun: reruns.rerun,
      hadNoEffect: (error) => (error as Error).message.endsWith("503"),
      removeSet: () => Promise.reject(new Error("nobody removes sets here")),
      credentials: () => {},
      classify: (error, pool) => failure((error as Error).message, pool),
      stop: async () => {},
    };
  };
  return {
    ...jobs,
    ...records,
    connect,
    queue: (wish) => {
      jobs.add(wish);
      assign(wish.pool);
    },
    cancel: (id) => jobs.cancel(id),
    isOver: reruns.isOver,
    serves: (pool) => served.has(pool),
  };
}

const wordsOf = (news: Message) => news.map(({ is, name }) => `${is}:${name}`).join("+") || "nothing";

const failure = (detail: string, pool: string): Failure => ({
  reason: "unavailable",
  scope: { on: "github", key: pool },
  detail,
  retryAfterMs: null,
});
