/**
 * The journal of this machine goes to the stack's log group, a stream each for boot, updater and manager. At least once:
 * what was sent and not noted before the updater ended is sent again. Nothing else waits for it.
 */
import { attempt, bounded, type Context } from "./context.ts";
import { ProgramFailed } from "./deps.ts";
import { type JournalEntry, readJournal } from "./journal.ts";
import type { LogEvent } from "./store.ts";

/** CloudWatch takes what one call brings only within 24 hours, and of one entry 256 KB. */
const callMax = { spanMs: 23 * 3_600_000, characters: 60_000 } as const;

/** Shorter lines of a secret would also be found in what is none. */
const secretMin = 8;

/** No program logs a secret; should one ever do, it does not leave the machine. */
const hidden = (secrets: string | null): ((text: string) => string) => {
  const values = Object.values(JSON.parse(secrets ?? "{}") as Record<string, string>);
  // Keys have several lines, which JSON writes as \n.
  const parts = values
    .flatMap((value) => value.split(/\r?\n|\\n/))
    .filter(({ length }) => length >= secretMin);
  return (text) => parts.reduce((left, part) => left.replaceAll(part, "***"), text);
};

/** What goes in one call each, by stream, in the order of time. */
export const callsOf = (
  entries: readonly JournalEntry[],
  hide: (text: string) => string = (text) => text,
): { stream: string; events: LogEvent[] }[] => {
  const calls: { stream: string; events: LogEvent[] }[] = [];
  for (const [stream, of] of Map.groupBy(entries, ({ from }) => from)) {
    let events: LogEvent[] = [];
    for (const { atMs, text } of of.toSorted((a, b) => a.atMs - b.atMs)) {
      if (events[0] === undefined || atMs - events[0].atMs > callMax.spanMs)
        calls.push({ stream, events: (events = []) });
      events.push({ atMs, text: hide(text).slice(0, callMax.characters) });
    }
  }
  return calls;
};

/** Sends everything that was said since the last time. @throws Error when it could not; what was sent is noted */
export const shipLogs = async (context: Context, group: string): Promise<void> => {
  const { store, folder, deps, options } = context;
  const { callMs } = options.limits;
  for (let more = true; more && !context.stop.aborted;) {
    const cursor = await folder.readCursor();
    const piece = await readJournal(cursor, callMs, deps).catch(async (error: Error) => {
      // A cursor that journalctl does not take would stand in the way for ever: the next time begins with this boot.
      if (cursor !== null && error instanceof ProgramFailed && error.code !== null)
        await folder.writeCursor(null);
      throw error;
    });
    for (const { stream, events } of callsOf(piece.entries, hidden(context.secrets)))
      await bounded(context, callMs, "sending the log to CloudWatch", (signal) =>
        store.log(group, stream, events, signal),
      );
    if (piece.cursor !== null) await folder.writeCursor(piece.cursor);
    more = piece.more;
  }
};

/** Starts it every `logsMs`; one at a time. */
export const makeLogs = (context: Context) => {
  const { deps, options } = context;
  const group = options.logGroup;
  let dueMs = -Infinity;
  let busy = false;
  return (): void => {
    if (group === null || busy || deps.clock.now() < dueMs) return;
    busy = true;
    void attempt(context, "logs", () => shipLogs(context, group)).finally(() => {
      busy = false;
      dueMs = deps.clock.now() + options.limits.logsMs;
    });
  };
};
