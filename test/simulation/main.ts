/**
 * `npm run simulate -- --seed 42`: one seed, or `--seeds 1000` from there on. Prints what was drawn, what went on, and for a seed
 * that fails its story and the smallest set of fault kinds that still fails.
 * Exit codes: 0 passed, 127 the simulation itself broke, 128 something never ends, 129 a broken promise.
 */
import { parseArgs } from "node:util";
import { type Defect, defects } from "./defects.ts";
import { type FaultKind, faultKinds } from "./faults.ts";
import { type Outcome, runScenario } from "./run.ts";
import { drawScenario, type Scenario } from "./scenario.ts";

const usage = `usage: npm run simulate -- [--seed N] [--seeds K] [--own-names] [--defect NAME]
  --seed N       first seed (default 1)
  --seeds K      how many (default 1)
  --own-names    the cloud names its machines itself, as EC2 does
  --defect NAME  planted into the manager: ${Object.keys(defects).join(", ")}
MUSTER_STORY=100000 keeps the whole story of a failure instead of its last 40 lines.`;

const codes = { passed: 0, crash: 127, liveness: 128, correctness: 129 } as const;
const line = (text: string) => void process.stdout.write(`${text}\n`);

/** @throws with what is allowed */
function wishes(args: readonly string[]) {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ seed: text, seeds: text, defect: text },
      ...{ help: { type: "boolean" }, "own-names": { type: "boolean" } },
    },
  });
  const whole = (name: "seed" | "seeds", usual: number, least: number) => {
    const given = values[name];
    const value = given === undefined ? usual : Number(given);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new Error(`--${name} ${given}: give a whole number from ${least}`);
  };
  const { defect } = values;
  if (defect !== undefined && !Object.hasOwn(defects, defect))
    throw new Error(
      `--defect ${defect}: there is no such defect; there are ${Object.keys(defects).join(", ")}`,
    );
  const planted: Defect | null = defect === undefined ? null : defects[defect as keyof typeof defects];
  const names = values["own-names"] === true ? ("own" as const) : ("request" as const);
  return {
    help: values.help === true,
    names,
    seed: whole("seed", 1, 0),
    seeds: whole("seeds", 1, 1),
    planted,
  };
}

const drawn = ({ pools, backends, budgetMicros, faults, jobs }: Scenario) => [
  `  pools    ${Object.entries(pools)
    .map(
      ([name, { max, minIdle, reuse, backends: own }]) =>
        `${name} (max ${max}, minIdle ${minIdle}${reuse ? ", reuse" : ""}, at ${own!.map(({ kind }) => kind).join(" then ")})`,
    )
    .join(", ")}`,
  `  offers   ${backends.flatMap(({ offers }) => offers.map(({ key, priceMicros }) => `${key} ${priceMicros / 1e6}`)).join(", ")}; ` +
    `budget ${budgetMicros === null ? "none" : budgetMicros / 1e6} an hour; ${jobs.length} jobs`,
  ...Object.entries(faults).map(
    ([kind, { probability, stabilityMs }]) =>
      `  fault    ${kind.padEnd(22)} ${faultKinds[kind as FaultKind]} (${probability}, for up to ${stabilityMs / 1_000} s)`,
  ),
];

const said = (outcome: Outcome) =>
  outcome.is === "passed"
    ? `passed: ${outcome.jobs} jobs, ${outcome.steps} steps, ${Math.round(outcome.virtualMs / 60_000)} minutes of virtual time, trace ${outcome.hash.toString(16)}`
    : `${outcome.is}: ${outcome.message}`;

/** Takes away one kind after the other for as long as the seed still fails in the same way. */
async function smallest(
  scenario: Scenario,
  failed: Outcome,
  defect: Defect | null,
): Promise<readonly string[]> {
  const sort = (outcome: Outcome) => (outcome.is === "correctness" ? outcome.invariant : outcome.is);
  let { faults } = scenario;
  for (const kind of Object.keys(faults) as FaultKind[]) {
    const { [kind]: _without, ...fewer } = faults;
    const outcome = await runScenario({ ...scenario, faults: fewer }, defect);
    if (sort(outcome) === sort(failed)) faults = fewer;
  }
  return Object.keys(faults);
}

async function main(args: readonly string[]): Promise<number> {
  const { help, names, seed: first, seeds, planted } = wishes(args);
  if (help) return (line(usage), 0);
  const startedMs = performance.now();
  let worst: Outcome["is"] = "passed";
  for (let seed = first; seed < first + seeds; seed++) {
    const scenario = drawScenario(seed, planted?.only, names);
    if (seeds === 1) for (const text of [`seed ${seed}`, ...drawn(scenario)]) line(text);
    const outcome = await runScenario(scenario, planted);
    if (seeds === 1 || outcome.is !== "passed") line(`seed ${seed} ${said(outcome)}`);
    if (outcome.is !== "passed") {
      if (codes[outcome.is] > codes[worst]) worst = outcome.is;
      if (seeds > 1) for (const text of drawn(scenario)) line(text);
      for (const text of outcome.story) line(text);
      const few = await smallest(scenario, outcome, planted);
      line(`seed ${seed} still fails with only: ${few.join(", ") || "no faults at all"}`);
    }
    if (seeds > 1 && (seed - first + 1) % 100 === 0) line(`${seed - first + 1} seeds done`);
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  if (seeds > 1) line(`${seeds} seeds in ${seconds.toFixed(1)} s: ${(seeds / seconds).toFixed(1)} a second`);
  return codes[worst];
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`simulate: ${(error as Error).message}\n${usage}\n`);
  process.exitCode = 1;
}
