/** What an error of the operating system means for a launch. */
import type { Failure } from "../../facts.ts";
import type { Reason } from "../../world.ts";

const reasons: Record<string, Reason> = {
  // Out of disk, files, processes or memory: another machine would not fit either.
  ENOSPC: "no-capacity",
  EDQUOT: "no-capacity",
  EMFILE: "no-capacity",
  ENFILE: "no-capacity",
  ENOMEM: "no-capacity",
  EAGAIN: "no-capacity",
  EACCES: "denied",
  EPERM: "denied",
  EROFS: "denied",
  ENOENT: "bad-request",
  EINVAL: "bad-request",
  ENAMETOOLONG: "bad-request",
  EIO: "unavailable",
};

/** @param offer where one is known; else the whole backend is meant */
export function classifyLocal(error: unknown, offer?: string): Failure {
  const code = errno(error) ?? errno((error as { cause?: unknown } | null)?.cause);
  return {
    reason: (code !== undefined && reasons[code]) || "unknown",
    scope: offer === undefined ? { on: "backend", key: "local" } : { on: "offer", key: offer },
    detail: error instanceof Error ? error.message : String(error),
    retryAfterMs: null,
  };
}

const errno = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
};
