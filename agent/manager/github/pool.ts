/** One pool at GitHub: its scale set and, after a change of labels, the older ones until they are empty. */
import type { JobNews } from "../facts.ts";
import type { PoolName, Statistics } from "../world.ts";
import type { Report } from "../ports.ts";
import { classify } from "./errors.ts";
import { noStatistics } from "./inbox.ts";
import { listen, type Listener } from "./listener.ts";
import type { SessionTools } from "./session.ts";
import type { Resolved, ScaleSetRef, Wish } from "./sets.ts";

export interface PoolTools extends SessionTools {
  /** Finds or makes the set that a wish means. */
  resolve(wish: Wish, signal: AbortSignal): Promise<Resolved>;
  report: Report;
}
export interface Pool {
  /** What the settings want now; null: the pool is no more, its sets are drained and deleted. */
  follow(wish: Wish | null): void;
  capacity(jobs: number): void;
  /** The set whose jobs wait for a runner: an older one first. Null while GitHub has named none. */
  forRunner(): ScaleSetRef | null;
  /** Where its jobs are handed out; null without a session. */
  queueUrl(): string | null;
  /** A call found that this set is gone. */
  lost(id: number): void;
  wake(): void;
  /** Resolves when the sessions are ended or the signal aborts. */
  stop(signal: AbortSignal): Promise<void>;
}

/** A set that is listened to: the wished one, or an older one that is being drained. */
interface Member {
  wish: Wish | null;
  draining: boolean;
  listener: Listener;
  statistics: Statistics;
  labelsDropped: readonly string[];
  /** Runners registered since the last figures. */
  minted: number;
}

/** @param emptied called when the pool is no more and nothing of it is left at GitHub */
export function makePool(name: PoolName, tools: PoolTools, emptied: () => void): Pool {
  const members = new Set<Member>();
  let capacity = 0;
  let wanted: Wish | null = null;

  const current = () => [...members].find(({ draining }) => !draining);
  const older = () => [...members].filter(({ draining }) => draining);
  /** Jobs of older sets take machines too. */
  const capacityOf = (member: Member) =>
    member.draining
      ? 0
      : Math.max(0, capacity - older().reduce((sum, { statistics }) => sum + statistics.assigned, 0));

  const tell = (news: readonly JobNews[]) => {
    if (!wanted) return;
    const statistics = sum([...members].map((member) => member.statistics));
    const labelsDropped = current()?.labelsDropped ?? [];
    tools.report({ is: "demand-seen", pool: name, statistics, news, labelsDropped });
  };
  const leave = (member: Member) => {
    members.delete(member);
    // Wished for again while its set was being deleted.
    if (wanted && !current()) wished(wanted);
    if (members.size === 0 && wanted === null) emptied();
  };

  const add = (wish: Wish | null, label: string, resolve: Resolve): Member => {
    const member: Member = {
      wish,
      draining: wish === null,
      statistics: noStatistics,
      labelsDropped: [],
      minted: 0,
      listener: listen(
        {
          name: label,
          resolve: (signal) => resolve(member, signal),
          capacity: () => capacityOf(member),
          seen: (statistics, news) => {
            // What a drained set still holds back goes to the new one.
            member.statistics = member.draining ? { ...statistics, available: 0 } : statistics;
            member.minted = 0;
            tell(news);
            // What an older set no longer needs is the new one's.
            if (member.draining) current()?.listener.capacityChanged();
          },
          failed: (error) => {
            if (!member.draining && wanted)
              tools.report({ is: "demand-failed", pool: name, failure: classify(error, name) });
          },
          finished: (set, signal) => finished(member, set, signal),
          ended: () => leave(member),
        },
        tools,
      ),
    };
    members.add(member);
    return member;
  };

  const wished = (wish: Wish) =>
    add(wish, wish.base, async (member, signal) => {
      // Drained before GitHub had it, or deleted there: nobody misses it.
      if (member.draining) return null;
      const { set, others } = await tools.resolve(wish, signal);
      member.labelsDropped = set.labelsDropped;
      for (const other of others) drainOther(other);
      return set;
    });
  const drainOther = (set: ScaleSetRef) => {
    const known = [...members].some(({ listener }) => listener.set()?.id === set.id);
    if (known) return;
    add(null, set.name, async (_member, signal) => {
      if (await tools.service.getSet(set.id, signal)) return set;
      tools.owned.drop(set.id);
      return null;
    });
  };

  /** A drained set is deleted once nothing runs there and nothing waits that could still be served. */
  const finished = async (member: Member, set: ScaleSetRef, signal: AbortSignal): Promise<boolean> => {
    if (!member.draining) return false;
    // Runners come and go without a message: the set itself knows.
    const fresh = await tools.service.getSet(set.id, signal);
    const { assigned, running, busy, registered } = fresh?.statistics ?? member.statistics;
    const idle = wanted === null ? running + busy === 0 : assigned + busy + registered === 0;
    if (fresh && !idle) return false;
    await tools.service.deleteSet(set.id, signal);
    tools.owned.drop(set.id);
    tools.deps.log.info({ pool: name, set: set.name }, "a scale set that is no longer wanted was deleted");
    return true;
  };

  return {
    follow: (wish) => {
      wanted = wish;
      const now = current();
      if (now && now.wish?.mark === wish?.mark) return;
      if (now) drain(now);
      if (wish) {
        const again = [...members].find((member) => member.wish?.mark === wish.mark);
        if (again) again.draining = false;
        else wished(wish);
      }
      for (const member of members) member.listener.capacityChanged(true);
      // A pool that went away while nobody listened is known from the notes.
      if (!wish) {
        for (const { id, name: set, pool } of tools.owned.sets())
          if (pool === name) drainOther({ id, name: set, labelsDropped: [] });
      }
      if (members.size === 0 && wish === null) emptied();
    },
    capacity: (jobs) => {
      capacity = jobs;
      current()?.listener.capacityChanged();
    },
    forRunner: () => {
      const waits = older().find(
        ({ statistics, minted }) => statistics.assigned > statistics.registered + minted,
      );
      const member = waits?.listener.set() ? waits : current();
      if (!member) return null;
      member.minted += 1;
      return member.listener.set();
    },
    queueUrl: () => current()?.listener.queueUrl() ?? null,
    lost: (id) => members.forEach(({ listener }) => listener.lost(id)),
    wake: () => members.forEach(({ listener }) => listener.wake()),
    stop: async (signal) => {
      await Promise.all([...members].map(({ listener }) => listener.stop(signal)));
    },
  };
}
type Resolve = (member: Member, signal: AbortSignal) => Promise<ScaleSetRef | null>;

const drain = (member: Member) => {
  member.draining = true;
  // Not yet at GitHub: the pause of its next try is needless.
  if (!member.listener.set()) member.listener.wake();
};

function sum(all: readonly Statistics[]): Statistics {
  const add = (key: keyof Statistics) => all.reduce((total, statistics) => total + statistics[key], 0);
  return {
    available: add("available"),
    acquired: add("acquired"),
    assigned: add("assigned"),
    running: add("running"),
    registered: add("registered"),
    busy: add("busy"),
    idle: add("idle"),
  };
}
