/** Errors of the manager that carry more than a sentence. */
import type { refusals } from "../protocol.ts";

export type RefusalCode = (typeof refusals)[number];
export type RefusalStatus = 400 | 401 | 403 | 404 | 409 | 413 | 429 | 503;

/**
 * An agent's call that gets a refusal instead of an answer: the web server turns it into `status` with the body
 * `{error: code, message}` and, where given, the header `retry-after`. The message goes to the caller as it
 * stands, so it holds no secret and says what to do.
 */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: RefusalStatus;
  readonly code: RefusalCode;
  /** Whole seconds; null where a repeat cannot help. */
  readonly retryAfterSeconds: number | null;

  constructor(
    status: RefusalStatus,
    code: RefusalCode,
    message: string,
    retryAfterSeconds: number | null = null,
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
