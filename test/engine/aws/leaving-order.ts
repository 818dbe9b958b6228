/** In which order a destroy deletes the resources of a stack, as the dependencies in its state say. */

export interface Node {
  urn: string;
  type: string;
  id?: string;
  parent?: string;
  dependencies?: readonly string[];
  /** A destroy leaves it where it is. */
  retainOnDelete?: boolean;
}

/** Without components and providers, which are nothing in a cloud. */
const isDeleted = ({ id, type, retainOnDelete }: Node) =>
  id !== undefined && !type.startsWith("pulumi:") && !retainOnDelete;

/** URN -> step, the first is 0. A resource goes one step after the last one that needs it; the engine is no earlier. */
export const leavingSteps = (resources: readonly Node[]): ReadonlyMap<string, number> => {
  const nodes = resources.filter(isDeleted);
  const needed = new Map<string, string[]>();
  for (const { urn, dependencies = [] } of nodes)
    for (const to of dependencies) needed.set(to, [...(needed.get(to) ?? []), urn]);
  const known = new Map<string, number>();
  const stepOf = (urn: string): number => {
    const step = known.get(urn) ?? 1 + Math.max(-1, ...(needed.get(urn) ?? []).map(stepOf));
    known.set(urn, step);
    return step;
  };
  return new Map(nodes.map(({ urn }) => [urn, stepOf(urn)]));
};

const nameOf = (urn: string) => urn.split("::").slice(3).join("::");

/** `runners-manager-host: data, policy`: what of a component goes in one step. */
const grouped = (nodes: readonly Node[]): string[] => {
  const groups = new Map<string, Set<string>>();
  for (const { urn, parent = "" } of nodes) {
    const [name, group] = [nameOf(urn), nameOf(parent)];
    const names = groups.get(group) ?? new Set();
    groups.set(group, names.add(name.startsWith(`${group}-`) ? name.slice(group.length + 1) : name));
  }
  return [...groups].map(([group, names]) => `${group}: ${[...names].sort().join(", ")}`).sort();
};

/** The steps for people, the first first. */
export const leavingOrder = (resources: readonly Node[]): string[][] => {
  const steps = leavingSteps(resources);
  const last = Math.max(-1, ...steps.values());
  return Array.from({ length: last + 1 }, (_, index) =>
    grouped(resources.filter(({ urn }) => steps.get(urn) === index)),
  );
};

/**
 * What is wrong with the order in which a stack leaves: drain, manager, sweep, and what the manager or the sweep needs
 * after them. As sentences.
 */
export const wrongInLeaving = (resources: readonly Node[]): string[] => {
  const steps = leavingSteps(resources);
  const all = resources.filter(({ urn }) => steps.has(urn)).map(({ urn }) => urn);
  const ending = (end: string) => all.filter((urn) => urn.endsWith(end));
  const within = (...parts: string[]) => all.filter((urn) => parts.some((part) => urn.includes(part)));
  const rules: [before: string[], after: string[]][] = [
    [ending("::runners-drain"), ending("-host-instance")],
    [ending("-host-instance"), ending("::runners-sweep")],
    [ending("-host-instance"), within("muster:aws:Endpoint$", "muster:aws:Peering$", "$aws:iam/")],
    [ending("::runners-sweep"), within("muster:aws:Network$")],
  ];
  return rules.flatMap(([[first, ...others], after]) => {
    if (first === undefined || others.length > 0 || after.length === 0)
      return ["there is not one drain, one manager and one sweep with something after each"];
    return after
      .filter((urn) => steps.get(urn)! <= steps.get(first)!)
      .map((urn) => `${nameOf(urn)} goes before ${nameOf(first)}, or beside it`);
  });
};
