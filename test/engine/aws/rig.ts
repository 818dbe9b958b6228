/** A stack on the real engine whose AWS is moto and whose GitHub is the simulator: own state, own passphrase, nothing shared with anybody. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { CreateServiceLinkedRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { parse, stringify } from "yaml";
import { limitsVariable } from "../../../agent/leaving/limits.ts";
import { engineEnvironment } from "../../../tools/engine/environment.ts";
import { findEngine } from "../../../tools/engine/find.ts";
import { PulumiFailed } from "../../../tools/engine/local-stack.ts";
import { run, type Ran, type RunOptions } from "../../../tools/engine/run.ts";
import { inventory } from "../../clouds/inventory.ts";
import { startMoto, type Moto } from "../../clouds/moto.ts";
import type { GitHubOptions } from "../../github/options.ts";
import { startGitHub, type GitHubSimulator } from "../../github/server.ts";
import { copyProject } from "../project.ts";
import { plantNode } from "./plant-node.ts";
import { faultsVariable, type Fault } from "../standin/faults.ts";

/** The plugins `aws` and `tls` of tests; they shadow nobody's, since only this PATH leads there. */
const pluginsDirectory = join(import.meta.dirname, "../clouds");

/** Given as a secret setting, and searched for. */
export const githubToken = "planted-s3cret-token";

/** The seconds that Pulumi took, for the end of a test file. */
export const said = (rig: Pick<AwsRig, "seconds">): string =>
  rig.seconds.map(({ command, seconds }) => `${command} ${seconds} s`).join(", ");

/** One step of a preview. */
export interface Step {
  /** `create`, `update`, `replace`, `delete`, `same`, `create-replacement` ... as Pulumi calls it. */
  op: string;
  type: string;
  /** The properties that differ. */
  diffs: readonly string[];
  /** Those of them that replace it. */
  replaces: readonly string[];
  inputs: Record<string, unknown>;
}
export interface AwsPreview {
  /** Operation -> resources. */
  changes: Record<string, number>;
  /** Steps that do something, by the resource's name; of a replacement the step `replace`. */
  steps: Record<string, Step>;
  seconds: number;
}
export interface AwsRig {
  root: string;
  moto: Moto;
  /** The stack's GitHub, whose one token is `githubToken`. */
  github: GitHubSimulator;
  /** For running Pulumi, or a command of the stack, by other means. */
  env: NodeJS.ProcessEnv;
  /** Plain settings with their namespace, such as `muster:pools`; `undefined` removes one. */
  setConfig(values: Record<string, unknown>): Promise<void>;
  setSecret(key: string, value: string): Promise<void>;
  preview(options?: { refresh?: boolean; args?: readonly string[] }): Promise<AwsPreview>;
  /** @returns the outputs, secrets hidden */
  up(args?: readonly string[]): Promise<Record<string, unknown>>;
  destroy(args?: readonly string[]): Promise<void>;
  outputs(): Promise<Record<string, unknown>>;
  /** The deployment as `pulumi stack export` writes it, secrets encrypted. */
  state(): Promise<{
    resources: {
      urn: string;
      type: string;
      id?: string;
      parent?: string;
      dependencies?: string[];
      retainOnDelete?: boolean;
      outputs?: Record<string, unknown>;
    }[];
  }>;
  /** Any command of Pulumi on this stack; never rejects. */
  pulumi(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** From now on these calls of the plugins fail; none without arguments. */
  fail(...faults: readonly Fault[]): Promise<void>;
  /** What moto holds that it did not hold when the rig was opened; also what has no tag. */
  everything(): Promise<string[]>;
  /** Takes what is there now for part of the account: a network that was given, for instance. */
  setBaseline(): Promise<void>;
  /** Seconds of each command of Pulumi so far. */
  readonly seconds: readonly { command: string; seconds: number }[];
  /** Stops moto and GitHub and removes the files; the stack's objects go with moto. */
  close(): Promise<void>;
}

interface PreviewJson {
  changeSummary?: Record<string, number>;
  steps?: {
    op: string;
    urn: string;
    newState?: { inputs?: Record<string, unknown> };
    oldState?: { inputs?: Record<string, unknown> };
    diffReasons?: string[];
    replaceReasons?: string[];
  }[];
}

const nameOf = (urn: string) => urn.split("::").at(-1)!;
const typeOf = (urn: string) => urn.split("::").at(-2)!.split("$").at(-1)!;

const readPreview = (text: string, seconds: number): AwsPreview => {
  const { changeSummary = {}, steps = [] } = JSON.parse(text) as PreviewJson;
  const doing = steps.filter(({ op }) => !["same", "read", "refresh"].includes(op));
  // A replacement is three steps; the one in the middle says why.
  const rank = (op: string) => (op === "replace" ? 1 : 0);
  const sorted = doing.sort((a, b) => rank(a.op) - rank(b.op));
  return {
    changes: changeSummary,
    steps: Object.fromEntries(
      sorted.map((step) => [
        nameOf(step.urn),
        {
          op: step.op,
          type: typeOf(step.urn),
          diffs: step.diffReasons ?? [],
          replaces: step.replaceReasons ?? [],
          inputs: step.newState?.inputs ?? {},
        },
      ]),
    ),
    seconds,
  };
};

export interface RigOptions {
  /** `dev`: the project's own Pulumi.dev.yaml is taken where there is one. */
  stack: string;
  /** Over those of the stack's file, keys with their namespace. */
  settings?: Record<string, unknown>;
  /** Secret settings, keys with their namespace. */
  secrets?: Record<string, string>;
  /** Whose objects are looked for at the end; the first is the default region of commands. */
  regions?: readonly string[];
  /** npm's archive of the manager's Node, for a machine that really starts. */
  node?: Uint8Array;
  /** The account never had spot machines: it lacks the role for them, which every other account of these tests has. */
  newAccount?: boolean;
  /** Another project than this one, by its folder in the checkout. */
  program?: string;
  /** Besides the token. */
  github?: GitHubOptions;
}

/** As somebody made it long before. */
const makeSpotRole = async (endpoint: string) => {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const iam = new IAMClient({ endpoint, region: "us-east-1", credentials });
  await iam.send(new CreateServiceLinkedRoleCommand({ AWSServiceName: "spot.amazonaws.com" }));
};

/** Makes the copy, starts moto and a GitHub, and makes the stack in them. @throws MotoMissing, EngineMissing, PulumiFailed */
export const openAwsRig = async (options: RigOptions): Promise<AwsRig> => {
  const { stack, regions = ["eu-central-1"] } = options;
  const [moto, github, engine, project] = await Promise.all([
    startMoto(),
    startGitHub({ ...options.github, tokens: [{ token: githubToken }] }),
    findEngine({ log: () => {} }),
    copyProject(),
  ]);
  if (!options.newAccount) await makeSpotRole(moto.url);
  const root = join(project.root, options.program ?? ".");
  await plantNode(project.root, options.node);
  const [backend, home, faultsFile] = ["backend", "home", "faults.json"].map((name) =>
    join(project.root, `.rig-${name}`),
  ) as [string, string, string];
  await mkdir(backend);
  await writeFile(faultsFile, "[]");
  const common = await engineEnvironment({ root: project.root, engine, stack });
  const env: NodeJS.ProcessEnv = {
    ...common,
    ...moto.env,
    AWS_REGION: regions[0],
    PATH: [pluginsDirectory, common["PATH"]].join(delimiter),
    PULUMI_HOME: home,
    PULUMI_BACKEND_URL: `file://${backend}`,
    PULUMI_CONFIG_PASSPHRASE: "rig",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    [faultsVariable]: faultsFile,
    // Two empty lists in a row are a second list at once: moto's are never late.
    [limitsVariable]: JSON.stringify({ lookMs: 200 }),
  };
  for (const name of ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"]) delete env[name];
  const seconds: { command: string; seconds: number }[] = [];
  const pulumi: AwsRig["pulumi"] = async (args, more = {}) => {
    const startMs = performance.now();
    const all = [...args, "--stack", stack, "--non-interactive"];
    const ran = await run(join(engine.directory, "pulumi"), all, { cwd: root, env, ...more });
    seconds.push({ command: args[0]!, seconds: Math.round((performance.now() - startMs) / 100) / 10 });
    return ran;
  };
  const must: AwsRig["pulumi"] = async (args, more) => {
    const ran = await pulumi(args, more);
    if (ran.code !== 0) throw new PulumiFailed(args, ran);
    return ran;
  };
  const stackFile = join(root, `Pulumi.${stack}.yaml`);
  const setConfig: AwsRig["setConfig"] = async (values) => {
    const text = await readFile(stackFile, "utf8").catch(() => "");
    const file = (parse(text) ?? {}) as { config?: Record<string, unknown> };
    const config = Object.entries({ ...file.config, ...values }).filter(([, value]) => value !== undefined);
    await writeFile(stackFile, stringify({ ...file, config: Object.fromEntries(config) }));
  };
  const outputs = async () =>
    JSON.parse((await must(["stack", "output", "--json"])).stdout) as Record<string, unknown>;
  let baseline = new Set(await inventory(moto.url, regions));

  const rig: AwsRig = {
    root,
    moto,
    github,
    env,
    seconds,
    setConfig,
    outputs,
    pulumi,
    setSecret: async (key, value) => void (await must(["config", "set", "--secret", key], { stdin: value })),
    preview: async ({ refresh = false, args = [] } = {}) => {
      const startMs = performance.now();
      const { stdout } = await must(["preview", "--json", ...(refresh ? ["--refresh"] : []), ...args]);
      return readPreview(stdout, (performance.now() - startMs) / 1000);
    },
    up: async (args = []) => {
      await must(["up", "--yes", "--skip-preview", ...args]);
      return outputs();
    },
    destroy: async (args = []) => void (await must(["destroy", "--yes", ...args])),
    state: async () => {
      const { stdout } = await must(["stack", "export"]);
      return (JSON.parse(stdout) as { deployment: Awaited<ReturnType<AwsRig["state"]>> }).deployment;
    },
    fail: (...faults) => writeFile(faultsFile, JSON.stringify(faults)),
    everything: async () => (await inventory(moto.url, regions)).filter((line) => !baseline.has(line)),
    setBaseline: async () => void (baseline = new Set(await inventory(moto.url, regions))),
    close: async () => {
      await Promise.all([moto.stop(), github.stop()]);
      await project.remove();
    },
  };
  await must(["stack", "init", "--no-select"]);
  // No command of a stack may call the real one: its sweep does at a destroy.
  if (!options.program) await setConfig({ "muster:github": { url: github.organizationUrl } });
  if (options.settings) await setConfig(options.settings);
  for (const [key, value] of Object.entries(options.secrets ?? {})) await rig.setSecret(key, value);
  return rig;
};
