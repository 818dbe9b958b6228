/** The two calls to the manager, each tried once: an answer, a refusal that is final, or nothing for now. */
import * as z from "zod/mini";
import {
  enrollResponse,
  refusal,
  refusals,
  syncResponse,
  type EnrollRequest,
  type EnrollResponse,
  type SyncRequest,
  type SyncResponse,
} from "../protocol.ts";
import { messageOf, Refused, Unanswered } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { Post, PostOptions } from "./post.ts";

/** Both may be repeated. They reject with {@link Refused}, {@link Unanswered} or the signal's reason. */
export interface Manager {
  enroll(request: EnrollRequest, signal: AbortSignal): Promise<EnrollResponse>;
  sync(session: string, request: SyncRequest, signal: AbortSignal): Promise<SyncResponse>;
}

const finalRefusals: ReadonlySet<string> = new Set(refusals.slice(0, 3));

/** @param urls tried in turn: the one that failed last comes last */
export function makeManager(urls: readonly string[], limits: Limits, post: Post): Manager {
  let at = 0;
  const call = async <T>(path: string, body: unknown, schema: z.ZodMiniType<T>, options: PostOptions) => {
    const url = urls[at % urls.length]!;
    const elsewhere = (message: string, retryAfterMs = 0, cause?: unknown) => {
      at += 1;
      return new Unanswered(`${url} ${path}: ${message}`, Math.min(retryAfterMs, limits.retryAfterMaxMs), {
        cause,
      });
    };
    const answer = await post(url, path, body, options).catch((error: unknown) => {
      if (options.signal.aborted) throw options.signal.reason;
      throw elsewhere(messageOf(error), 0);
    });
    if (answer.status === 200) {
      const parsed = z.safeParse(schema, answer.body);
      if (parsed.success) return parsed.data;
      throw elsewhere("its answer is not what protocol.ts says");
    }
    const refused = z.safeParse(refusal, answer.body);
    const said = refused.success ? `${refused.data.error}: ${refused.data.message}` : "";
    if (refused.success && answer.status < 500 && finalRefusals.has(refused.data.error)) {
      throw new Refused(refused.data.error, refused.data.message);
    }
    throw elsewhere(`HTTP ${answer.status} ${said}`.trimEnd(), answer.retryAfterMs);
  };
  return {
    enroll: (request, signal) =>
      call("/agent/v1/enroll", request, enrollResponse, { timeoutMs: limits.enrollTimeoutMs, signal }),
    sync: (session, request, signal) =>
      call("/agent/v1/sync", request, syncResponse, {
        bearer: session,
        timeoutMs: limits.syncTimeoutMs,
        signal,
      }),
  };
}
