/** A seed from its beginning to its verdict. */
import { isOpenLoss } from "../../agent/manager/losses.ts";
import { Violation, type Invariant } from "./checker.ts";
import type { Defect } from "./defects.ts";
import { boundMs, isOpen, pending, unexplained } from "./oracle.ts";
import type { Scenario } from "./scenario.ts";
import { backendKinds, makeSimulation, type Simulation } from "./simulator.ts";

export type Outcome = {
  seed: number;
  hash: number;
  /** Events of the virtual clock. */
  steps: number;
  virtualMs: number;
  jobs: number;
  /** Jobs that GitHub gave up on. */
  stuck: number;
} & (
  | { is: "passed" }
  | { is: "correctness"; invariant: Invariant; message: string; story: readonly string[] }
  | { is: "liveness"; message: string; story: readonly string[] }
  | { is: "crash"; message: string; story: readonly string[] }
);

const minute = 60_000;

class Stuck extends Error {
  override readonly name = "Stuck";
}

/** @param defect planted into the core */
export async function runScenario(scenario: Scenario, defect: Defect | null = null): Promise<Outcome> {
  const run = makeSimulation(scenario, { defect });
  const beganMs = run.clock.now();
  let verdict: { is: "passed" } | Exclude<Outcome, { is: "passed" }>["is"] = { is: "passed" };
  let thrown: unknown = null;
  try {
    await safety(run);
    await liveness(run);
    await drained(run);
  } catch (error) {
    thrown = error;
    verdict = error instanceof Violation ? "correctness" : error instanceof Stuck ? "liveness" : "crash";
  } finally {
    run.close();
  }
  const jobs = [...run.github.jobs.values()];
  const figures = {
    seed: scenario.seed,
    hash: run.story.hash(),
    steps: run.clock.steps(),
    virtualMs: run.clock.now() - beganMs,
    jobs: jobs.length,
    stuck: jobs.filter(({ state }) => state === "stuck").length,
  };
  if (thrown === null || typeof verdict === "object") return { ...figures, is: "passed" };
  const { message, stack } = thrown as Error;
  const story = [...run.story.lines()];
  if (thrown instanceof Violation)
    return { ...figures, is: "correctness", invariant: thrown.invariant, message, story };
  return {
    ...figures,
    is: verdict === "liveness" ? "liveness" : "crash",
    message: verdict === "crash" ? (stack ?? message) : message,
    story,
  };
}

/** Until all jobs are settled, or for long no more of them are. */
async function safety(run: Simulation): Promise<void> {
  const { github, scenario } = run;
  const lastMs = Math.max(0, ...scenario.jobs.map(({ atMs }) => atMs));
  const lost = () => Object.values(run.world()?.losses ?? {}).filter(isOpenLoss).length;
  const open = () => [...github.jobs.values()].filter((job) => isOpen(job, github)).length + lost();
  await run.until(() => false, lastMs + 1);
  for (let before = Infinity; open() < before;) {
    before = open();
    if (await run.until(() => open() === 0, 10 * minute)) return;
  }
}

/** A random set of backends that can serve every pool is healed, everything else stays broken for good. */
async function liveness(run: Simulation): Promise<void> {
  const { scenario, faults } = run;
  const core = drawCore(scenario, run);
  const healed = (_kind: string, key: string) => core.has(key.split(":")[0]!) || !isBackend(scenario, key);
  run.story.happened({
    is: "manager",
    does: `has ${[...core].join(" and ")} healed, all else broken for good`,
  });
  faults.settle((kind, key) => !backendKinds.has(kind) || healed(kind, key));
  run.github.beEndlesslyPatient();
  const up = await run.until(() => run.manager() !== null, 20 * minute);
  if (!up) throw new Stuck("the manager does not come back");
  const first = run.situation(core)!;
  const ms = boundMs(first);
  let quietMs: number | null = null;
  const finished = () => {
    const now = run.situation(core);
    const nothing = now !== null && pending(now) === null;
    if (!nothing) quietMs = null;
    else quietMs ??= run.clock.now();
    // Twice in a row, with plans in between.
    return quietMs !== null && run.clock.now() - quietMs > 2 * scenario.limits.tickMsMax;
  };
  const done = await run.until(sometimes(run, finished), ms);
  const last = run.situation(core)!;
  const secret = unexplained(last);
  if (secret !== null) throw new Violation("13 refusal", secret);
  if (!done)
    throw new Stuck(
      `${pending(last) ?? "it does not come to rest"}, after ${Math.round(ms / minute)} minutes without new faults`,
    );
}

async function drained(run: Simulation): Promise<void> {
  run.faults.settle(() => true);
  run.drain();
  const left = () => [
    ...run.clouds.flatMap(({ machines }) => [...machines.keys()]),
    ...[...run.github.records.keys()]
      .filter((name) => run.isOwned(name))
      .map((name) => `runner record ${name}`),
    ...Object.keys(run.world()?.machines ?? {}).map((id) => `${id}, believed in`),
  ];
  const { limits } = run.scenario;
  const longest = limits.bootDeadlineMs + limits.deadManMs + 15 * minute + 20 * minute;
  if (
    !(await run.until(
      sometimes(run, () => left().length === 0),
      longest,
    ))
  )
    throw new Stuck(`after the drain there is left: ${left().join(", ")}`);
}

function drawCore(scenario: Scenario, run: Simulation): ReadonlySet<string> {
  const { pools } = run.settings().config;
  const core = new Set<string>();
  for (const { backends } of Object.values(pools)) {
    const names = backends.map(({ kind }) => kind as string);
    if (!names.some((name) => core.has(name))) core.add(run.random.pick(names));
  }
  if (run.random.chance(0.3)) scenario.backends.forEach(({ name }) => core.add(name));
  return core;
}

const isBackend = ({ backends }: Scenario, key: string) =>
  backends.some(({ name }) => key === name || key.startsWith(`${name}:`));

/** Looked at once a virtual second: conditions cost more than steps. */
function sometimes(run: Simulation, condition: () => boolean): () => boolean {
  let lookedMs = -Infinity;
  return () => {
    if (run.clock.now() - lookedMs < 1_000) return false;
    lookedMs = run.clock.now();
    return condition();
  };
}
