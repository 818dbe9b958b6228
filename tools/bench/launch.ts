/** Job offered -> launch call: the real manager and the real HTTP of the simulator, a backend that only notes the time. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { realDeps } from "../../agent/manager/deps.ts";
import { makeGitHub } from "../../agent/manager/github/index.ts";
import { startManager } from "../../agent/manager/manager.ts";
import type { Backend } from "../../agent/manager/ports.ts";
import { freePort } from "../../test/engine/project.ts";
import { config } from "../../test/agent/manager/worlds.ts";
import { startGitHub } from "../../test/github/server.ts";
import { median } from "./figures.ts";

export interface LaunchBench {
  /** Median over single jobs. */
  oneMs: number;
  /** The last launch call of a burst. */
  lastOfBurstMs: number;
  burst: number;
}

export async function benchLaunch(rounds = 15, burst = 50): Promise<LaunchBench> {
  const directory = mkdtempSync(join(tmpdir(), "muster-bench-"));
  const github = await startGitHub();
  const launched: number[] = [];
  let machines = 0;
  const backend: Backend = {
    name: "local",
    consistent: true,
    offers: () => [{ key: "local", backend: "local", priceMicros: 0, scopes: [] }],
    list: async () => [],
    launch: async (_id, request) => {
      machines += request.machines.length;
      launched.push(performance.now());
      return { machines: request.machines, failures: [] };
    },
    destroy: async () => {},
    classify: (error) => ({
      reason: "unknown",
      scope: { on: "backend", key: "local" },
      detail: String(error),
      retryAfterMs: null,
    }),
  };
  const base = config({ one: { labels: ["one"], max: rounds }, many: { labels: ["many"], max: burst } });
  const settings = {
    hash: "bench",
    config: {
      ...base,
      github: { url: github.repositoryUrl, login: { kind: "token" as const }, source: "auto" as const },
      manager: {
        ...base.manager,
        port: await freePort(),
        directory,
        socket: join(directory, "control.sock"),
      },
    },
  };
  const manager = await startManager(
    {
      settingsPath: "",
      settings,
      secrets: { githubToken: github.token },
      makeGitHub,
      makeBackends: () => new Map([["local", backend]]),
    },
    realDeps(pino({ level: process.env.BENCH_LOG ?? "silent" })),
  );
  try {
    await github.control.wait({ what: "polling", count: 2 }, 20_000);
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const offeredMs = performance.now();
      await github.control.dispatchJobs([{ labels: ["one"] }]);
      times.push(
        (await reached(
          () => machines > round,
          () => launched.at(-1)!,
        )) - offeredMs,
      );
    }
    const offeredMs = performance.now();
    await github.control.dispatchJobs(Array.from({ length: burst }, () => ({ labels: ["many"] })));
    const lastMs = await reached(
      () => machines >= rounds + burst,
      () => launched.at(-1)!,
    );
    return { oneMs: median(times), lastOfBurstMs: lastMs - offeredMs, burst };
  } finally {
    await manager.stop();
    await github.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Looks every millisecond, so that looking does not slow down what is measured. */
async function reached(test: () => boolean, value: () => number): Promise<number> {
  const untilMs = performance.now() + 30_000;
  while (!test()) {
    if (performance.now() > untilMs) throw new Error("bench: no launch call came within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return value();
}
