/**
 * Other scale sets and runners that share jobs with a pool. GitHub hands a job to any set that has all of the job's
 * labels: with equal labels to either, with more labels as well. Pure.
 */
import type { PoolConfig } from "../../../manager-config.ts";
import { visible } from "../../web/visible.ts";
import type { ScaleSet } from "../schemas.ts";
import { type Group, groupNamed, mostRead, type Place } from "./read.ts";

/** equal: either gets the other's jobs. contains: it gets ours. contained: we get theirs. */
export type Relation = "equal" | "contains" | "contained";

export interface Rival {
  is: "scale set" | "runner";
  name: string;
  relation: Relation;
  /** One sentence: what is there and what follows from it. */
  detail: string;
  /** It was there before this pool: the pool gives way. A later one is only warned of. */
  first: boolean;
  /** A set without runners and jobs, perhaps of a stack that is gone. */
  idle: boolean;
}

export interface Self {
  pool: string;
  settings: Pick<PoolConfig, "labels" | "runnerGroup">;
  /** The pool's own set; null: not made yet. */
  set: ScaleSet | null;
  /** It has served without a rival before: what comes later does not stop it. */
  settled: boolean;
}

export function relation(own: readonly string[], other: readonly string[]): Relation | null {
  const [a, b] = [own, other].map((labels) => new Set(labels.map((label) => label.toLowerCase()))) as [
    Set<string>,
    Set<string>,
  ];
  const inB = [...a].every((label) => b.has(label));
  const inA = [...b].every((label) => a.has(label));
  return inA && inB ? "equal" : inB ? "contains" : inA && b.size > 0 ? "contained" : null;
}

/**
 * @param isOurs sets and runners of this stack.
 */
export function rivalsOf(
  self: Self,
  place: Place,
  isOurs: { set: (set: ScaleSet) => boolean; runner: (runner: { id: number; name: string }) => boolean },
): Rival[] {
  const groups = mostRead(place.groups);
  const own = self.set
    ? groups.find(({ id }) => id === self.set!.runnerGroupId)
    : groupNamed(groups, self.settings.runnerGroup);
  const ownId = self.set?.runnerGroupId ?? own?.id ?? (isDefault(self) ? 1 : null);
  const meets = (groupId: number | null) =>
    place.kind === "repository" ||
    (groupId !== null && (groupId === ownId || share(own, groupOf(groups, groupId))));
  const nameOf = (groupId: number | null) =>
    place.kind === "repository" || groupId === null
      ? ""
      : ` in the runner group ${visible(groupOf(groups, groupId)?.name ?? (groupId === 1 ? "Default" : String(groupId)), 64)}`;

  const sets = mostRead(place.sets).flatMap((set): Rival[] => {
    if (isOurs.set(set) || !meets(set.runnerGroupId)) return [];
    const how = relation(self.settings.labels, set.labels ?? []);
    if (how === null) return [];
    const name = visible(set.name, 100);
    const figures = set.statistics;
    return [
      {
        is: "scale set",
        name,
        relation: how,
        detail: `the scale set "${name}" of another stack${nameOf(set.runnerGroupId)} ${follows[how](set.labels ?? [])}`,
        first: !self.settled && (self.set === null || set.id < self.set.id),
        idle: figures !== null && figures.registered + figures.assigned + figures.running === 0,
      },
    ];
  });
  const runners = mostRead(place.runners).flatMap((runner): Rival[] => {
    if (!runner.online || isOurs.runner(runner) || !meets(runner.groupId)) return [];
    const how = relation(self.settings.labels, runner.labels);
    // A runner with fewer labels takes none of this pool's jobs, and loses none that matter to it.
    if (how === null || how === "contained") return [];
    const name = visible(runner.name, 100);
    const detail = `the runner "${name}", which is none of this stack's,${nameOf(runner.groupId)} ${follows[how](runner.labels)}`;
    return [{ is: "runner", name, relation: how, detail, first: !self.settled, idle: false }];
  });
  return [...sets, ...runners].sort(
    (a, b) => Number(b.first) - Number(a.first) || (a.name < b.name ? -1 : 1),
  );
}

const shown = (labels: readonly string[]) =>
  `[${labels
    .slice(0, 10)
    .map((label) => visible(label, 64))
    .join(", ")}]`;
const follows: Record<Relation, (labels: readonly string[]) => string> = {
  equal: () => "has the same labels as this pool: GitHub gives each job to either",
  contains: (labels) =>
    `has all labels of this pool and more, ${shown(labels)}: GitHub gives this pool's jobs to it as well`,
  contained: (labels) =>
    `has some of this pool's labels and no others, ${shown(labels)}: GitHub gives its jobs to this pool as well`,
};

export const cureOfRivals = ({ pool }: Self): string =>
  `Give the pool ${pool} a label of its own, or set shareLabels: true on it if they are to share`;

/** The command that removes a set whose stack is gone; the manager refuses while somebody listens to it. */
export const removal = (set: string): string => `npm run muster -- local remove-set --name ${set}`;

const isDefault = ({ settings }: Self) => settings.runnerGroup.toLowerCase() === "default";
const groupOf = (groups: readonly Group[], id: number) => groups.find((one) => one.id === id);

/** Whether some repository may use both groups. What was not read is not assumed: it would stop a pool for nothing. */
function share(a: Group | undefined, b: Group | undefined): boolean {
  if (!a || !b) return false;
  if (a.visibility !== "selected" && b.visibility !== "selected") return true;
  const [small, other] = a.visibility === "selected" ? [a, b] : [b, a];
  const admitted = small.repositories ?? [];
  if (other.visibility !== "selected") {
    return admitted.some((one) => !one.public || (other.visibility === "all" && other.admitsPublic));
  }
  const names = new Set((other.repositories ?? []).map(({ name }) => name.toLowerCase()));
  return admitted.some(({ name }) => names.has(name.toLowerCase()));
}
