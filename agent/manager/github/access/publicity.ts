/**
 * Whether a public repository could use a pool: then anybody's pull request could run code on its machines. Pure.
 * A place is closed only where that was read; what cannot be read and not be excluded otherwise counts as open to all.
 */
import type { BackendConfig, PoolConfig } from "../../../manager-config.ts";
import { groupNamed, type Place } from "./read.ts";

/** A pool that runs, or one that is only written down yet: of its backends only this is looked at. */
export interface InspectedPool extends Omit<PoolConfig, "backends"> {
  backends: readonly { kind: BackendConfig["kind"]; fixed?: readonly string[] | number }[];
}

export type Publicity =
  | { is: "closed" }
  /** What is so, and what to do about it. */
  | { is: "public"; said: string; cure: string }
  /** Neither could be read; it may be an outage. */
  | { is: "unread"; why: string };

type Pool = Pick<InspectedPool, "runnerGroup" | "publicRepositories" | "reuse" | "backends">;

/** True where `publicRepositories: allow` counts: machines that serve one job and are then gone, and not this computer. */
export const mayServeStrangers = ({ publicRepositories, reuse, backends }: Pool): boolean =>
  publicRepositories === "allow" &&
  !reuse &&
  !backends.some((entry) => entry.kind === "local" || isKept(entry));

/** Machines that always exist serve job after job. */
const isKept = ({ fixed = 0 }: Pool["backends"][number]): boolean =>
  (typeof fixed === "number" ? fixed : fixed.length) > 0;

export function publicity(pool: Pool, place: Place): Publicity {
  if (mayServeStrangers(pool)) return { is: "closed" };
  const { publicRepositories: found, groups, kind } = place;
  const group = groups?.is === "read" ? groupNamed(groups.value, pool.runnerGroup) : undefined;
  if (group && (!group.admitsPublic || group.visibility === "private")) return { is: "closed" };
  const named = `the runner group "${group?.name ?? pool.runnerGroup}"`;
  const admits = `${named} admits public repositories, and `;

  if (group?.visibility === "selected" && group.repositories !== null) {
    const open = group.repositories.filter((one) => one.public).map(({ name }) => name);
    return open.length === 0 ? { is: "closed" } : told(admits, open, cureOfGroup, pool);
  }
  if (kind === "enterprise") {
    if (groups?.is === "unread" && groups.why.reason !== "denied") {
      return { is: "unread", why: groups.why.message };
    }
    const why = group
      ? `${named} admits public repositories, and those of an enterprise's organisations cannot be listed`
      : `${named} cannot be read, so it cannot be excluded that public repositories use it`;
    return { is: "public", said: `${why}: ${danger}`, cure: `${cureOfGroup}${exception(pool)}` };
  }
  if (found === null) return { is: "closed" };
  if (found.is === "unread") return { is: "unread", why: found.why.message };
  if (found.value.length === 0) return { is: "closed" };
  if (kind === "repository") return told("", found.value, cureOfRepository, pool);
  if (group) return told(admits, found.value, cureOfGroup, pool);
  const unread = groups?.is === "unread" ? ` (${groups.why.message})` : "";
  return told(`${named} cannot be read${unread}, and `, found.value, cureOfGroup, pool);
}

const danger = "anybody who opens a pull request there could run code on this pool's machines";
const cureOfRepository = "Make it private, or let GitHub-hosted runners serve it";
const cureOfGroup =
  'Take "Allow public repositories" off the group, or name a group without it as the pool\'s runnerGroup';

function told(before: string, names: readonly string[], cure: string, pool: Pool): Publicity {
  const listed = names.slice(0, 3).join(", ") + (names.length > 3 ? " and more" : "");
  const are = names.length === 1 ? "is public" : "are public";
  return { is: "public", said: `${before}${listed} ${are}: ${danger}`, cure: `${cure}${exception(pool)}` };
}

/** What else would help, and what would not although it looks so. */
function exception(pool: Pool): string {
  const local = pool.backends.some(({ kind }) => kind === "local");
  if (local)
    return ". On this computer publicRepositories: allow does not help: its jobs run beside your files";
  if (pool.backends.some(isKept))
    return ". publicRepositories: allow needs machines that serve one job: take fixed away";
  if (pool.reuse) return ". publicRepositories: allow needs machines that serve one job: take reuse away";
  return ", or set publicRepositories: allow: each job then has a machine of its own";
}
