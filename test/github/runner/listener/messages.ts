/** The message poll and the acknowledgement. */
import type { BrokerMessage } from "../../wire.ts";
import { call } from "../common/http.ts";
import { runnerVersion } from "../common/version.ts";
import { brokerUrl, osArchitecture, type Context, type ListenerDeps } from "./context.ts";

export type Status = "Online" | "Busy";

/** The broker holds a poll for 50 s; this is longer by what a slow network may take. */
const pollTimeoutMs = 80_000;

/** Null: nothing came while the poll was held. */
export async function nextMessage(
  context: Context,
  sessionId: string,
  status: Status,
  signal: AbortSignal,
  deps: ListenerDeps,
): Promise<BrokerMessage | null> {
  const query = new URLSearchParams({
    sessionId,
    status,
    runnerVersion,
    os: "Linux",
    architecture: osArchitecture,
    disableUpdate: String(context.config.settings.DisableUpdate),
  });
  const url = brokerUrl(context, `message?${query.toString()}`);
  const answer = await call(context.tokens, { method: "GET", url, timeoutMs: pollTimeoutMs, signal }, deps);
  return answer as BrokerMessage | null;
}

/** Best effort, as the real runner's: acquirejob settles whose job it is. */
export async function acknowledge(
  context: Context,
  sessionId: string,
  runnerRequestId: string,
  deps: ListenerDeps,
): Promise<void> {
  const query = new URLSearchParams({ sessionId, runnerVersion, os: "Linux", architecture: osArchitecture });
  const url = brokerUrl(context, `acknowledge?${query.toString()}`);
  try {
    await call(context.tokens, { method: "POST", url, json: { runnerRequestId }, timeoutMs: 5_000 }, deps);
  } catch (error) {
    context.diag.error(`Best-effort acknowledge failed for request '${runnerRequestId}'. ${String(error)}`);
  }
}
