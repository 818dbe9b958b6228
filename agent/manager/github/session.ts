/** One message session of a scale set: its token, its polls, its acknowledgements (github.md 1.6). */
import { deadline, type Deps } from "../deps.ts";
import type { Statistics } from "../world.ts";
import { GitHubError, SessionOver, unreadable } from "./errors.ts";
import { type Answer, type Call, refusalOf, send } from "./http.ts";
import type { Owned } from "./owned.ts";
import { orAborted, persist } from "./pauses.ts";
import type { SessionAnswer } from "./schemas.ts";
import { type Service, userAgent } from "./service.ts";
import type { Timings } from "./timings.ts";

export interface SessionTools {
  service: Service;
  owned: Owned;
  /** Shown by GitHub to whoever asks who holds the session. */
  ownerName: string;
  timings: Timings;
  deps: Deps;
}

export interface Session {
  /** Where it is polled. */
  queueUrl(): string;
  /** GitHub's last figures that came with the session itself. */
  figures(): Statistics;
  /** The next message's text, null when none came. @throws SessionOver, GitHubError */
  poll(lastMessageId: number, capacity: number, signal: AbortSignal): Promise<string | null>;
  /** Deletes a message that was processed, in the background; where that fails it comes again to the next session. */
  acknowledge(messageId: number): void;
  /** Those of the requests that are now ours; null: this GitHub assigns by itself. */
  acquire(ids: readonly number[], signal: AbortSignal): Promise<readonly number[] | null>;
  /** Finishes acknowledgements and ends the session at GitHub, until the signal aborts. Never rejects. */
  close(signal: AbortSignal): Promise<void>;
}

type Whole = SessionAnswer & { statistics: Statistics };

/** @throws SessionConflict while another session is open, SetGone, GitHubError */
export async function openSession(
  set: { id: number; name: string },
  tools: SessionTools,
  signal: AbortSignal,
): Promise<Session> {
  const { service, owned } = tools;
  const earlier = owned.sets().find(({ id }) => id === set.id)?.session;
  if (earlier) {
    // Left by a manager that crashed: without this GitHub would answer 409 until it notices by itself.
    await service.deleteSession(set.id, earlier, signal).catch(() => {});
    owned.session(set.id, null);
  }
  const answer = await service.createSession(set, tools.ownerName, signal);
  const problem = problemOf(answer);
  if (problem !== null) {
    await service.deleteSession(set.id, answer.sessionId, signal).catch(() => {});
    throw unreadable(`opening a message session of ${set.name}`, problem);
  }
  owned.session(set.id, answer.sessionId);
  return makeSession(set, answer as Whole, tools);
}

/** GitHub has sent sessions without a queue (ARC #4370); without figures a session cannot be acted on. */
function problemOf(answer: SessionAnswer): string | null {
  if (!URL.canParse(answer.messageQueueUrl)) return "messageQueueUrl is not a URL";
  if (answer.messageQueueAccessToken === "") return "messageQueueAccessToken is empty";
  return answer.statistics === null ? "statistics are missing" : null;
}

function makeSession(set: { id: number; name: string }, first: Whole, tools: SessionTools): Session {
  const { service, owned, timings, deps } = tools;
  const { sessionId } = first;
  let now = first;
  let refreshing: Promise<void> | null = null;

  const renew = async () => {
    const limit = deadline(deps.clock, timings.callTimeoutMs, `refreshing the session of ${set.name}`);
    try {
      const answer = await service.refreshSession(set.id, sessionId, limit.signal).catch(over);
      const { messageQueueAccessToken: token, messageQueueUrl: url, statistics } = answer;
      if (token === "") throw unreadable(`refreshing the session of ${set.name}`, "it holds no token");
      now = {
        ...now,
        messageQueueAccessToken: token,
        messageQueueUrl: URL.canParse(url) ? url : now.messageQueueUrl,
        statistics: statistics ?? now.statistics,
      };
    } finally {
      limit.done();
    }
  };
  /** Once for all who found the same token refused. */
  const refresh = (refused: string, signal: AbortSignal) => {
    if (refused !== now.messageQueueAccessToken) return Promise.resolve();
    refreshing ??= renew().finally(() => (refreshing = null));
    return orAborted(refreshing, signal);
  };

  const queueCall = (
    part: Pick<Call, "what" | "method" | "url" | "timeoutMs" | "signal">,
    capacity?: number,
  ) => ({
    ...part,
    headers: {
      accept: "application/json; api-version=6.0-preview",
      authorization: `Bearer ${now.messageQueueAccessToken}`,
      "user-agent": userAgent,
      ...(capacity === undefined ? {} : { "x-scalesetmaxcapacity": String(capacity) }),
    },
    secrets: [now.messageQueueAccessToken],
  });
  /** Sends; a refused token is renewed and the call sent once more. */
  const withToken = async (make: () => Call): Promise<{ call: Call; answer: Answer }> => {
    for (let again = false; ; again = true) {
      const token = now.messageQueueAccessToken;
      const call = make();
      const answer = await send(call, deps);
      if (answer.status !== 401) return { call, answer };
      if (again) throw sessionOver(`${call.what}: a fresh token is refused`, 401);
      await refresh(token, call.signal);
    }
  };
  const refusal = (call: Call, answer: Answer) =>
    refusalOf(call, answer, deps.clock.now(), timings.retryAfterMsMax);

  const erasing = new Set<Promise<void>>();
  const closing = new AbortController();
  const erase = (messageId: number) => {
    const attempt = async () => {
      const { call, answer } = await withToken(() => {
        const url = new URL(now.messageQueueUrl);
        url.pathname = `${url.pathname.replace(/\/+$/, "")}/${messageId}`;
        const what = `acknowledging message ${messageId} of ${set.name}`;
        const { signal } = closing;
        return queueCall({ what, method: "DELETE", url, timeoutMs: timings.callTimeoutMs, signal });
      });
      const done = answer.status < 300 || answer.status === 404 || answer.status === 410;
      if (!done) throw refusal(call, answer);
    };
    return persist(attempt, timings, closing.signal, deps);
  };

  return {
    queueUrl: () => now.messageQueueUrl,
    figures: () => now.statistics,

    poll: async (lastMessageId, capacity, signal) => {
      const { call, answer } = await withToken(() => {
        const url = new URL(now.messageQueueUrl);
        if (lastMessageId > 0) url.searchParams.set("lastMessageId", String(lastMessageId));
        const what = `polling ${set.name}`;
        return queueCall({ what, method: "GET", url, timeoutMs: timings.pollTimeoutMs, signal }, capacity);
      });
      if (answer.status === 202 || answer.status === 204) return null;
      if (answer.status === 404 || answer.status === 410)
        throw sessionOver(`${call.what}: the session is gone`, answer.status);
      if (answer.status >= 300) throw over(refusal(call, answer));
      if (answer.text.trim() === "") throw unreadable(call.what, "it is empty");
      return answer.text;
    },

    acknowledge: (messageId) => {
      const done: Promise<void> = erase(messageId)
        .catch((error: unknown) => {
          const why = (error as Error).message;
          deps.log.debug({ set: set.name, message: messageId, why }, "a message was not acknowledged");
        })
        .finally(() => erasing.delete(done));
      erasing.add(done);
    },

    acquire: async (ids, signal) => {
      const token = now.messageQueueAccessToken;
      try {
        return await service.acquire(set.id, token, ids, signal);
      } catch (error) {
        if (!(error instanceof GitHubError) || error.status !== 401) throw error;
        await refresh(token, signal);
        return service.acquire(set.id, now.messageQueueAccessToken, ids, signal);
      }
    },

    close: async (signal) => {
      const end = async () => {
        await Promise.all(erasing);
        await service.deleteSession(set.id, sessionId, signal);
        owned.session(set.id, null);
      };
      await orAborted(end(), signal).catch((error: unknown) => {
        deps.log.debug({ set: set.name, why: (error as Error).message }, "a session was not ended");
      });
      closing.abort(new Error(`the session of ${set.name} was closed`));
    },
  };
}

const sessionOver = (message: string, status: number) =>
  new SessionOver(message, { reason: "unavailable", status });

/** 404 (evicted) and 400 ...SessionExpiredException mean that the session is no more. */
function over(error: unknown): never {
  if (!(error instanceof GitHubError)) throw error;
  const expired = error.status === 400 && /SessionExpired/i.test(error.type + error.message);
  if (error.status === 404 || expired) throw sessionOver(error.message, error.status ?? 404);
  throw error;
}
