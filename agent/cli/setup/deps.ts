/** What setting up needs from outside; the only place of its folder that knows randomness. */
import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { realDeps, type Deps } from "../../manager/deps.ts";
import { realCliDeps, type CliDeps } from "../deps.ts";
import { realTerminal, type Terminal } from "./terminal.ts";

export interface SetupDeps extends CliDeps {
  terminal: Terminal;
  /** Base64url of so many random bytes. */
  secret: (bytes: number) => string;
  /** Uniform in [0, 1), for jitter. */
  random: () => number;
  /** Milliseconds since 1970. */
  wallMs: () => number;
  /** For the manager's own way of logging in, which is what is tried. */
  manager: Deps;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  limits: SetupLimits;
}

export const realSetupDeps = (signal: AbortSignal): SetupDeps => ({
  ...realCliDeps,
  terminal: realTerminal(signal),
  secret: (bytes) => randomBytes(bytes).toString("base64url"),
  random: Math.random,
  wallMs: Date.now,
  manager: realDeps(pino({ enabled: false })),
  signal,
  limits,
});

export const limits = {
  /** GitHub wants the whole manifest flow done within an hour (docs: registering a GitHub App from a manifest). */
  pageMs: 55 * 60_000,
  /** An owner who has to be asked for the installation answers later; the next run goes on from there. */
  installMs: 30 * 60_000,
  /** Between two looks for the installation: 1,200 calls an hour at most, of 5,000. */
  everyMs: 3_000,
  /** How long the last page waits for the browser to fetch it. */
  lastPageMs: 8_000,
  callMs: 20_000,
  attempts: 3,
  retryFirstMs: 1_000,
  /** A longer pause that GitHub asks for is told instead of waited for. */
  retryAfterMaxMs: 10_000,
};
export type SetupLimits = typeof limits;
