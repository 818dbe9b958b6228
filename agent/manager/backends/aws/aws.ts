/**
 * EC2 as a backend. This version starts no machines there: it makes no offers, and plan/unoffered.ts says so at the pool.
 * It has no machines either, so that what an account holds is neither adopted nor ended.
 */
import type { Backend } from "../../ports.ts";

export const awsBackendName = "aws";

export function makeAwsBackend(): Backend {
  return {
    name: awsBackendName,
    consistent: true,
    offers: () => [],
    list: async () => [],
    launch: async () => {
      throw new Error("this version starts no machines on EC2");
    },
    destroy: async () => {},
    classify: (error, offer) => ({
      reason: "bad-request",
      scope: offer === undefined ? { on: "backend", key: awsBackendName } : { on: "offer", key: offer },
      detail: error instanceof Error ? error.message : String(error),
      retryAfterMs: null,
    }),
  };
}
