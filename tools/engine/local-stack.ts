/** The stack `local` as a handle: for `npm start`, tests and benchmarks. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ConfinementKind } from "../../agent/protocol.ts";
import { keepDaemon, prepareDaemon } from "./daemon.ts";
import { engineEnvironment, localPaths } from "./environment.ts";
import { findEngine, type Engine } from "./find.ts";
import { run, type Ran, type RunOptions } from "./run.ts";
import { dropSecrets, writeSettings } from "./stack-file.ts";

export interface StackOutputs {
  address: string;
  page: string;
  metrics: string;
  pools: Record<string, string>;
  directory: string;
  socket: string;
  confinement: ConfinementKind;
  summary: string;
}
export interface Preview {
  /** Operation -> resources: `same`, `create`, `update`, `replace`, `delete`. */
  changes: Record<string, number>;
  /** Operation by the resource's name. */
  steps: Record<string, string>;
  seconds: number;
}
export interface LocalStack {
  root: string;
  engine: Engine;
  /** For running Pulumi by other means. */
  env: NodeJS.ProcessEnv;
  /** Plain settings, keys without `muster:`; `undefined` removes one. */
  setConfig(values: Record<string, unknown>): Promise<void>;
  setSecret(name: "githubToken" | "githubAppKey", value: string): Promise<void>;
  preview(): Promise<Preview>;
  /** Also starts the manager again when it was gone although nothing changed. Lines of Pulumi go to `onLine`. */
  up(onLine?: (line: string) => void): Promise<StackOutputs>;
  destroy(onLine?: (line: string) => void): Promise<void>;
  outputs(): Promise<StackOutputs>;
  /** Any command of Pulumi on this stack; never rejects. */
  pulumi(args: readonly string[], options?: RunOptions): Promise<Ran>;
}

/** A command of Pulumi ended with an error; the message holds what it printed. */
export class PulumiFailed extends Error {
  override name = "PulumiFailed";
  readonly ran: Ran;
  constructor(args: readonly string[], ran: Ran) {
    super(`pulumi ${args.join(" ")} failed (exit code ${ran.code}):\n${`${ran.stdout}${ran.stderr}`.trim()}`);
    this.ran = ran;
  }
}

/** Pulumi repeats with every step where the plugin comes from; as the last that it said this looks like a fault. */
const isPluginNote = (line: string) => line.includes("warning: using pulumi-resource-command from $PATH");

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Engine and environment of a stack; for `local` the stack itself is made when it is missing. */
export const prepareStack = async (options: {
  root: string;
  stack: string | null;
  log: (line: string) => void;
}): Promise<{ engine: Engine; env: NodeJS.ProcessEnv }> => {
  const { root, stack, log } = options;
  const engine = await findEngine({ log });
  if (engine.command === "stand-in")
    log("the real command plugin is not installed: commands run in this project's stand-in for it");
  const newPassphrase = stack === "local" && !(await exists(localPaths(root).passphrase));
  const env = await engineEnvironment({ root, engine, stack });
  if (stack !== "local") return { engine, env };
  // Only this file of the backend says whether the stack exists, short of half a second for asking Pulumi.
  if (await exists(join(localPaths(root).backend, ".pulumi/stacks/muster/local.json")))
    return { engine, env };
  const gone = newPassphrase ? await dropSecrets(root) : [];
  if (gone.length > 0)
    log(`the passphrase of Pulumi.local.yaml is gone, and with it ${gone.join(", ")}: set again`);
  const args = ["stack", "init", "local", "--no-select", "--non-interactive"];
  const ran = await run(join(engine.directory, "pulumi"), args, { cwd: root, env });
  if (ran.code !== 0) throw new PulumiFailed(args, ran);
  return { engine, env };
};

/**
 * Finds the engine and opens the stack `local` of the checkout at `root`, making what is missing.
 * @throws EngineMissing, PulumiFailed
 */
export const openLocalStack = async (options: {
  root: string;
  log: (line: string) => void;
}): Promise<LocalStack> => {
  const { root, log } = options;
  const { engine, env } = await prepareStack({ root, stack: "local", log });
  const pulumi: LocalStack["pulumi"] = (args, more = {}) =>
    run(join(engine.directory, "pulumi"), [...args, "--stack", "local", "--non-interactive"], {
      cwd: root,
      env,
      ...more,
    });
  const must = async (args: readonly string[], more: RunOptions = {}) => {
    const ran = await pulumi(args, more);
    if (ran.code !== 0) throw new PulumiFailed(args, ran);
    return ran;
  };
  const outputs = async () => JSON.parse((await must(["stack", "output", "--json"])).stdout) as StackOutputs;
  const stream = (onLine: ((line: string) => void) | undefined): RunOptions =>
    onLine ? { onLine: (line) => isPluginNote(line) || onLine(line) } : {};
  const daemon = { root, pulumi, log };
  return {
    root,
    engine,
    env,
    pulumi,
    outputs,
    setConfig: (values) => writeSettings(root, values),
    // Through standard input: arguments can be read by every process of this computer.
    setSecret: async (name, value) =>
      void (await must(["config", "set", "--secret", `muster:${name}`], { stdin: value })),
    preview: async () => {
      const startMs = performance.now();
      const { stdout } = await must(["preview", "--json"]);
      const seconds = (performance.now() - startMs) / 1000;
      const { changeSummary = {}, steps = [] } = JSON.parse(stdout) as {
        changeSummary?: Record<string, number>;
        steps?: { op: string; urn: string }[];
      };
      const named = steps.map(({ op, urn }) => [urn.split("::").at(-1)!, op]);
      return { changes: changeSummary, steps: Object.fromEntries(named) as Record<string, string>, seconds };
    },
    up: async (onLine) => {
      const before = await prepareDaemon(daemon);
      await must(["up", "--yes", "--skip-preview"], stream(onLine));
      await keepDaemon(before, daemon);
      return outputs();
    },
    // With its preview: without it a protected resource would be found only after the others are gone.
    destroy: async (onLine) => void (await must(["destroy", "--yes"], stream(onLine))),
  };
};
