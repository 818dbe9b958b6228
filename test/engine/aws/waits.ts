/** Which resources wait for which without using anything of them: made after them, destroyed before them. */
import type { StateResource } from "./graph.ts";

/**
 * What a resource was told to wait for (`dependsOn`), as URNs; what its inputs refer to shows there, and what follows
 * from another wait, or from a parent's, is left out.
 */
export const waitsOf = (resources: readonly StateResource[]): ((of: StateResource) => string[]) => {
  const byUrn = new Map(resources.map((one) => [one.urn, one]));
  const direct = (urn: string): readonly string[] => byUrn.get(urn)?.dependencies ?? [];
  const known = new Map<string, ReadonlySet<string>>();
  /** All that is there before it. */
  const before = (urn: string): ReadonlySet<string> => {
    const found = known.get(urn);
    if (found) return found;
    const all = new Set(direct(urn).flatMap((to) => [to, ...before(to)]));
    known.set(urn, all);
    return all;
  };
  return ({ dependencies = [], propertyDependencies = {} }) => {
    const used = new Set(Object.values(propertyDependencies).flatMap((urns) => urns ?? []));
    const implied = new Set(dependencies.flatMap((to) => [...before(to)]));
    return dependencies.filter((to) => !used.has(to) && !implied.has(to));
  };
};
