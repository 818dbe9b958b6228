/** A pool's scale set: its name, its group, and which of the sets at GitHub it is. */
import { createHash } from "node:crypto";
import type { ManagerConfig } from "../../manager-config.ts";
import type { PoolName } from "../world.ts";
import { GitHubError } from "./errors.ts";
import type { Owned } from "./owned.ts";
import type { ScaleSet } from "./schemas.ts";
import type { Service } from "./service.ts";

/** What a pool wants of its set; labels cannot be changed at GitHub (ARC #4424), so another wish is another set. */
export interface Wish {
  pool: PoolName;
  /** PROJECT-STACK-POOL */
  base: string;
  labels: readonly string[];
  group: string;
  /** Tells wishes apart: eight hex characters of labels and group. */
  mark: string;
}

/** Of the settings, what names of sets are made of. */
export interface Named {
  stack: ManagerConfig["stack"];
  pools: Readonly<Record<PoolName, unknown>>;
}

export interface ScaleSetRef {
  id: number;
  name: string;
  /** Labels that were sent and did not come back (GHES 3.18 to 3.20 drops all but the first). */
  labelsDropped: readonly string[];
}
/** The pool's set, and its older sets that are to be drained. */
export interface Resolved {
  set: ScaleSetRef;
  others: readonly ScaleSetRef[];
}

export function wishOf(config: ManagerConfig, pool: PoolName): Wish | null {
  const settings = config.pools[pool];
  if (!settings) return null;
  const { labels, runnerGroup: group } = settings;
  const same = [lower(labels), group.toLowerCase()];
  const mark = createHash("sha256").update(JSON.stringify(same)).digest("hex").slice(0, 8);
  return { pool, base: baseName(config, pool), labels, group, mark };
}
/** Readable, and with an owner also unambiguous: `dev` + `x-arm` is not `dev-x` + `arm`, nor another computer's `dev`. */
function baseName({ stack }: Pick<ManagerConfig, "stack">, pool: PoolName): string {
  const readable = `${stack.project}-${stack.name}-${pool}`;
  if (stack.owner === undefined) return readable;
  const whose = JSON.stringify([stack.owner, stack.project, stack.name, pool]);
  return `${readable}-${createHash("sha256").update(whose).digest("hex").slice(0, 6)}`;
}

/** True for a name that only this stack gives to a set of this pool. */
export function isNameOf(config: Named, pool: PoolName, name: string): boolean {
  const base = baseName(config, pool).toLowerCase();
  const given = name.toLowerCase();
  const others = Object.keys(config.pools).filter((other) => other !== pool);
  if (others.some((other) => baseName(config, other).toLowerCase() === given)) return false;
  return (
    given === base || (given.startsWith(`${base}-`) && /^[0-9a-f]{8}$/.test(given.slice(base.length + 1)))
  );
}

export interface Resolving {
  config: ManagerConfig;
  service: Service;
  owned: Owned;
}

/**
 * Finds the set that the wish means, or makes it. A set of other labels or in another group keeps its name and is
 * left to be drained; the new one then carries the wish's mark.
 * @throws GitHubError
 */
export async function resolveSet(wish: Wish, at: Resolving, signal: AbortSignal): Promise<Resolved> {
  const groupId = await groupIdOf(wish.group, at.service, signal);
  const all = await at.service.listSets(signal);
  const noted = new Map(at.owned.sets().map((set) => [set.id, set]));
  // Only a set that we noted or whose name is ours is ever adopted, changed or deleted.
  const ours = all.filter(
    (set) => isNameOf(at.config, wish.pool, set.name) || noted.get(set.id)?.pool === wish.pool,
  );
  const listed = new Set(all.map(({ id }) => id));
  for (const { id, pool } of noted.values()) if (pool === wish.pool && !listed.has(id)) at.owned.drop(id);
  const asWished = (set: ScaleSet) => {
    const labels = noted.get(set.id)?.labels ?? set.labels ?? [];
    return set.runnerGroupId === groupId && sameLabels(labels, wish.labels);
  };
  const marked = `${wish.base}-${wish.mark}`;
  const found =
    ours.find((set) => set.name.toLowerCase() === marked.toLowerCase() && set.runnerGroupId === groupId) ??
    ours.find(asWished);
  const free = !ours.some((set) => set.name.toLowerCase() === wish.base.toLowerCase());
  const set = found ?? (await make(free ? wish.base : marked, groupId, wish, at.service, signal));
  const before = noted.get(set.id);
  at.owned.keep({
    id: set.id,
    name: set.name,
    pool: wish.pool,
    group: wish.group,
    labels: [...wish.labels],
    session: before?.session ?? null,
    settled: before?.settled ?? false,
  });
  const others = ours.filter((other) => other.id !== set.id).map((other) => asSet(other, []));
  return { set: asSet(set, wish.labels), others };
}

const asSet = ({ id, name, labels }: ScaleSet, wished: readonly string[]): ScaleSetRef => {
  const returned = labels === null ? null : lower(labels);
  const labelsDropped = wished.filter(
    (label) => returned !== null && !returned.includes(label.toLowerCase()),
  );
  return { id, name, labelsDropped };
};

async function make(
  name: string,
  runnerGroupId: number,
  { labels }: Wish,
  service: Service,
  signal: AbortSignal,
): Promise<ScaleSet> {
  try {
    return await service.createSet({ name, runnerGroupId, labels }, signal);
  } catch (error) {
    // The answer to an earlier attempt was lost, or the list was not whole.
    if (!(error instanceof GitHubError) || (error.status !== 400 && error.status !== 409)) throw error;
    const existing = await service.findSet(runnerGroupId, name, signal);
    if (!existing) throw error;
    return existing;
  }
}

/** The default group is 1 everywhere, also where there are no groups. */
const defaultGroupId = 1;

async function groupIdOf(name: string, service: Service, signal: AbortSignal): Promise<number> {
  const same = (group: { name: string }) => group.name.toLowerCase() === name.toLowerCase();
  if (name.toLowerCase() === "default") return defaultGroupId;
  const found = (await service.groups(name, signal)).find(same);
  if (found) return found.id;
  const all = await service.groups(null, signal);
  const names = all.map((group) => group.name).join(", ") || "none";
  throw new GitHubError(
    `runnerGroup "${name}" does not exist at GitHub. Groups there: ${names}. Create it, or name one of these`,
    { reason: "bad-request" },
  );
}

const lower = (labels: readonly string[]) => labels.map((label) => label.toLowerCase()).sort();
const sameLabels = (a: readonly string[], b: readonly string[]) =>
  JSON.stringify(lower(a)) === JSON.stringify(lower(b));
