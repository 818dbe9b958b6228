/** The conversation with the manager: a report at every change and at least every `syncSeconds`, an instruction back. */
import type { EnrollResponse, SyncRequest, SyncResponse, Usage } from "../protocol.ts";
import { protocolVersion } from "../protocol.ts";
import type { Agent } from "./agent.ts";
import type { Deps } from "./deps.ts";
import { messageOf, Refused, Unanswered } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { Manager } from "./manager.ts";
import { makePauses } from "./pauses.ts";
import type { StatusBoard } from "./status.ts";

export interface SyncOptions {
  manager: Manager;
  enrolled: EnrollResponse;
  /** Of the report before the first. */
  sequence: number;
  status: StatusBoard;
  agent: Pick<Agent, "obey" | "withoutManager">;
  usage: () => Promise<Usage | null>;
  limits: Limits;
  deps: Deps;
}

/**
 * Returns when the phase `ended` was reported, or could not be within a few seconds.
 *
 * @throws Refused when the manager will never serve this machine again
 */
export async function keepInSync(options: SyncOptions): Promise<void> {
  const { status, agent, usage, limits, deps, enrolled } = options;
  const { clock } = deps;
  const deliver = makeDelivery(options);
  await clock.sleep(limits.firstSyncMs, status.changed());
  for (let sequence = options.sequence + 1; ; sequence++) {
    const used = await usage();
    const changed = status.changed();
    const report = { protocol: protocolVersion, sequence, ...status.get(), usage: used };
    const startMs = clock.now();
    const answer = await deliver(report, changed);
    if (report.phase === "ended") return;
    if (answer === null) continue; // something changed meanwhile: that first
    agent.obey(answer.instruction);
    // A tenth early, so that the call itself still falls within the period.
    const nextMs = Math.min(answer.nextSeconds, 0.9 * enrolled.syncSeconds) * 1_000;
    const dueMs = startMs + Math.max(nextMs, limits.pauseMinMs);
    await clock.sleep(dueMs - clock.now(), changed);
  }
}

/** Repeats a report until it is answered; null when something changed before, or the last words found no ear. */
function makeDelivery({ manager, enrolled, agent, limits, deps }: SyncOptions) {
  const { clock } = deps;
  const deadManMs = enrolled.deadManSeconds * 1_000;
  const pauses = makePauses(limits, deps.random);
  let heardMs = clock.now();
  let silent = false;

  const failed = (error: unknown): number => {
    if (!silent) deps.log("manager-silent", { why: messageOf(error) });
    silent = true;
    const leftMs = heardMs + deadManMs - clock.now();
    if (leftMs <= 0) agent.withoutManager();
    const pauseMs = pauses.next(error instanceof Unanswered ? error.retryAfterMs : 0);
    return leftMs <= 0 ? pauseMs : Math.min(pauseMs, leftMs);
  };

  return async (report: SyncRequest, changed: AbortSignal): Promise<SyncResponse | null> => {
    const last = report.phase === "ended";
    const farewell = new AbortController();
    const cancel = last ? clock.after(limits.farewellMs, () => farewell.abort(new Error("too late"))) : null;
    const stop = last ? farewell.signal : changed;
    try {
      for (;;) {
        try {
          const answer = await manager.sync(enrolled.session, report, stop);
          if (silent) deps.log("manager-back", { afterSeconds: Math.round((clock.now() - heardMs) / 1_000) });
          silent = false;
          heardMs = clock.now();
          pauses.reset();
          return answer;
        } catch (error) {
          if (stop.aborted) return null;
          if (error instanceof Refused) throw error;
          await clock.sleep(failed(error), stop);
          if (stop.aborted) return null;
        }
      }
    } finally {
      cancel?.();
    }
  };
}
