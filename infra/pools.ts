/** The pools of the settings: each with its backends, its labels, and what follows from both. */
import { defaultLabels } from "./aws/arch-labels.ts";
import { named, readEntry } from "./aws/entries.ts";
import { entry } from "./aws/entry-schema.ts";
import type { AwsBackendSettings } from "./aws/settings.ts";
import type { Currency } from "./catalog.ts";
import { labelClashes } from "./labels.ts";
import { nearest } from "./nearest.ts";
import { type BackendKind, backendKinds, type ManagerPlace, ways } from "./reach.ts";
import { isRecord, type Path, type Reader } from "./reader.ts";
import * as schema from "./schema.ts";
import type { BackendSettings, PoolSettings } from "./settings.ts";

export interface Around {
  /** Null where that itself is wrong. */
  place: ManagerPlace | null;
  /** Of this computer, as GitHub names it. */
  arch: string;
  /** Home region at AWS; null where the settings name none. */
  home: string | null;
  currency: Currency;
}

const poolName = /^[a-z][a-z0-9-]{0,31}$/;

/** Four jobs at a time is what a common computer bears; machines of a cloud are only paid for while they exist. */
const maxOf = (backends: readonly { kind: BackendKind }[]) =>
  backends.every(({ kind }) => kind === "aws") ? 10 : 4;

export const readPools = (value: unknown, around: Around, reader: Reader): Record<string, PoolSettings> => {
  const given = value ?? (around.place === "aws" ? { arm64: {} } : { local: {} });
  if (!isRecord(given) || Object.keys(given).length === 0) {
    reader.refuse(["pools"], given, "allowed is at least one pool by name");
    return {};
  }
  const pools: Record<string, PoolSettings> = {};
  for (const [name, one] of Object.entries(given)) {
    if (!poolName.test(name))
      reader.refuse(
        ["pools", name],
        undefined,
        "a pool's name has 1 to 32 small letters, digits and dashes, and starts with a letter",
      );
    const pool = readPool(one ?? {}, ["pools", name], around, reader);
    if (pool) pools[name] = pool;
  }
  reader.wrong.push(...labelClashes(pools));
  return pools;
};

const readPool = (value: unknown, path: Path, around: Around, reader: Reader): PoolSettings | null => {
  const parsed = reader.section(path, schema.pool, value);
  if (!parsed) return null;
  const { idleTimeout, maxJobTime, labels, max: givenMax, backends: given, ...rest } = parsed;
  const wants = {
    labels: labels ?? null,
    gpu: rest.gpu !== null,
    home: around.home ?? "",
    currency: around.currency,
  };
  const entries = (given ?? [around.place === "aws" ? { aws: {} } : "local"]).map((one, index) => {
    const here = [...path, "backends", index];
    const backend = readBackend(one, here, around, reader);
    if (backend?.kind !== "aws") return backend;
    const parsedEntry = reader.section([...here, "aws"], entry, backend.given);
    return parsedEntry && readEntry(parsedEntry, [...here, "aws"], wants, reader);
  });
  const read = entries.filter((one) => one !== null);
  const aws = named(read.filter((one) => one.kind === "aws"));
  const backends: BackendSettings[] = read.length === aws.length ? aws : [{ kind: "local" }];
  const max = givenMax ?? maxOf(backends);
  checkNumbers({ max, minIdle: rest.minIdle, aws }, path, reader);
  checkAlike(aws, path, reader);
  const gpu = rest.gpu ?? (aws.some((one) => one.gpu) ? "nvidia" : null);
  if (aws.length > 0 && (gpu === "amd" || gpu === "intel"))
    reader.refuse(
      [...path, "gpu"],
      gpu,
      "the GPUs of g5g, g4dn and g6 are NVIDIA's; allowed on AWS is true or nvidia",
    );
  if (rest.publicRepositories === "allow") checkStrangers({ backends, reuse: rest.reuse }, path, reader);
  const first = aws[0];
  return {
    ...rest,
    gpu,
    max,
    backends,
    labels: labels ?? (first ? defaultLabels(first) : ["self-hosted", "linux", around.arch]),
    idleTimeoutSeconds: idleTimeout,
    maxJobSeconds: maxJobTime,
  };
};

/** `local`, `{ local: {} }` or `{ aws: ... }`. */
const readBackend = (
  value: unknown,
  path: Path,
  { place }: Around,
  reader: Reader,
): { kind: "local" } | { kind: "aws"; given: unknown } | null => {
  const keys = isRecord(value) ? Object.keys(value) : [];
  const name = typeof value === "string" ? value : keys.length === 1 ? keys[0]! : null;
  const kind = backendKinds.find((one) => one === name);
  if (!kind) {
    const later = schema.laterBackends.find((one) => one === name);
    const near = name === null ? null : nearest(name, [...backendKinds, ...schema.laterBackends]);
    const mean = backendKinds.find((one) => one === near);
    reader.refuse(
      path,
      value,
      later
        ? `the backend ${later} is not built yet; ${backendKinds.join(" and ")} work`
        : `allowed is local, this computer, or { aws: ... }, machines of AWS${mean ? `; did you mean ${mean}?` : ""}`,
    );
    return null;
  }
  const way = place && ways[place][kind];
  if (way && "refused" in way) {
    reader.refuse(path, value, way.refused);
    return null;
  }
  const inside = isRecord(value) ? (value[kind] ?? {}) : {};
  if (kind === "aws") return { kind, given: inside };
  if (isRecord(inside) && Object.keys(inside).length === 0) return { kind };
  reader.refuse(path, value, "allowed is local, this computer, which takes no settings of its own");
  return null;
};

const checkNumbers = (
  { max, minIdle, aws }: { max: number; minIdle: number; aws: readonly AwsBackendSettings[] },
  path: Path,
  reader: Reader,
) => {
  if (minIdle > max)
    reader.refuse([...path, "minIdle"], minIdle, `allowed is at most the pool's max, which is ${max}`);
  const fixed = aws.reduce((sum, one) => sum + one.fixed, 0);
  if (fixed > max)
    reader.refuse(
      [...path, "max"],
      max,
      `the pool has ${fixed} fixed machines, which count; allowed is at least ${fixed}`,
    );
};

/** A job cannot know which backend it gets. */
const checkAlike = (aws: readonly AwsBackendSettings[], path: Path, reader: Reader) => {
  const [first, ...others] = aws;
  for (const one of others) {
    if (one.arch !== first!.arch)
      reader.refuse(
        [...path, "backends"],
        [first!.name, one.name],
        `${first!.types[0]!.name} is ${first!.arch} and ${one.types[0]!.name} is ${one.arch}; a pool has one architecture: make it two pools`,
      );
    else if (one.gpu !== first!.gpu)
      reader.refuse(
        [...path, "backends"],
        [first!.name, one.name],
        `of ${first!.types[0]!.name} and ${one.types[0]!.name} only one has a GPU; make it two pools`,
      );
  }
};

/** Anybody's pull request runs code there: only a machine that is gone afterwards may serve it. */
const checkStrangers = (
  { backends, reuse }: Pick<PoolSettings, "backends" | "reuse">,
  path: Path,
  reader: Reader,
) => {
  const local = backends.some(({ kind }) => kind === "local");
  const fixed = backends.some((one) => one.kind === "aws" && one.fixed > 0);
  if (!local && !fixed && !reuse) return;
  const why = local
    ? "on this computer anybody's pull request would run beside your files; allowed is refuse, " +
      "or a pool whose backends are single-use cloud machines alone"
    : "machines that serve job after job would carry one stranger's work to the next; allowed with reuse: false and without fixed";
  reader.refuse([...path, "publicRepositories"], "allow", why);
};
