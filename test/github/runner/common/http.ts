/** Calls to broker and run service with the runner's access token. */
import type { Deps } from "./deps.ts";
import { InvalidClient, readRefusal, Refused } from "./refused.ts";
import type { Tokens } from "./oauth.ts";

export interface Call {
  method: "GET" | "POST" | "DELETE";
  url: string;
  json?: unknown;
  text?: string;
  /** Milliseconds for the whole exchange. */
  timeoutMs: number;
  signal?: AbortSignal;
}

function request({ method, json, text, timeoutMs, signal }: Call, token: string): RequestInit {
  const timeout = AbortSignal.timeout(timeoutMs);
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  const init: RequestInit = {
    method,
    headers,
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  };
  if (json !== undefined) {
    headers["content-type"] = "application/json";
    init.body = JSON.stringify(json);
  } else if (text !== undefined) {
    headers["content-type"] = "text/plain; charset=utf-8";
    init.body = text;
  }
  return init;
}

/**
 * @returns the answer's JSON, or null when it has no body.
 * @throws Refused for any other status than 2xx, after one try with a fresh token on 401; the network's error else.
 */
export async function call(tokens: Tokens, wanted: Call, deps: Deps): Promise<unknown> {
  const attempt = async () => deps.fetch(wanted.url, request(wanted, await tokens.get()));
  let response = await attempt();
  if (response.status === 401) {
    await response.body?.cancel();
    tokens.drop();
    response = await attempt();
  }
  const body = await response.text();
  if (!response.ok) throw readRefusal(wanted.url, response, body);
  return body === "" ? null : (JSON.parse(body) as unknown);
}

/** Whether the same call may succeed later: the network failed, or the service did. */
export function isPassing(error: unknown): boolean {
  if (error instanceof InvalidClient) return false;
  return error instanceof Refused ? error.status >= 500 || [408, 429].includes(error.status) : true;
}

export interface Retries {
  attempts: number;
  /** Pause before the next attempt, of which half is jitter. */
  pauseMs: (attempt: number) => number;
  signal?: AbortSignal;
}

/** Repeats what may pass; the last error is thrown. */
export async function withRetries<T>(task: () => Promise<T>, retries: Retries, deps: Deps): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await task();
    } catch (error) {
      if (retries.signal?.aborted || attempt >= retries.attempts || !isPassing(error)) throw error;
      const wantedMs = error instanceof Refused ? error.retryAfterMs : 0;
      const pauseMs = retries.pauseMs(attempt) * (0.5 + deps.random() / 2);
      await deps.sleep(Math.max(wantedMs, pauseMs), retries.signal);
    }
  }
}
