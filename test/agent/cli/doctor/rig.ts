/** The doctor with a real simulator of GitHub and real processes; only Pulumi's answers are given. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { checks, examine } from "../../../../agent/cli/doctor/doctor.ts";
import {
  type DoctorDeps,
  type Facts,
  gatherFacts,
  realDoctorDeps,
} from "../../../../agent/cli/doctor/facts.ts";
import type { CheckId, Finding } from "../../../../agent/cli/doctor/finding.ts";
import { checkout, type ConfigValue, PulumiError, type PulumiRan } from "../../../../agent/cli/pulumi.ts";
import type { GitHubOptions } from "../../../github/options.ts";
import type { GitHubSimulator } from "../../../github/server.ts";
import { start } from "../../../github/testing/start.ts";

export const temporary = async (): Promise<string> => {
  const home = await mkdtemp(join(tmpdir(), "muster-doctor-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  return home;
};

export interface FakeStack {
  /** Keys without `muster:`. */
  values?: Record<string, unknown>;
  /** Clear text by key; null: it cannot be decrypted. */
  secrets?: Record<string, string | null>;
  /** What a failing `config` prints. */
  configError?: string;
  /** What a failing `whoami` prints. */
  loginError?: string;
  /** What `stack export` prints. Left out: a stack that was never brought up. */
  exported?: string;
}

const ran = (over: Partial<PulumiRan>): PulumiRan => ({
  code: 0,
  stdout: "",
  stderr: "",
  timedOut: false,
  ...over,
});

export const fakePulumi = ({
  values = {},
  secrets = {},
  configError,
  loginError,
  exported = JSON.stringify({ deployment: {} }),
}: FakeStack): ReturnType<DoctorDeps["pulumi"]> => ({
  must: (args) =>
    args.join(" ") === "stack export"
      ? Promise.resolve(exported)
      : Promise.reject(new Error("the doctor does not call this")),
  config: () => {
    if (configError !== undefined)
      return Promise.reject(new PulumiError("failed", ran({ code: 1, stderr: configError })));
    const plain = Object.entries(values).map(([key, value]): [string, ConfigValue] => [
      `muster:${key}`,
      { secret: false, value },
    ]);
    const secret = Object.keys(secrets).map((key): [string, ConfigValue] => [
      `muster:${key}`,
      { secret: true },
    ]);
    return Promise.resolve(Object.fromEntries([...plain, ...secret]));
  },
  run: (args, { ofStack = true } = {}) => {
    if (args[0] === "whoami" && ofStack)
      return Promise.resolve(ran({ code: 255, stderr: "error: unknown flag: --stack" }));
    if (args[0] === "whoami")
      return Promise.resolve(
        loginError === undefined ? ran({ stdout: "somebody\n" }) : ran({ code: 255, stderr: loginError }),
      );
    const value = secrets[args[2]?.replace("muster:", "") ?? ""];
    if (args[0] === "config" && typeof value === "string")
      return Promise.resolve(ran({ stdout: `${value}\n` }));
    return Promise.resolve(ran({ code: 255, stderr: "error: incorrect passphrase" }));
  },
});

export interface Examined {
  all: Finding[];
  of: (id: CheckId) => Finding[];
  /** The one of this id. */
  one: (id: CheckId) => Finding;
}
const examined = (all: Finding[]): Examined => {
  const of = (id: CheckId) => all.filter((finding) => finding.id === id);
  const one = (id: CheckId) => {
    const found = of(id);
    if (found.length !== 1)
      throw new Error(`${found.length} findings of ${id}: ${JSON.stringify(all, null, 1)}`);
    return found[0]!;
  };
  return { all, of, one };
};

export interface Options {
  stack?: string;
  directory?: string;
  pulumi?: FakeStack;
  deps?: Partial<DoctorDeps>;
}
export const factsOf = ({ stack = "dev", directory, pulumi = {}, deps = {} }: Options): Facts =>
  gatherFacts(
    { stack, directory },
    { ...realDoctorDeps(), root: checkout, pulumi: () => fakePulumi(pulumi), ...deps },
  );

/** Only these checks, so that a test waits for nothing else. */
export const look = async (
  ids: readonly CheckId[],
  options: Options = {},
  limitMs?: number,
): Promise<Examined> => {
  const wanted = checks.filter(([id]) => ids.includes(id));
  return examined(await examine(factsOf(options), limitMs, wanted));
};

/** A stack of one pool at a simulator. */
export const atGitHub = async (
  github: GitHubOptions = {},
  more: {
    pool?: Record<string, unknown>;
    secrets?: FakeStack["secrets"];
    at?: (sim: GitHubSimulator) => string;
    github?: object;
  } = {},
) => {
  const sim = await start(github);
  const url = (more.at ?? ((one) => one.repositoryUrl))(sim);
  const pulumi: FakeStack = {
    values: { github: { url, ...more.github }, pools: { local: { max: 1, ...more.pool } } },
    secrets: more.secrets ?? { githubToken: sim.token },
  };
  return { sim, pulumi, options: { pulumi, directory: join(await temporary(), "local") } };
};
