/** The doctor's look at AWS, which answers as a test says; where it says nothing everything is in order. */
import { checks, examine } from "../../../../../agent/cli/doctor/doctor.ts";
import { type AwsPorts, AwsRefused } from "../../../../../agent/cli/doctor/aws/ports.ts";
import { gatherFacts, realDoctorDeps } from "../../../../../agent/cli/doctor/facts.ts";
import type { CheckId, Finding } from "../../../../../agent/cli/doctor/finding.ts";
import { checkout } from "../../../../../agent/cli/pulumi.ts";
import { fakePulumi, type FakeStack } from "../rig.ts";

export const account = "111122223333";
export const deployer = `arn:aws:iam::${account}:user/ci/deployer`;
export const region = "eu-central-1";
export const zones = ["eu-central-1a", "eu-central-1b"];

/** A stack as Pulumi.dev.yaml has it: spot, and what is given over it. */
export const stackValues = (over: Record<string, unknown> = {}): Record<string, unknown> => ({
  github: { url: "https://github.com/acme" },
  manager: { on: "aws", type: "t4g.nano" },
  aws: { region },
  network: { zones: 2 },
  pools: {
    arm64: {
      labels: ["self-hosted", "dev"],
      max: 4,
      backends: [{ aws: { types: ["c8g.xlarge", "c7g.2xlarge"], market: "spot" } }],
    },
  },
  ...over,
});

/** A pool of GPU machines, in the given markets, in order. */
export const gpuPool = (...markets: ("spot" | "on-demand")[]) => ({
  gpu: {
    labels: ["self-hosted", "gpu"],
    max: 2,
    gpu: true,
    backends: markets.map((market) => ({ aws: { types: ["g5g.2xlarge"], market, disk: 200 } })),
  },
});

export const refuse = (code: string, said = "no", call = "Call"): Promise<never> => {
  const refused = Promise.reject(new AwsRefused(call, code, said));
  refused.catch(() => {});
  return refused;
};

export interface Asked {
  simulations: Parameters<AwsPorts["simulate"]>[0][];
  launches: { region: string; type: string; subnet: string; version: number }[];
  quotas: string[];
}

export const goodAws = (over: Partial<AwsPorts> = {}): { ports: AwsPorts; asked: Asked } => {
  const asked: Asked = { simulations: [], launches: [], quotas: [] };
  const ports: AwsPorts = {
    identity: () => Promise.resolve({ account, arn: deployer }),
    zones: (at) => Promise.resolve(["a", "b", "c"].map((letter) => `${at}${letter}`)),
    roleArn: (name) => Promise.resolve(`arn:aws:iam::${account}:role/${name}`),
    profileRole: (name) => Promise.resolve(`arn:aws:iam::${account}:role/${name}`),
    simulate: (question) => {
      asked.simulations.push(question);
      const { actions, resources } = question;
      return Promise.resolve(
        actions.flatMap((action) =>
          resources.map((resource) => ({ action, resource, allowed: true, missing: [] })),
        ),
      );
    },
    quota: (at, code) => {
      asked.quotas.push(`${at} ${code}`);
      return Promise.resolve(1_000);
    },
    offered: (at, types) =>
      Promise.resolve(
        types.flatMap((type) => ["a", "b", "c"].map((letter) => ({ type, zone: `${at}${letter}` }))),
      ),
    templateImage: () => Promise.resolve("ami-1"),
    imageState: () => Promise.resolve("available"),
    tryLaunch: (at, { type, subnet, template }) => {
      asked.launches.push({ region: at, type, subnet, version: template.version });
      return Promise.resolve();
    },
    managers: () => Promise.resolve([]),
    checksOf: () => Promise.resolve({ instance: "ok", system: "ok" }),
    read: () => Promise.resolve(null),
    ...over,
  };
  return { ports, asked };
};

export interface AwsLook {
  values?: Record<string, unknown>;
  pulumi?: FakeStack;
  aws?: Partial<AwsPorts>;
  env?: NodeJS.ProcessEnv;
  /** SHA-256 of the manager's bundle of the checkout. */
  digest?: string;
}

/** Only these checks. */
export const lookAtAws = async (
  ids: readonly CheckId[],
  { values, pulumi, aws, env = {}, digest = "f".repeat(64) }: AwsLook = {},
) => {
  const { ports, asked } = goodAws(aws);
  const facts = gatherFacts(
    { stack: "dev" },
    {
      ...realDoctorDeps(),
      env,
      // Engine and bundles are there; looking for them takes a second.
      run: (_program, args) =>
        Promise.resolve({
          code: 0,
          stdout: JSON.stringify(
            args.includes("bundles")
              ? { manager: digest }
              : { version: "3.259.0", source: "path", command: "real", directory: "/" },
          ),
          stderr: "",
        }),
      root: checkout,
      pulumi: () =>
        fakePulumi({ values: stackValues(values), secrets: { githubToken: "ghp_planted" }, ...pulumi }),
      aws: () => Promise.resolve(ports),
    },
  );
  const wanted = checks.filter(([id]) => ids.includes(id));
  const all: Finding[] = await examine(facts, undefined, wanted);
  const text = all.map(({ id, level, found, cure }) => `${level} ${id}: ${found}${cure && ` -> ${cure}`}`);
  return { all, text, asked, levels: all.map(({ level }) => level) };
};
