/** The simulator, the real core without machines, and GitHub's side between them: for tests of what becomes of lost jobs. */
import { onTestFinished } from "vitest";
import { makeAct } from "../../../../agent/manager/act.ts";
import { realClock, type Deps } from "../../../../agent/manager/deps.ts";
import { makeIdentity } from "../../../../agent/manager/identity.ts";
import { openJournal } from "../../../../agent/manager/journal.ts";
import { defaultLimits, type Limits } from "../../../../agent/manager/limits.ts";
import { makeLoop } from "../../../../agent/manager/loop.ts";
import type { World } from "../../../../agent/manager/world.ts";
import type { PlainJob } from "../../../github/core/plain.ts";
import type { GitHubOptions } from "../../../github/options.ts";
import { ScriptedRunner } from "../../../github/testing/scripted-runner.ts";
import { startWithSet } from "../../../github/testing/start.ts";
import { entry, listed } from "../facts.ts";
import { now, registered, world } from "../worlds.ts";
import { harness, type Options } from "./harness.ts";
import { unlimited } from "./queued/queued-world.ts";

export const soon: Limits = {
  ...defaultLimits,
  coalesceIdleMs: 1,
  coalesceMsMax: 2,
  tickMsMax: 50,
  rerunPauseMs: 10,
  rerunPauseMsMax: 40,
  rerunNewsMs: 1,
  rerunTimeoutMs: 20_000,
  rerunSettleMs: 250,
  rerunRefusedMs: 60,
};

export interface LostOptions {
  simulator?: GitHubOptions;
  harness?: Options;
  limits?: Partial<Limits>;
}

export async function lostJobs(options: LostOptions = {}) {
  const { github: sim, client } = await startWithSet({
    ...unlimited,
    ...options.simulator,
    timings: { jobLockMs: 1_000, ...options.simulator?.timings },
  });
  const made = harness({ url: sim.repositoryUrl, secrets: { githubToken: sim.token }, ...options.harness });
  const limits: Limits = { ...soon, ...options.limits };
  const began = performance.now();
  const deps: Deps = {
    clock: { ...realClock(), now: () => Math.round(now + performance.now() - began) },
    random: () => 1,
    id: (length) => "0".repeat(length),
    log: made.log,
    fetch,
  };
  const journal = openJournal(":memory:", deps, limits);
  onTestFinished(() => journal.close());
  let runners = 0;

  /** A manager with these lost jobs in its memory, or in a memory of its own. */
  const manage = (first: World = world(), github: typeof made.github = made.github) => {
    const loop = makeLoop({
      world: first,
      journal,
      limits,
      deps,
      broken: (error) => made.lines.push(String(error)),
    });
    const act = makeAct({
      ...{ world: loop.world, report: loop.report, backends: new Map(), github, limits, deps },
      identity: makeIdentity(Buffer.alloc(32, 7)),
      configs: new Map(),
      observe: () => {},
    });
    loop.start((actions) => act(actions.filter((action) => action.do === "rerun")));
    onTestFinished(() => loop.stop());
    return loop;
  };
  const config = async (name: string) => {
    await client.poll(100);
    return (await client.mint(name)).config;
  };
  return {
    ...made,
    sim,
    client,
    journal,
    manage,
    dispatch: (jobs: readonly Partial<PlainJob>[]) =>
      sim.control.dispatchJobs(
        jobs.map((job, index) => ({ labels: ["linux"], name: `job ${index + 1}`, ...job })),
      ),
    /** A runner of its own serves the next job. */
    serve: async (conclusion: "succeeded" | "failed" = "succeeded") =>
      new ScriptedRunner(await config(`other-${++runners}`)).serveOne(conclusion),
    /** A runner takes the next job and is not heard of again. */
    vanish: async (name: string) => {
      const runner = await new ScriptedRunner(await config(name)).online();
      await runner.take();
    },
    /** The world in which machines of these names ran jobs of the run, and then their cloud took them. */
    taken: (names: readonly string[], run: number | null): [World, ReturnType<typeof listed>] => [
      world({
        machines: names.map((name) =>
          registered(name, "busy", {
            stageMs: now - 60_000,
            job: {
              name: "as its agent said",
              startedMs: now - 60_000,
              startedAtGitHub: true,
              completedMs: null,
              jobId: `id of ${name}`,
              runner: name,
              ...(run === null ? {} : { from: { repository: "acme/widgets", run } }),
            },
          }),
        ),
        reports: {},
      }),
      listed(
        names.map((name) =>
          entry(name, {
            running: false,
            end: { why: "interrupted: EC2 took the spot instance back", interrupted: true, gone: true },
          }),
        ),
        now,
      ),
    ],
  };
}
export type LostJobs = Awaited<ReturnType<typeof lostJobs>>;
