import { describe, expect, it } from "vitest";
import type { Job, ManagerState } from "../../../tools/start/jobs.ts";
import { watch, type RunState, type WatchDeps } from "../../../tools/start/watch.ts";
import { makeScreen } from "../../../tools/terminal/screen.ts";
import { job, state } from "./fixtures.ts";

const done = job({ id: "a", times: [0, 1, 2, 3, 4, 5, 6, 7], state: "completed", result: "succeeded" });
const waiting = job({ id: "a", times: [0, 1], state: "assigned", waitsFor: "it boots" });
const running: RunState = { over: false, results: [null] };
const over: RunState = { over: true, results: ["succeeded"] };

/** Answers in turn, the last one for ever; a clock that only sleeping moves. */
const rig = (states: readonly (ManagerState | Error)[], runs: readonly RunState[] | null) => {
  const lines: string[] = [];
  let now = 1_000_000;
  let turn = 0;
  const at = <T>(all: readonly T[]) => all[Math.min(turn, all.length - 1)]!;
  const controller = new AbortController();
  const deps: WatchDeps = {
    screen: makeScreen({ write: (text) => lines.push(text.trimEnd()) }),
    state: () => {
      const answer = at(states);
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    run: runs === null ? null : () => Promise.resolve(at(runs)),
    now: () => now,
    sleep: (ms) => {
      now += ms;
      turn += 1;
      if (runs === null && turn === states.length) controller.abort(new Error("interrupted"));
      return Promise.resolve();
    },
  };
  const start = async (limitMs = 600_000) => {
    let jobs: readonly Job[] = [];
    const seen = (latest: readonly Job[]) => (jobs = latest);
    const runId = runs === null ? null : 7;
    await watch({ runId, log: "/nowhere", limitMs, signal: controller.signal, seen }, deps);
    return jobs;
  };
  return {
    start,
    lines: () => lines.filter((line) => line !== ""),
    controller,
    elapsed: () => now - 1_000_000,
  };
};

describe("watching", () => {
  it("prints one line a change and ends when GitHub and the manager agree", async () => {
    const { start, lines } = rig([state([]), state([waiting]), state([done])], [running, running, over]);
    expect((await start()).map((found) => found.result)).toEqual(["succeeded"]);
    expect(lines().map((line) => line.trim())).toEqual([
      "0.3 s  a on local: queued, assigned",
      "0.5 s  a on local: launch asked, started, enrolled, registered, running, done (succeeded)",
    ]);
  });

  it("waits a while for the manager to hear of the end, and not for ever", async () => {
    const { start, elapsed } = rig([state([waiting])], [over]);
    expect((await start())[0]?.state).toBe("assigned");
    expect(elapsed()).toBeGreaterThan(15_000);
    expect(elapsed()).toBeLessThan(16_000);
  });

  it("says once why a pool waits, and that GitHub is not heard", async () => {
    const pool = {
      name: "local",
      github: { is: "stale" as const, why: "503" },
      reasons: [{ reason: "max", jobs: 2, detail: "all 2 machines are busy" }],
    };
    const counting = { reason: "unknown", jobs: 1, detail: "tried again in 5 s" };
    const busy = (seconds: number) => {
      const reasons = [...pool.reasons, { ...counting, detail: `tried again in ${seconds} s` }];
      return state([waiting], { pools: [{ ...pool, reasons }] });
    };
    const { start, lines } = rig([busy(5), busy(4), state([done])], [running, running, over]);
    await start();
    expect(
      lines()
        .filter((line) => line.includes("pool local"))
        .map((line) => line.trim()),
    ).toEqual([
      "pool local waits: max: all 2 machines are busy",
      "pool local waits: unknown: tried again in 5 s",
      "pool local waits: GitHub is not heard: 503",
    ]);
  });

  it("does not speak of GitHub's silence before the manager had time to ask", async () => {
    const github = { is: "never" as const, why: "404 Not Found" };
    const deaf = state([], { pools: [{ name: "local", github, reasons: [] }] });
    const { start, lines } = rig([deaf], [running]);
    await expect(start(4_000)).rejects.toThrow("none that the manager knows");
    expect(lines()).toEqual([]);
    const later = rig([deaf], [running]);
    await expect(later.start(8_000)).rejects.toThrow();
    expect(later.lines().map((line) => line.trim())).toEqual([
      "pool local waits: GitHub is not heard: 404 Not Found",
    ]);
  });

  it("bears a manager that is away for a moment", async () => {
    const { start } = rig(
      [new Error("ECONNREFUSED"), state([waiting]), state([done])],
      [running, running, over],
    );
    expect(await start()).toHaveLength(1);
  });

  it("fails when the manager stays away, with the last error", async () => {
    const { start } = rig([new Error("ECONNREFUSED")], [running]);
    await expect(start()).rejects.toThrow("the manager has not answered for 60 s (ECONNREFUSED)");
  });

  it("fails after its limit, and names what is open and why", async () => {
    const { start } = rig([state([waiting])], [running]);
    await expect(start(120_000)).rejects.toThrow("not done within 2 min; open: a (it boots).");
  });

  it("follows every job until the interrupt where there is no single run", async () => {
    const other = job({ id: "b", times: [0], workflowRun: 9 });
    const { start } = rig([state([waiting]), state([waiting, other])], null);
    expect(await start()).toHaveLength(2);
  });

  it("ends with the interrupt when a run is followed", async () => {
    const { start, controller } = rig([state([waiting])], [running]);
    controller.abort(new Error("interrupted by SIGINT"));
    await expect(start()).rejects.toThrow("interrupted by SIGINT");
  });
});
