/** `on:`: whether the event starts this workflow, and with which inputs. */
import { matchesGlob } from "node:path";
import type { WorkflowEvent } from "../wire.ts";

interface InputDefinition {
  type?: string;
  required?: boolean;
  default?: unknown;
  options?: string[];
}
type Filters = Readonly<Record<string, string | readonly string[]>>;

/** `on` in its three spellings, as event name -> settings. */
function events(on: unknown): Record<string, unknown> {
  if (typeof on === "string") return { [on]: null };
  if (Array.isArray(on)) return Object.fromEntries(on.map((name) => [String(name), null]));
  return (on ?? {}) as Record<string, unknown>;
}

/** GitHub writes inputs as strings in `github.event.inputs` and typed in `inputs`. */
export type Inputs = Record<string, string | number | boolean>;

function typed(name: string, { type = "string", options }: InputDefinition, value: string): Inputs[string] {
  const refuse = (allowed: string) => {
    throw new Error(`input '${name}' is '${value}'; allowed: ${allowed}`);
  };
  if (type === "boolean") {
    if (!["true", "false"].includes(value)) refuse("true, false");
    return value === "true";
  }
  if (type === "number") {
    if (value === "" || Number.isNaN(Number(value))) refuse("a number");
    return Number(value);
  }
  if (type === "choice" && !options?.includes(value)) refuse(options?.join(", ") ?? "nothing");
  return value;
}

const absent: Readonly<Record<string, string>> = { boolean: "false" };

function dispatchInputs(
  settings: unknown,
  given: Readonly<Record<string, string>>,
  problems: string[],
): Inputs {
  const definitions =
    ((settings ?? {}) as { inputs?: Record<string, InputDefinition | null> | null }).inputs ?? {};
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(definitions, name));
  if (unknown.length > 0) {
    const known = Object.keys(definitions).join(", ") || "none";
    problems.push(`unexpected inputs: ${unknown.join(", ")}; the workflow has: ${known}`);
  }
  const inputs: Inputs = {};
  for (const [name, definition] of Object.entries(definitions)) {
    const input = definition ?? {};
    const value = given[name] ?? input.default ?? absent[input.type ?? "string"];
    if (value === undefined && input.required) problems.push(`input '${name}' is required and was not given`);
    if (value === undefined) continue;
    try {
      inputs[name] = typed(name, input, String(value));
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  return inputs;
}

const list = (value: string | readonly string[] | undefined) => (typeof value === "string" ? [value] : value);

/** The last pattern that fits decides; `!` takes back. */
const admitted = (name: string, patterns: readonly string[]) =>
  patterns.reduce(
    (held, pattern) =>
      pattern.startsWith("!")
        ? held && !matchesGlob(name, pattern.slice(1))
        : held || matchesGlob(name, pattern),
    false,
  );

function pushProblem(settings: unknown, ref: string): string | null {
  const filters = (settings ?? {}) as Filters;
  if (filters["paths"] ?? filters["paths-ignore"]) {
    return "on.push.paths filters by changed files, which the simulator does not know; dispatch it instead";
  }
  const [kind, other] = ref.startsWith("refs/tags/") ? ["tags", "branches"] : ["branches", "tags"];
  const name = ref.replace(/^refs\/(heads|tags)\//, "");
  const only = list(filters[kind]);
  const not = list(filters[`${kind}-ignore`]);
  const onlyOther =
    (filters[other] ?? filters[`${other}-ignore`]) !== undefined && only === undefined && !not;
  const runs = !onlyOther && (only === undefined || admitted(name, only)) && !(not && admitted(name, not));
  return runs ? null : `on.push does not include ${ref}`;
}

/** @returns the typed inputs (empty for a push), and every problem in words. */
export function trigger(on: unknown, event: WorkflowEvent): { inputs: Inputs; problems: string[] } {
  const all = events(on);
  const problems: string[] = [];
  if (!Object.hasOwn(all, event.eventName)) {
    problems.push(
      `the workflow does not run on ${event.eventName}; it runs on ${Object.keys(all).join(", ")}`,
    );
    return { inputs: {}, problems };
  }
  if (event.eventName === "push") {
    const problem = pushProblem(all["push"], event.ref);
    return { inputs: {}, problems: problem ? [problem] : [] };
  }
  return { inputs: dispatchInputs(all["workflow_dispatch"], event.inputs, problems), problems };
}
