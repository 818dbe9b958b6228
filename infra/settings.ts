/**
 * The stack's configuration as plain typed values. Everything that is wrong is reported at once, before anything is
 * created: the path, the value, what is allowed, and the nearest valid name.
 */
import type { Confinement } from "../agent/confinement/kind.ts";
import type { ManagerConfig, PoolConfig } from "../agent/manager-config.ts";
import { awsManagerSettings, awsSettings, readAws, readNetwork } from "./aws/parse.ts";
import { awsManager } from "./aws/schema.ts";
import type { AwsBackendSettings, AwsManagerSettings, AwsSettings } from "./aws/settings.ts";
import { checkDirectory, type Places } from "./directory.ts";
import { SettingsError } from "./errors.ts";
import { nearest } from "./nearest.ts";
import { readPools } from "./pools.ts";
import { type ManagerPlace, managerPlaces } from "./reach.ts";
import { defined, isRecord, Reader, unknownKey } from "./reader.ts";
import * as schema from "./schema.ts";
import { checkSecrets } from "./secrets.ts";

/** The manager on this computer. */
export interface LocalManagerSettings {
  on: "local";
  port: number;
  /** As written; null for the default. */
  directory: string | null;
  drainTimeoutSeconds: number;
  /** As written. */
  readable: readonly string[];
  /** Whether jobs may run as this user where nothing better is to be had. */
  unconfined: boolean;
}

export type BackendSettings = { kind: "local" } | AwsBackendSettings;

/** A pool as the manager reads it, but for what only exists once Pulumi made it. */
export interface PoolSettings extends Omit<PoolConfig, "backends"> {
  backends: BackendSettings[];
}

export interface Settings {
  github: ManagerConfig["github"];
  manager: LocalManagerSettings | AwsManagerSettings;
  pools: Record<string, PoolSettings>;
  /** Null: the stack uses nothing of AWS. */
  aws: AwsSettings | null;
  /** For everything that the stack costs; null for no limit. */
  budget: Omit<NonNullable<ManagerConfig["budget"]>, "baseMicrosPerHour"> | null;
  /** What is allowed and probably not meant; shown by preview. Sentences without a full stop. */
  warnings: readonly string[];
}

/** The configuration as Pulumi hands it over. */
export interface SettingsInput {
  stack: string;
  /** Keys of the namespace `muster` without it; secret values are left out. */
  values: Readonly<Record<string, unknown>>;
  /** Keys whose value is secret, or holds something secret. */
  secretKeys: ReadonlySet<string>;
  /** As GitHub names it: `X64`, `ARM64`. The default label of a pool on this computer. */
  arch: string;
  places: Places;
  /** What this computer gives to keep jobs apart from its user. */
  confinement: Confinement;
}

/** @throws SettingsError with everything that is wrong */
export const parseSettings = (input: SettingsInput): Settings => {
  const { stack, values } = input;
  const reader = new Reader(stack);
  const names: string[] = [...schema.sectionNames, ...schema.secretNames];
  for (const key of Object.keys(values))
    if (!names.includes(key)) reader.wrong.push(unknownKey([], key, names, stack));

  // A section with something secret inside is reported below: its values are not to be read.
  const isHidden = (key: string) => input.secretKeys.has(key);
  const github = readGitHub(input, reader);
  const place = placeOf(isHidden("manager") ? undefined : values.manager, reader);
  const cloud = place === "aws" ? readCloud(input, reader) : null;
  const local = place === "local" ? readLocal(input, reader) : null;
  // Whether a parameter stands in for the secret is not known of a section that is wrong.
  const unread = cloud !== null && cloud.manager === null;
  const needed = github === null || unread ? null : github.app ? "githubAppKey" : "githubToken";
  reader.wrong.push(...checkSecrets(input, needed, defined(cloud?.manager?.secretParameters)));

  const budget =
    isHidden("budget") || values.budget === undefined
      ? null
      : reader.section(["budget"], schema.budget, values.budget);
  const currency = budget?.currency ?? "USD";
  const pools = isHidden("pools")
    ? {}
    : readPools(
        values.pools,
        { place, arch: input.arch, home: cloud?.aws?.region ?? null, currency },
        reader,
      );
  const trustJobs =
    isHidden("trustJobs") || values.trustJobs === undefined
      ? false
      : reader.section(["trustJobs"], schema.trustJobs, values.trustJobs);
  const unconfined = trustJobs === true || (github !== null && schema.isLoopback(github.url));
  if (github && place === "local" && trustJobs === false && !unconfined)
    checkConfinement(github.url, pools, input, reader);

  const all = Object.values(pools);
  const entries = all.flatMap(({ backends }) => backends.filter((backend) => backend.kind === "aws"));
  const aws =
    cloud?.aws && cloud.network ? awsSettings(cloud.aws, cloud.network, entries, stack, reader) : null;
  const manager =
    cloud?.manager && cloud.aws
      ? awsManagerSettings(
          cloud.manager,
          {
            home: cloud.aws.region,
            currency,
            machines: all.reduce((sum, { max }) => sum + max, 0),
            kinds: new Set(all.flatMap(({ backends }) => backends.map(({ kind }) => kind))),
          },
          reader,
        )
      : local && {
          on: "local" as const,
          port: local.port,
          directory: local.directory ?? null,
          drainTimeoutSeconds: local.drainTimeout,
          readable: local.readable,
          unconfined,
        };

  if (reader.wrong.length > 0 || github === null || manager === null)
    throw new SettingsError(stack, reader.wrong);
  const { app, url, source } = github;
  return {
    github: {
      url: url.replace(/\/$/, ""),
      login: app ? { kind: "app", appId: app.id, installationId: app.installation } : { kind: "token" },
      source,
    },
    manager,
    pools,
    aws,
    budget: budget && { microsPerHour: Math.round(budget.perHour * 1e6), currency: budget.currency },
    warnings: reader.warnings,
  };
};

const readGitHub = (input: SettingsInput, reader: Reader) => {
  if (input.secretKeys.has("github")) return null;
  const value = input.values.github;
  if (value === undefined) {
    reader.refuse(
      ["github", "url"],
      undefined,
      `missing; pulumi config set --path muster:github.url https://github.com/OWNER/REPOSITORY -s ${input.stack}`,
    );
    return null;
  }
  const github = reader.section(["github"], schema.github, value);
  // The other way round nobody would notice before the manager asks GitHub.
  if (github?.source === "queued-runs" && /^\/enterprises\//i.test(new URL(github.url).pathname))
    reader.refuse(
      ["github", "source"],
      github.source,
      "an enterprise has no list of queued runs; allowed is scale-sets or auto, or the url of an organisation or repository",
    );
  return github;
};

/** Null where it is none: then nothing is said of what depends on it. */
const placeOf = (value: unknown, reader: Reader): ManagerPlace | null => {
  if (value === undefined) return "local";
  const on = isRecord(value) ? (value.on ?? "local") : "local";
  const place = managerPlaces.find((name) => name === on);
  if (place) return place;
  const later = schema.laterManagers.find((name) => name === on);
  const near = typeof on === "string" ? nearest(on, [...managerPlaces, ...schema.laterManagers]) : null;
  const mean = managerPlaces.find((name) => name === near);
  reader.refuse(
    ["manager", "on"],
    on,
    later
      ? `a manager on ${later} is not built yet; ${managerPlaces.join(" and ")} work`
      : `allowed is ${managerPlaces.join(" or ")}${mean ? `; did you mean ${mean}?` : ""}`,
  );
  return null;
};

const readLocal = ({ values, secretKeys, places, stack }: SettingsInput, reader: Reader) => {
  for (const key of ["aws", "network"])
    if (values[key] !== undefined && !secretKeys.has(key))
      reader.refuse(
        [key],
        values[key],
        `not used, since the manager is on this computer; pulumi config rm muster:${key} -s ${stack}, or muster:manager = { on: aws }`,
      );
  if (secretKeys.has("manager")) return null;
  const manager = reader.section(["manager"], schema.manager, values.manager ?? {});
  if (manager?.directory !== undefined) reader.wrong.push(...checkDirectory(manager.directory, places));
  return manager;
};

const readCloud = ({ values, secretKeys }: SettingsInput, reader: Reader) => ({
  manager: reader.section(["manager"], awsManager, values.manager),
  aws: secretKeys.has("aws") ? null : readAws(values.aws, reader),
  network: secretKeys.has("network") ? null : readNetwork(values.network, reader),
});

const checkConfinement = (
  url: string,
  pools: Record<string, PoolSettings>,
  { confinement, stack }: SettingsInput,
  reader: Reader,
) => {
  const usesLocal = Object.values(pools).some(({ backends }) =>
    backends.some(({ kind }) => kind === "local"),
  );
  if (!usesLocal || confinement.kind !== "none") return;
  reader.refuse(
    ["trustJobs"],
    false,
    `jobs of ${url} would run on this computer as this user and could read what it can, because ` +
      `${confinement.refused.join("; ")}. Or, if you trust everyone who can start them, ` +
      `say so: pulumi config set muster:trustJobs true -s ${stack}`,
  );
};
