/** GitHub's side of the manager as a test holds it: real HTTP, short times, facts and log lines kept. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as settled } from "node:timers/promises";
import { pino } from "pino";
import { expect, onTestFinished, vi } from "vitest";
import { type Deps, realClock, realDeps } from "../../../../agent/manager/deps.ts";
import { makeGitHubWith } from "../../../../agent/manager/github/index.ts";
import { defaultTimings, type Timings } from "../../../../agent/manager/github/timings.ts";
import type { ManagerConfig, ManagerSecrets, PoolConfig } from "../../../../agent/manager-config.ts";
import type { Fact, JobNews } from "../../../../agent/manager/facts.ts";
import type { Statistics } from "../../../../agent/manager/world.ts";
import { virtualClock, type VirtualClock } from "../../../simulation/clock.ts";
import { config } from "../worlds.ts";
import { ScriptedGitHub } from "./script.ts";

/** Real ones, made short; pauses stay long enough to tell one from none. */
export const shortTimings: Timings = {
  ...defaultTimings,
  callTimeoutMs: 2_000,
  pollTimeoutMs: 60_000,
  retryFirstMs: 2,
  retryMsMax: 10,
  pauseFirstMs: 4,
  pauseMsMax: 20,
  conflictFirstMs: 4,
  conflictMsMax: 20,
  emptyPollMsMin: 20,
  reissueMsMin: 10,
  accessPeriodMs: 86_400_000,
  accessRetryFirstMs: 4,
  accessRetryMsMax: 20,
  stopMs: 1_000,
};

/** Looks again all the time who may use the pools; a request of that kind would disturb other tests. */
export const looking = { accessPeriodMs: 60 };

export interface Options {
  url?: string;
  pools?: Record<string, Partial<PoolConfig>>;
  login?: ManagerConfig["github"]["login"];
  source?: ManagerConfig["github"]["source"];
  secrets?: ManagerSecrets;
  timings?: Partial<Timings>;
  stack?: ManagerConfig["stack"];
  clock?: VirtualClock;
  directory?: string;
}

export interface Harness {
  github: ReturnType<ReturnType<typeof makeGitHubWith>>;
  config: ManagerConfig;
  facts: Fact[];
  /** Whole log, one JSON object a line. */
  lines: string[];
  log: Deps["log"];
  directory: string;
  seen(): Extract<Fact, { is: "demand-seen" }>[];
  /** What is held against a pool now: its reasons; null before anything was said. */
  refused(pool?: string): string[] | null;
  accesses(pool?: string): Extract<Fact, { is: "access-seen" }>[];
  failed(): Extract<Fact, { is: "demand-failed" }>[];
  news(): JobNews[];
  lastStatistics(pool?: string): Statistics | undefined;
  /** Calls that have not been answered, polls aside. */
  inFlight(): number;
}

export function harness(options: Options = {}): Harness {
  const directory = options.directory ?? temporary();
  const lines: string[] = [];
  const log = pino({ base: null, level: "debug" }, { write: (line: string) => void lines.push(line) });
  let inFlight = 0;
  const deps: Deps = {
    ...realDeps(log),
    clock: options.clock ?? realClock(),
    random: () => 1,
    // Bodies are read here, so that an answered call leaves nothing to wait for.
    fetch: async (input, init) => {
      const isPoll = init?.method === "GET" && String(input).includes("/message");
      if (isPoll) return fetch(input, init);
      inFlight += 1;
      try {
        const { status, headers, ...rest } = await whole(await fetch(input, init));
        return new Response(status === 204 || status === 304 ? null : rest.bytes, { status, headers });
      } finally {
        inFlight -= 1;
      }
    },
  };
  const base = config(options.pools ?? { a: {} });
  const wanted: ManagerConfig = {
    ...base,
    stack: options.stack ?? base.stack,
    github: {
      url: options.url ?? base.github.url,
      login: options.login ?? { kind: "token" },
      source: options.source ?? "auto",
    },
    manager: { ...base.manager, directory },
  };
  const facts: Fact[] = [];
  const secrets = options.secrets ?? { githubToken: "ghp_planted0token" };
  const make = makeGitHubWith({ ...shortTimings, ...options.timings });
  const github = make(wanted, secrets, (fact) => facts.push(fact), deps);
  // Outlives nothing: a session that a test leaves open would keep polling a server that is gone.
  onTestFinished(() => stopNow(github, options.clock));
  const seen = () => facts.filter((fact) => fact.is === "demand-seen");
  const accesses = (pool = "a") =>
    facts.filter((fact) => fact.is === "access-seen").filter((fact) => fact.pool === pool);
  return {
    accesses,
    refused: (pool) =>
      accesses(pool)
        .at(-1)
        ?.refusals.map(({ reason }) => reason) ?? null,
    github,
    config: wanted,
    facts,
    lines,
    log,
    directory,
    seen,
    failed: () => facts.filter((fact) => fact.is === "demand-failed"),
    news: () => seen().flatMap((fact) => [...fact.news]),
    lastStatistics: (pool = "a") =>
      seen()
        .filter((fact) => fact.pool === pool)
        .at(-1)?.statistics,
    inFlight: () => inFlight,
  };
}

const whole = async (response: Response) => ({
  status: response.status,
  headers: response.headers,
  bytes: await response.arrayBuffer(),
});

async function stopNow(github: Harness["github"], clock?: VirtualClock): Promise<void> {
  const stopping = github.stop();
  if (clock) await clock.advance(60_000);
  await stopping;
}

export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), "muster-github-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A scripted GitHub and a started manager side for it. */
export async function started(
  prepare: (script: ScriptedGitHub) => void = () => {},
  options: Options = {},
): Promise<Harness & { script: ScriptedGitHub }> {
  const script = await scripted(prepare, options);
  const made = harness({ url: `${script.url}/acme/widgets`, ...options });
  made.github.start(made.config);
  // Logging in waits in real time, inside octokit: virtual time must not run ahead of it.
  if (options.clock) await eventually(() => expect(script.calls("sets.list")).not.toHaveLength(0));
  return { ...made, script };
}

export async function scripted(
  prepare: (script: ScriptedGitHub) => void = () => {},
  { clock }: Options = {},
): Promise<ScriptedGitHub> {
  const script = await new ScriptedGitHub().listen();
  if (clock) script.now = clock.now;
  prepare(script);
  return script;
}

export const signal = () => new AbortController().signal;

/** Waits in real time; the assertion's own error when it does not come true. */
export const eventually = <T>(assertion: () => T | Promise<T>, timeout = 20_000): Promise<T> =>
  vi.waitFor(assertion, { timeout, interval: 2 });

/** Lets virtual time pass while every call is answered in between. */
export async function pass(
  clock: VirtualClock,
  made: Harness,
  condition: () => boolean,
  ms: number,
  stepMs = 250,
): Promise<void> {
  for (let passed = 0; passed <= ms; passed += stepMs) {
    await quiet(made);
    if (condition()) return;
    await clock.advance(stepMs);
  }
  await quiet(made);
  expect(condition(), `not within ${ms / 1000} s of virtual time`).toBe(true);
}

async function quiet(made: Harness): Promise<void> {
  for (let calm = 0; calm < 5;) {
    await settled();
    calm = made.inFlight() === 0 ? calm + 1 : 0;
  }
}

export { virtualClock as clock };
