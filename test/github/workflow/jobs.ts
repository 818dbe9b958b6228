/** One job of the file with one combination of its matrix, as the runner will get it. */
import type { Job, Step } from "@actions/workflow-parser/model/workflow-template";
import type { JobMessage, ReadyJob, StepMessage } from "../wire.ts";
import type { Contexts } from "./evaluate.ts";
import { expandMatrix, suffix, type Combination } from "./matrix.ts";
import { pick, resolve, text, texts } from "./template.ts";

/** GitHub's default for a job, in minutes. */
const defaultTimeoutMinutes = 360;
const nameMax = 100;

function stepMessage(step: Step, raw: unknown): StepMessage {
  const at = (key: string) => text(pick(raw, key));
  return {
    id: step.id,
    name: at("name"),
    condition: step.if?.expression ?? "success()",
    env: texts(pick(raw, "env")),
    continueOnError: at("continue-on-error") ?? false,
    timeoutMinutes: at("timeout-minutes"),
    action:
      "uses" in step
        ? { kind: "uses", uses: step.uses.value, with: texts(pick(raw, "with")) }
        : {
            kind: "run",
            script: at("run") ?? "",
            shell: at("shell"),
            workingDirectory: at("working-directory"),
          },
  };
}

/** Job level wins over workflow level. */
function defaults(document: unknown, raw: unknown): JobMessage["defaults"] {
  const at = (key: string) =>
    text(pick(raw, "defaults", "run", key)) ?? text(pick(document, "defaults", "run", key));
  return { shell: at("shell"), workingDirectory: at("working-directory") };
}

function labels(value: unknown): string[] {
  const list = typeof value === "object" && value !== null && "labels" in value ? value.labels : value;
  const all = (Array.isArray(list) ? list : [list]).map((label) => String(label ?? "").trim());
  if (all.length > 0 && all.every((label) => label !== "")) return all;
  throw new Error(`runs-on is ${JSON.stringify(value)}; it must be a label or a list of labels`);
}

function environment(value: unknown): string | null {
  const name = typeof value === "object" && value !== null ? (value as { name?: unknown }).name : value;
  return name === null || name === undefined || name === "" ? null : String(name);
}

function positive(what: string, value: unknown, otherwise: number): number {
  const number = Number(value ?? otherwise);
  if (number > 0) return number;
  throw new Error(`${what} is ${JSON.stringify(value)}; it must be a number above 0`);
}

export interface Expanded {
  failFast: boolean;
  maxParallel: number;
  jobs: { ready: ReadyJob; continueOnError: boolean }[];
}

interface Strategy {
  failFast: boolean;
  maxParallel: number;
  combinations: Combination[];
}

function strategyOf(raw: unknown, contexts: Contexts): Strategy {
  const value = resolve(pick(raw, "strategy"), contexts);
  const strategy = (value ?? {}) as Record<string, unknown>;
  const combinations = strategy["matrix"] === undefined ? [{}] : expandMatrix(strategy["matrix"]);
  return {
    failFast: strategy["fail-fast"] !== false,
    maxParallel: positive("strategy.max-parallel", strategy["max-parallel"], combinations.length),
    combinations,
  };
}

const shorten = (name: string) => (name.length > nameMax ? `${name.slice(0, nameMax - 3)}...` : name);

/** A name without expressions would be the same for every combination: GitHub then adds the values. */
function displayName(job: Job, raw: unknown, combination: Combination, contexts: Contexts): string {
  const given = text(pick(raw, "name")) || job.id.value;
  const fixed = !given.includes("${{");
  return shorten(fixed ? `${given}${suffix(combination)}` : String(resolve(given, contexts) ?? ""));
}

/**
 * @param contexts github, needs, vars, inputs; strategy and matrix are added here.
 * @throws in words, when an expression fails or a value is of the wrong kind.
 */
export function expandJob(document: unknown, job: Job, contexts: Contexts): Expanded {
  const raw = pick(document, "jobs", job.id.value);
  const { failFast, maxParallel, combinations } = strategyOf(raw, contexts);
  const rest = {
    env: { ...texts(pick(document, "env")), ...texts(pick(raw, "env")) },
    defaults: defaults(document, raw),
    steps: job.steps.map((step, index) => stepMessage(step, pick(raw, "steps", index))),
    outputs: texts(pick(raw, "outputs")),
  };
  const jobs = combinations.map((matrix, index) => {
    const strategy = {
      "fail-fast": failFast,
      "job-index": index,
      "job-total": combinations.length,
      "max-parallel": maxParallel,
    };
    const all = { ...contexts, strategy, matrix: Object.keys(matrix).length > 0 ? matrix : null };
    const value = (key: string) => resolve(pick(raw, key), all);
    const name = displayName(job, raw, matrix, all);
    return {
      continueOnError: value("continue-on-error") === true,
      ready: {
        key: `${job.id.value}${suffix(matrix)}`,
        displayName: name,
        runsOn: labels(value("runs-on")),
        environment: environment(value("environment")),
        message: {
          ...rest,
          jobDisplayName: name,
          contexts: all,
          timeoutMinutes: positive("timeout-minutes", value("timeout-minutes"), defaultTimeoutMinutes),
        },
      },
    };
  });
  return { failFast, maxParallel, jobs: uniqueKeys(jobs) };
}

/** Two combinations may read the same, such as 1 and "1". */
function uniqueKeys<T extends { ready: ReadyJob }>(jobs: T[]): T[] {
  const seen = new Map<string, number>();
  for (const { ready } of jobs) {
    const times = (seen.get(ready.key) ?? 0) + 1;
    seen.set(ready.key, times);
    if (times > 1) ready.key = `${ready.key} #${times}`;
  }
  return jobs;
}
