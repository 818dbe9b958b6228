/** What several checks of AWS need, each looked up once: settings, who asks, and what the last `up` left there. */
import type { BackendSettings, Settings } from "../../../../infra/settings.ts";
import { stackValue } from "../../../leaving/options.ts";
import type { AwsBackend, ManagerConfig } from "../../../manager-config.ts";
import { currentKey, currentObject } from "../../../manager-host.ts";
import { readLeavingState } from "../../aws/leaving-state.ts";
import { PulumiError } from "../../pulumi.ts";
import type { Facts } from "../facts.ts";
import { Missing } from "../finding.ts";
import { once } from "../once.ts";
import { type AwsPorts, AwsRefused, type Identity } from "./ports.ts";

export type AwsEntry = Extract<BackendSettings, { kind: "aws" }>;

/** The settings of a stack on AWS; of its backends only those there. */
export interface AwsStackSettings {
  aws: NonNullable<Settings["aws"]>;
  manager: Extract<Settings["manager"], { on: "aws" }>;
  pools: Readonly<Record<string, { max: number; entries: readonly AwsEntry[] }>>;
}

/** What the last `up` left for the manager. */
export interface Deployed {
  /** `PROJECT/STACK`. */
  stack: string;
  home: string;
  bucket: string;
  config: ManagerConfig;
  /** Pool -> its entries. */
  entries: readonly { pool: string; entry: AwsBackend }[];
}

export interface AwsFacts {
  /** The manager's region. */
  home: string;
  /** @throws AwsRefused */
  identity(): Promise<Identity>;
  /** For whoever asks AWS more than who asks. @throws Missing where AWS takes no credentials from here */
  ports(): Promise<AwsPorts>;
  /** @throws SettingsError, Missing */
  settings(): Promise<AwsStackSettings>;
  /** @throws Missing before the first `up`, AwsRefused */
  deployed(): Promise<Deployed>;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** Read of the configuration itself, so that wrong settings do not hide who asks. */
const homeOf = async (facts: Facts): Promise<string> => {
  const given = (await facts.config())["muster:aws"];
  const region = given?.secret === false && isRecord(given.value) ? given.value["region"] : null;
  return typeof region === "string" ? region : "us-east-1";
};

const settingsFrom = ({ aws, manager, pools }: Settings): AwsStackSettings => {
  if (aws === null || manager.on !== "aws") throw new Missing("the stack has nothing at AWS");
  return {
    aws,
    manager,
    pools: Object.fromEntries(
      Object.entries(pools).map(([name, { max, backends }]) => [
        name,
        { max, entries: backends.filter((one) => one.kind === "aws") },
      ]),
    ),
  };
};

const deployedAt = async (facts: Facts, ports: AwsPorts): Promise<Deployed> => {
  const state = await readLeavingState(facts.deps.pulumi(facts.stack)).catch((error: unknown) => {
    if (error instanceof PulumiError) throw new Missing("Pulumi does not hand out the stack's state");
    throw error;
  });
  if (state === null || state.drain === null) throw new Missing("up has not made a manager at AWS");
  const { bucket, home } = state.drain;
  const text = await ports.read(bucket, currentKey, home);
  if (text === null)
    throw new Missing(`up has not left settings for the manager (s3://${bucket}/${currentKey})`);
  const { config } = currentObject.parse(JSON.parse(text));
  const entries = Object.entries(config.pools).flatMap(([pool, { backends }]) =>
    backends.flatMap((entry) => (entry.kind === "aws" ? [{ pool, entry }] : [])),
  );
  return { stack: stackValue(state.sweep), home, bucket, config, entries };
};

/** Of a stack that is there. */
export const gatherAws = async (facts: Facts): Promise<AwsFacts> => {
  const home = await homeOf(facts);
  const connected = once(() => facts.deps.aws(home, facts.deps));
  const found: AwsFacts = {
    home,
    identity: once(async () => (await connected()).identity()),
    ports: once(async () => {
      await found.identity().catch((error: unknown) => {
        throw error instanceof AwsRefused ? new Missing("AWS takes no credentials from here") : error;
      });
      return connected();
    }),
    settings: once(async () => settingsFrom(await facts.settings())),
    deployed: once(async () => deployedAt(facts, await found.ports())),
  };
  return found;
};

type AwsCheck<T> = (aws: AwsFacts, facts: Facts) => Promise<T>;

/** A check that says nothing of a stack that is not at AWS. */
export const atAws =
  <T>(look: AwsCheck<T[]>) =>
  async (facts: Facts): Promise<T[]> => {
    const aws = await facts.aws();
    return aws === null ? [] : look(aws, facts);
  };
