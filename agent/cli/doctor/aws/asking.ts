/** How the doctor's calls through the SDK are made: within a time, repeated a little, and failing in words. */
import { EC2Client } from "@aws-sdk/client-ec2";
import { deadline, type Deps } from "../../../manager/deps.ts";
import { AwsRefused } from "./ports.ts";

/** Of one call with all that the SDK repeats of it; an attempt has a third. */
const callMs = 30_000;

type Cause = Error & { code?: unknown; $metadata?: { httpStatusCode?: number } };

/** What the SDK throws, in words. */
export const refused = (call: string, error: unknown): AwsRefused => {
  if (error instanceof AwsRefused) return error;
  const { name, message, code, $metadata } = error as Cause;
  const answered = $metadata?.httpStatusCode !== undefined;
  const own = !answered && typeof code === "string" ? code : name;
  return new AwsRefused(call, own, message.replace(/\s+/g, " ").trim());
};

/** Errors that say that a thing is not there, as null. */
export const orNull =
  (pattern: RegExp) =>
  (error: unknown): null => {
    if (pattern.test((error as Error).name)) return null;
    throw error;
  };

export interface Asking {
  /** What every client is made with, besides its region. */
  common: { credentials: EC2Client["config"]["credentials"] } & typeof settings;
  /** @throws AwsRefused alone */
  asked: <T>(call: string, ask: (abortSignal: AbortSignal) => Promise<T>) => Promise<T>;
  deps: AskingDeps;
}
export type AskingDeps = Pick<Deps, "clock" | "random" | "fetch"> & { env: NodeJS.ProcessEnv };

const settings = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 5_000, requestTimeout: callMs / 3, throwOnRequestTimeout: true },
};

/** @param home the region for what has none. */
export const makeAsking = (home: string, deps: AskingDeps): Asking => {
  // Looked up once, and not once a client: they may come of a program that takes seconds.
  const { credentials } = new EC2Client({ region: home, ...settings }).config;
  return {
    common: { ...settings, credentials },
    deps,
    asked: async (call, ask) => {
      const limit = deadline(deps.clock, callMs, call);
      try {
        return await ask(limit.signal);
      } catch (error) {
        if (limit.signal.aborted)
          throw new AwsRefused(call, "NoAnswer", (limit.signal.reason as Error).message);
        throw refused(call, error);
      } finally {
        limit.done();
      }
    },
  };
};

/** One client a region. */
export const byRegion = <T>(make: (region: string) => T): ((region: string) => T) => {
  const known = new Map<string, T>();
  return (region) => {
    const client = known.get(region) ?? make(region);
    known.set(region, client);
    return client;
  };
};
