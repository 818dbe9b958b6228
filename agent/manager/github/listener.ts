/** Listens to one scale set for as long as it is wanted: finds it, keeps a session, polls, and survives what GitHub does. */
import type { Deps } from "../deps.ts";
import type { JobNews } from "../facts.ts";
import type { Statistics } from "../world.ts";
import { GitHubError, SessionConflict, SessionOver, SetGone, unreadable } from "./errors.ts";
import { makeInbox, noStatistics } from "./inbox.ts";
import { readMessage } from "./messages.ts";
import { makeOffers } from "./offers.ts";
import { makePause, pauseMs } from "./pauses.ts";
import { makePoller } from "./poller.ts";
import { openSession, type Session, type SessionTools } from "./session.ts";
import type { ScaleSetRef } from "./sets.ts";

export interface Listening {
  /** For logs. */
  name: string;
  /** Finds or makes the set; null: it is gone and not wanted any more. */
  resolve(signal: AbortSignal): Promise<ScaleSetRef | null>;
  /** Jobs that could be taken now, running ones included. */
  capacity(): number;
  seen(statistics: Statistics, news: readonly JobNews[]): void;
  failed(error: unknown): void;
  /** Asked after every poll without news; true: the listening is over. */
  finished(set: ScaleSetRef, signal: AbortSignal): Promise<boolean>;
  /** It ended by itself. */
  ended(): void;
}
export interface Listener {
  /** Null until GitHub named it. */
  set(): ScaleSetRef | null;
  /** Null without a session. */
  queueUrl(): string | null;
  /** The capacity may have risen. `always`: a held poll is sent again in any case. */
  capacityChanged(always?: boolean): void;
  /** A call found that the set is gone. */
  lost(id: number): void;
  /** Ends a pause, to try again at once. */
  wake(): void;
  /** Aborts what is going on; resolves when the session is ended or the signal aborts. Never rejects. */
  stop(signal: AbortSignal): Promise<void>;
}

export function listen(on: Listening, tools: SessionTools): Listener {
  const { timings, deps, service } = tools;
  const life = new AbortController();
  const pause = makePause(deps, life.signal);
  const poller = makePoller(on.capacity, timings, deps);
  const inbox = makeInbox(on.name, timings);
  const offers = makeOffers();
  const say = makeSay(on.name, deps);
  let set: ScaleSetRef | null = null;
  let lastSetId = 0;
  let session: Session | null = null;
  let figures = noStatistics;
  let failures = 0;

  const counted = (fresh: Statistics) => {
    figures = fresh;
    offers.counted();
  };

  const fitting = () => offers.fitting(on.capacity() - figures.assigned);

  /** The set and its session; figures of a new session are reported at once. Null: there is nothing to listen to. */
  const ready = async (): Promise<Session | null> => {
    if (session) return session;
    set ??= await on.resolve(life.signal);
    if (!set) return null;
    if (set.id !== lastSetId) inbox.clear();
    lastSetId = set.id;
    session = await openSession(set, tools, life.signal);
    inbox.rewind();
    offers.clear();
    counted(session.figures());
    on.seen(figures, []);
    await offers.recall(service, set.id, figures, life.signal);
    return session;
  };

  /** Reported first and deleted afterwards: a crash in between makes a replay, not a loss. */
  const take = async (open: Session, text: string) => {
    const message = readMessage(text);
    if (!message) throw unreadable(`polling ${on.name}`, "it is no message");
    if (message.statistics) counted(message.statistics);
    // Even where the rest cannot be read the figures count.
    if (message.problem !== null && message.statistics) on.seen(figures, []);
    const { replay, repeated, problem } = inbox.take(message);
    if (problem) {
      deps.log.error({ set: on.name, why: problem.message }, "an unreadable message is deleted unread");
      on.failed(problem);
    } else {
      on.seen(figures, replay ? [] : message.news);
      if (!replay) offers.add(message.offers);
    }
    open.acknowledge(message.id);
    if (repeated) await pause.sleep(timings.pauseFirstMs);
  };

  const nothing = async (open: Session, startedMs: number): Promise<boolean> => {
    on.seen(figures, []);
    if (session === open && set && (await on.finished(set, life.signal))) return true;
    // An empty answer that was not held would make us spin.
    const early = startedMs + timings.emptyPollMsMin - deps.clock.now();
    if (early > 0) await pause.sleep(early);
    return false;
  };

  /** One poll and what follows from it; true: the end. */
  const turn = async (): Promise<boolean> => {
    const open = await ready();
    if (!open) return true;
    // Asked again after each: the capacity may have risen meanwhile, and the poll that follows already carries it.
    for (let ids = fitting(); ids.length > 0; ids = fitting()) await offers.acquire(open, ids, life.signal);
    const startedMs = deps.clock.now();
    const before = open.figures();
    const polled = await poller.poll(open, inbox.cursor(), life.signal);
    // A renewed token came with figures of its own.
    if (open.figures() !== before) counted(open.figures());
    if (polled.is === "again") return false;
    say("listening", "info", {});
    if (polled.is === "nothing") {
      failures = 0;
      return nothing(open, startedMs);
    }
    await take(open, polled.text);
    failures = 0;
    return false;
  };

  const recover = async (error: unknown) => {
    failures += 1;
    const known = error instanceof GitHubError ? error : null;
    if (known instanceof SessionOver || known instanceof SetGone) {
      session = null;
      if (known instanceof SetGone) set = null;
      // What went away is replaced at once; if that goes away too, with pauses.
      // (A set that was deleted shows as both, one after the other.)
      if (failures <= 2) return;
    }
    const conflict = known instanceof SessionConflict;
    const ms = Math.max(
      known?.retryAfterMs ?? 0,
      conflict
        ? pauseMs(failures, timings.conflictFirstMs, timings.conflictMsMax, deps.random)
        : pauseMs(failures, timings.pauseFirstMs, timings.pauseMsMax, deps.random),
    );
    // A single poll that fails on the way is no news.
    if (failures > 1 || conflict || known?.reason !== "unavailable") {
      on.failed(error);
      const why = error instanceof Error ? error.message : String(error);
      say(`cannot be heard: ${known?.reason ?? "unknown"} ${known?.status ?? ""}`.trim(), "warn", { why });
    }
    await pause.sleep(ms);
  };

  const run = async () => {
    while (!life.signal.aborted) {
      try {
        if (await turn()) break;
      } catch (error) {
        if (life.signal.aborted) return;
        await recover(error);
      }
    }
    if (!life.signal.aborted) on.ended();
  };
  // Begun after the caller has what listen() returns.
  const running = Promise.resolve().then(run);

  return {
    set: () => set,
    queueUrl: () => session?.queueUrl() ?? null,
    capacityChanged: poller.changed,
    lost: (id) => {
      if (set?.id !== id) return;
      set = null;
      session = null;
      poller.changed(true);
      pause.wake();
    },
    wake: pause.wake,
    stop: async (signal) => {
      life.abort(new Error(`${on.name}: no longer listened to`));
      await running;
      await session?.close(signal);
    },
  };
}

/** One line for each change of state, none for each repeat. */
function makeSay(set: string, deps: Deps) {
  let said = "";
  return (state: string, level: "info" | "warn", details: object) => {
    if (state === said) return;
    said = state;
    deps.log[level]({ set, ...details }, `scale set: ${state}`);
  };
}
