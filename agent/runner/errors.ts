/** Errors of the runner agent that carry more than a sentence. */

/** The manager will never serve this machine again; `code` is one of the first three of protocol.ts `refusals`. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly code: string;

  constructor(code: string, message: string) {
    super(`the manager refuses this machine (${code}): ${message}`);
    this.code = code;
  }
}

/** No useful answer; a later try may get one. */
export class Unanswered extends Error {
  override readonly name = "Unanswered";
  /** What the other side asked for; 0 when it said nothing. */
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs = 0, options?: ErrorOptions) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${cause}`;
};
