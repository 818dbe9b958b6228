/**
 * The stack's configuration as plain typed values. Everything that is wrong is reported at once, before anything is
 * created: the path, the value, what is allowed, and the nearest valid name.
 */
import * as z from "zod";
import type { Confinement } from "../agent/confinement/kind.ts";
import type { ManagerConfig, PoolConfig } from "../agent/manager-config.ts";
import type { AwsBackendSettings, AwsManagerSettings, AwsSettings } from "./aws/settings.ts";
import { checkDirectory, type Places } from "./directory.ts";
import { SettingsError, type Wrong } from "./errors.ts";
import { labelClashes } from "./labels.ts";
import { nearest, suggestion } from "./nearest.ts";
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
  budget: ManagerConfig["budget"];
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

type Path = readonly PropertyKey[];
const pathText = (path: Path) => `muster:${path.map(String).join(".")}`;
const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);

/** As JSON, shortened; what looks like a credential is never repeated. */
const shown = (value: unknown): string | null => {
  if (value === undefined) return null;
  const text = JSON.stringify(value) ?? String(value);
  if (/gh[pousr]_|github_pat_|-----BEGIN/.test(text)) return '"..."';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
};

const secretLike = (key: string) => /token|key|secret|password/i.test(key);

const unknownKey = (path: Path, key: string, known: readonly string[], stack: string): Wrong => {
  const cure = secretLike(key)
    ? `; a secret has a flat key: pulumi config set --secret muster:${/key/i.test(key) ? "githubAppKey" : "githubToken"} -s ${stack}`
    : "";
  return {
    path: pathText([...path, key]),
    given: null,
    allowed: `not a setting; ${suggestion(key, known)}${cure}`,
  };
};

const fromIssue = (
  issue: z.core.$ZodIssue,
  path: Path,
  section: z.ZodType,
  value: unknown,
  stack: string,
): Wrong[] => {
  const full = [...path, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(section, issue.path);
    return issue.keys.map((key) => unknownKey(full, key, known, stack));
  }
  const given = at(value, issue.path);
  if (given === undefined)
    return [{ path: pathText(full), given: null, allowed: `missing; ${issue.message}` }];
  const names = issue.code === "invalid_value" ? issue.values.map(String) : [];
  const near = typeof given === "string" && names.length > 1 ? nearest(given, names) : null;
  const text = names.length > 1 ? `allowed is one of ${names.join(", ")}` : issue.message;
  return [
    { path: pathText(full), given: shown(given), allowed: near ? `${text}; did you mean ${near}?` : text },
  ];
};

/** The keys that an object of the schema knows. */
const keysAt = (section: z.ZodType, path: Path): string[] => {
  let here: unknown = section;
  for (const key of path) {
    while (here instanceof z.ZodOptional || here instanceof z.ZodDefault) here = here.unwrap();
    if (here instanceof z.ZodObject) here = (here.shape as Record<PropertyKey, unknown>)[key];
  }
  while (here instanceof z.ZodOptional || here instanceof z.ZodDefault) here = here.unwrap();
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
};

const poolName = /^[a-z][a-z0-9-]{0,31}$/;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws SettingsError with everything that is wrong */
export const parseSettings = (input: SettingsInput): Settings => {
  const { stack, values } = input;
  const wrong: Wrong[] = [];
  const section = <T>(path: Path, kind: z.ZodType<T>, value: unknown): T | null => {
    const parsed = kind.safeParse(value);
    if (parsed.success) return parsed.data;
    wrong.push(...parsed.error.issues.flatMap((issue) => fromIssue(issue, path, kind, value, stack)));
    return null;
  };

  const names: string[] = [...schema.sectionNames, ...schema.secretNames];
  for (const key of Object.keys(values))
    if (!names.includes(key)) wrong.push(unknownKey([], key, names, stack));

  // A section with something secret inside was reported already: its values are not to be read.
  const readable = (key: string, fallback: unknown) =>
    input.secretKeys.has(key) ? undefined : (values[key] ?? fallback);
  const optional = <T>(key: string, kind: z.ZodType<T>, fallback: unknown): T | null => {
    const value = readable(key, fallback);
    return value === undefined ? null : section([key], kind, value);
  };

  const github = readGitHub(values.github, input, wrong, section);
  wrong.push(...checkSecrets(input, github === null ? null : github.app ? "githubAppKey" : "githubToken"));
  const manager = optional("manager", schema.manager, {});
  improveManager(values.manager, wrong);
  if (manager?.directory !== undefined) wrong.push(...checkDirectory(manager.directory, input.places));
  const pools = readPools(readable("pools", { local: {} }), input, wrong, section);
  const budget = optional("budget", schema.budget, undefined);
  const trustJobs = optional("trustJobs", schema.trustJobs, false);

  const usesLocal = Object.values(pools).some((pool) =>
    pool.backends.some((backend) => backend.kind === "local"),
  );
  const unconfined = trustJobs === true || (github !== null && schema.isLoopback(github.url));
  if (github && usesLocal && trustJobs === false && !unconfined && input.confinement.kind === "none")
    wrong.push({
      path: "muster:trustJobs",
      given: "false",
      allowed:
        `jobs of ${github.url} would run on this computer as this user and could read what it can, because ` +
        `${input.confinement.refused.join("; ")}. Or, if you trust everyone who can start them, ` +
        `say so: pulumi config set muster:trustJobs true -s ${stack}`,
    });

  if (wrong.length > 0 || github === null || manager === null) throw new SettingsError(stack, wrong);
  const { app, url, source } = github;
  return {
    github: {
      url: url.replace(/\/$/, ""),
      login: app ? { kind: "app", appId: app.id, installationId: app.installation } : { kind: "token" },
      source,
    },
    manager: {
      on: manager.on,
      port: manager.port,
      directory: manager.directory ?? null,
      drainTimeoutSeconds: manager.drainTimeout,
      readable: manager.readable,
      unconfined,
    },
    pools,
    aws: null,
    warnings: [],
    budget: budget && { microsPerHour: Math.round(budget.perHour * 1e6), currency: budget.currency },
  };
};

type Section = <T>(path: Path, kind: z.ZodType<T>, value: unknown) => T | null;

const readGitHub = (value: unknown, input: SettingsInput, wrong: Wrong[], section: Section) => {
  if (input.secretKeys.has("github")) return null;
  if (value !== undefined) {
    const github = section(["github"], schema.github, value);
    // The other way round nobody would notice before the manager asks GitHub.
    if (github?.source === "queued-runs" && /^\/enterprises\//i.test(new URL(github.url).pathname))
      wrong.push({
        path: "muster:github.source",
        given: '"queued-runs"',
        allowed:
          "an enterprise has no list of queued runs; allowed is scale-sets or auto, or the url of an organisation or repository",
      });
    return github;
  }
  wrong.push({
    path: "muster:github.url",
    given: null,
    allowed: `missing; pulumi config set --path muster:github.url https://github.com/OWNER/REPOSITORY -s ${input.stack}`,
  });
  return null;
};

/** Places that come later deserve a better answer than "allowed is local". */
const improveManager = (value: unknown, wrong: Wrong[]) => {
  const on = isRecord(value) ? value.on : undefined;
  const later = schema.laterManagers.find((name) => name === on);
  const index = wrong.findIndex((one) => one.path === "muster:manager.on");
  if (index < 0) return;
  const near = typeof on === "string" ? nearest(on, ["local", ...schema.laterManagers]) : null;
  const allowed = later
    ? `a manager on ${later} is not built yet; local works`
    : `allowed is local${near === "local" ? "; did you mean local?" : ""}`;
  wrong[index] = { ...wrong[index]!, allowed };
};

/** Anybody's pull request runs code there: only a machine that is gone afterwards may serve it. */
const strangers = (name: string, { backends, reuse }: Pick<PoolConfig, "backends" | "reuse">): Wrong[] => {
  const local = backends.some(({ kind }) => kind === "local");
  if (!local && !reuse) return [];
  const why = local
    ? "on this computer anybody's pull request would run beside your files; allowed is refuse, " +
      "or a pool whose backends are single-use cloud machines alone"
    : "machines that serve job after job would carry one stranger's work to the next; allowed with reuse: false";
  return [{ path: `muster:pools.${name}.publicRepositories`, given: '"allow"', allowed: why }];
};

const readPools = (value: unknown, input: SettingsInput, wrong: Wrong[], section: Section) => {
  if (value === undefined) return {};
  if (!isRecord(value) || Object.keys(value).length === 0) {
    wrong.push({
      path: "muster:pools",
      given: shown(value),
      allowed: "allowed is at least one pool by name",
    });
    return {};
  }
  const pools: Record<string, PoolSettings> = {};
  for (const [name, given] of Object.entries(value)) {
    if (!poolName.test(name))
      wrong.push({
        path: `muster:pools.${name}`,
        given: null,
        allowed: "a pool's name has 1 to 32 small letters, digits and dashes, and starts with a letter",
      });
    const parsed = section(["pools", name], schema.pool, given ?? {});
    if (!parsed) continue;
    const { idleTimeout, maxJobTime, labels, ...rest } = parsed;
    if (rest.minIdle > rest.max)
      wrong.push({
        path: `muster:pools.${name}.minIdle`,
        given: String(rest.minIdle),
        allowed: `allowed is at most the pool's max, which is ${rest.max}`,
      });
    if (rest.publicRepositories === "allow") wrong.push(...strangers(name, rest));
    pools[name] = {
      ...rest,
      labels: labels ?? ["self-hosted", "linux", input.arch],
      idleTimeoutSeconds: idleTimeout,
      maxJobSeconds: maxJobTime,
    };
  }
  wrong.push(...labelClashes(pools));
  return pools;
};
