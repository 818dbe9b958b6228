/** GitHub hands a job to any runner that has all of the job's labels: pools must not be able to stand in for another. */
import type { Wrong } from "./errors.ts";

/** Pools whose labels equal or contain another pool's, and labels given twice. GitHub ignores case. */
export const labelClashes = (pools: Readonly<Record<string, { labels: readonly string[] }>>): Wrong[] => {
  const wrong: Wrong[] = [];
  const sets = Object.entries(pools).map(([name, { labels }]) => ({
    name,
    labels,
    set: new Set(labels.map((label) => label.toLowerCase())),
  }));
  const complain = (name: string, labels: readonly string[], allowed: string) =>
    wrong.push({ path: `muster:pools.${name}.labels`, given: JSON.stringify(labels), allowed });
  for (const [index, one] of sets.entries()) {
    if (one.set.size < one.labels.length)
      complain(one.name, one.labels, "each label may be given once (case is ignored)");
    for (const other of sets.slice(0, index)) {
      const [small, large] = one.set.size < other.set.size ? [one, other] : [other, one];
      if (![...small.set].every((label) => large.set.has(label))) continue;
      const how = small.set.size === large.set.size ? "equal" : "contain";
      complain(
        large.name,
        large.labels,
        `these ${how} the labels of pool ${small.name}, so jobs for ${small.name} could land here; ` +
          `give ${small.name} a label that ${large.name} does not have`,
      );
    }
  }
  return wrong;
};
