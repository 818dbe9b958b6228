/** GitHub's REST API as setting up asks it: status, headers and body of one call, and no secret in any error. */
import { visible } from "../../manager/web/visible.ts";
import { CliError } from "../errors.ts";
import type { SetupDeps, SetupLimits } from "./deps.ts";

export interface Call {
  /** For errors: `creating the App`. */
  what: string;
  method?: "GET" | "POST";
  url: string;
  token?: string;
}
export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed JSON; null when it was none. */
  body: unknown;
  /** GitHub's own words, made harmless. */
  message: string;
}

/** GitHub gave no usable answer: nothing is known, and trying again is right. */
export class Unanswered extends CliError {
  override name = "Unanswered";
}

const messageOf = (body: unknown): string => {
  const message = (body as { message?: unknown } | null)?.message;
  return typeof message === "string" ? visible(message) : "";
};

const once = async (call: Call, deps: SetupDeps): Promise<Answer> => {
  const { limits } = deps;
  const late = new AbortController();
  const answered = new AbortController();
  void deps.clock.sleep(limits.callMs, answered.signal).then(() => late.abort());
  try {
    const response = await deps.fetch(call.url, {
      method: call.method ?? "GET",
      redirect: "error",
      signal: AbortSignal.any([late.signal, deps.signal]),
      headers: {
        accept: "application/vnd.github+json",
        "user-agent": "muster",
        ...(call.token !== undefined && { authorization: `Bearer ${call.token}` }),
      },
    });
    const text = await response.text();
    const body = json(text);
    return { status: response.status, headers: response.headers, body, message: messageOf(body) };
  } finally {
    answered.abort();
  }
};

const json = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

const reason = (error: unknown, limits: SetupLimits): string => {
  const { name, message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  if (name === "AbortError") return `no answer within ${limits.callMs / 1000} s`;
  return cause?.message || cause?.code || message;
};

/** A pause that GitHub's headers ask for, in milliseconds; null when they ask for none. */
const askedPause = ({ status, headers }: Answer, wallMs: number): number | null => {
  const after = headers.get("retry-after");
  if (after !== null && /^\d+$/.test(after)) return Number(after) * 1000;
  const spent = headers.get("x-ratelimit-remaining") === "0";
  const reset = Number(headers.get("x-ratelimit-reset"));
  return (status === 403 || status === 429) && spent ? Math.max(0, reset * 1000 - wallMs) : null;
};

/**
 * Asks, a bounded number of times when nothing useful comes back. Every answer below 500 is the caller's to judge,
 * but for rate limits. All calls made here may be repeated: what was done by a lost call is found by the next.
 * @throws Unanswered
 */
export const ask = async (call: Call, deps: SetupDeps): Promise<Answer> => {
  const { limits } = deps;
  const host = new URL(call.url).host;
  let why = "";
  for (let attempt = 0; attempt < limits.attempts; attempt += 1) {
    if (attempt > 0) {
      const pause = limits.retryFirstMs * 2 ** (attempt - 1) * (0.5 + deps.random());
      await deps.clock.sleep(pause, deps.signal);
    }
    if (deps.signal.aborted) throw new CliError("interrupted.");
    try {
      const answer = await once(call, deps);
      const pause = askedPause(answer, deps.wallMs());
      if (pause !== null && pause > limits.retryAfterMaxMs)
        throw new CliError(
          `${call.what}: ${host} allows no more calls for ${Math.ceil(pause / 60_000)} min; try again then.`,
        );
      if (pause !== null) await deps.clock.sleep(pause, deps.signal);
      else if (answer.status < 500) return answer;
      why = `status ${answer.status}${answer.message ? ` (${answer.message})` : ""}`;
    } catch (error) {
      if (error instanceof CliError) throw error;
      if (deps.signal.aborted) throw new CliError("interrupted.");
      why = reason(error, limits);
    }
  }
  throw new Unanswered(
    `${call.what}: ${host} gave no useful answer ${limits.attempts} times, at last: ${visible(why)}. ` +
      "Look at the network, the proxy and https://www.githubstatus.com, then try again.",
  );
};
