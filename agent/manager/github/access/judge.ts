/** One pool against what was read of its place: why it must stand still, what is only worth knowing. Pure. */
import type { ManagerConfig } from "../../../manager-config.ts";
import type { PoolName } from "../../world.ts";
import type { FirstPool, Owned, OwnedSet } from "../owned.ts";
import type { ScaleSet } from "../schemas.ts";
import { isNameOf } from "../sets.ts";
import { type InspectedPool, publicity } from "./publicity.ts";
import { mostRead, type Place } from "./read.ts";
import { cureOfRivals, type Relation, relation, removal, type Rival, rivalsOf } from "./rivals.ts";

export interface Sentence {
  said: string;
  cure: string;
}
export interface Judgement {
  refusals: readonly (Sentence & { reason: "public-repository" | "label-clash" })[];
  warnings: readonly Sentence[];
  /** Something that a refusal could follow from was not read: why. Null: all was. */
  unread: string | null;
  /** The pool's own set, where it stands in the list and nothing is against it: from now on it is the first. */
  settles: number | null;
  /** As much for a pool that has no set because it reads queued runs; null: something is against it, or was not read. */
  first: FirstPool | null;
}

/** What the manager noted of its own. */
export type Noted = Pick<Owned, "sets" | "firsts">;

type Stack = Pick<ManagerConfig, "stack" | "github"> & { pools: Readonly<Record<string, InspectedPool>> };

/** Names of machines, which are also their runners': POOL-LAUNCH-NUMBER, a further life behind it. */
const machineName = /-[0-9a-f]{10}-\d+(-\d+)?$/;

export function judge(stack: Stack, pool: PoolName, place: Place, owned: Noted): Judgement {
  const settings = stack.pools[pool]!;
  const open = publicity(settings, place);
  const noted = new Map(owned.sets().map((set) => [set.id, set]));
  const pools = Object.keys(stack.pools);
  const isOurs = {
    set: ({ id, name }: ScaleSet) => noted.has(id) || pools.some((one) => isNameOf(stack, one, name)),
    runner: ({ name }: { name: string }) =>
      machineName.test(name) && pools.some((one) => name.startsWith(`${one.slice(0, 40)}-`)),
  };
  const set = ownSet(stack, pool, mostRead(place.sets), noted);
  const wasFirst = owned.firsts().some((one) => isFor(one, pool, settings));
  const settled = wasFirst || (set !== null && noted.get(set.id)?.settled === true);
  const self = { pool, settings, set, settled };
  const rivals = settings.shareLabels ? [] : rivalsOf(self, place, isOurs);
  const clash = rivals.filter(({ first }) => first);

  const refusals: Judgement["refusals"] = [
    ...(open.is === "public" ? [{ reason: "public-repository" as const, ...open }] : []),
    ...clash
      .slice(0, 3)
      .map((rival) => ({ reason: "label-clash" as const, ...sentence(rival, cureOfRivals(self)) })),
  ];
  const later = rivals.filter(({ first }) => !first).slice(0, 3);
  const unread = open.is === "unread" ? open.why : setsUnread(stack, place);
  const clear = clash.length === 0 && setsUnread(stack, place) === null && place.runners.is === "read";
  const { runnerGroup: group, labels } = settings;
  return {
    refusals: refusals.map(({ reason, said, cure }) => ({ reason, said, cure })),
    warnings: later.map((rival) =>
      sentence(rival, `It came later, so this pool goes on. ${cureOfRivals(self)}`),
    ),
    unread,
    settles: clash.length === 0 && set && !settled && place.sets.is === "read" ? set.id : null,
    first: clear ? { pool, group, labels: [...labels] } : null,
  };
}

/** A stack that reads queued runs needs no scale set service, which may not even be there. */
const setsUnread = ({ github }: Stack, { sets }: Place): string | null =>
  sets.is === "unread" && github.source !== "queued-runs" ? sets.why.message : null;

function sentence({ detail, name, idle }: Rival, cure: string): Sentence {
  const gone = idle ? `. If its stack is gone, remove it: ${removal(name)}` : "";
  return { said: detail, cure: `${cure}${gone}` };
}

/** The set that serves the pool with its present labels; one of former labels is drained and no yardstick. */
function ownSet(
  stack: Stack,
  pool: PoolName,
  sets: readonly ScaleSet[],
  noted: ReadonlyMap<number, OwnedSet>,
): ScaleSet | null {
  const settings = stack.pools[pool]!;
  return (
    sets.find(({ id }) => {
      const known = noted.get(id);
      return known !== undefined && isFor(known, pool, settings);
    }) ??
    sets.find(
      (set) => isNameOf(stack, pool, set.name) && relation(set.labels ?? [], settings.labels) === equal,
    ) ??
    null
  );
}

const equal: Relation = "equal";

/** What was noted is about the pool as it is now, with its present labels and group. */
const isFor = (noted: FirstPool, pool: PoolName, settings: Stack["pools"][string]): boolean =>
  noted.pool === pool &&
  noted.group.toLowerCase() === settings.runnerGroup.toLowerCase() &&
  relation(noted.labels, settings.labels) === equal;
