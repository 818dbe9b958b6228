/** A job's matrix, as GitHub expands it (docs: "Running variations of jobs in a workflow"). */
import { isDeepStrictEqual } from "node:util";

export type Combination = Readonly<Record<string, unknown>>;

const object = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Case does not matter to GitHub when it compares strings. */
const same = (a: unknown, b: unknown) =>
  typeof a === "string" && typeof b === "string"
    ? a.toLowerCase() === b.toLowerCase()
    : isDeepStrictEqual(a, b);

const matches = (combination: Combination, part: Combination) =>
  Object.entries(part).every(([key, value]) => same(combination[key], value));

function product(vectors: Readonly<Record<string, readonly unknown[]>>): Combination[] {
  const entries = Object.entries(vectors);
  if (entries.length === 0) return [];
  return entries.reduce<Combination[]>(
    (combinations, [key, values]) =>
      combinations.flatMap((combination) => values.map((value) => ({ ...combination, [key]: value }))),
    [{}],
  );
}

/**
 * An `include` extends each combination whose original values it does not change; one that extends none is a
 * combination of its own.
 */
function include(base: readonly Combination[], keys: readonly string[], entries: readonly Combination[]) {
  const extended = base.map((combination) => ({ ...combination }));
  const added: Combination[] = [];
  for (const entry of entries) {
    const original = Object.fromEntries(Object.entries(entry).filter(([key]) => keys.includes(key)));
    const fitting = base.flatMap((combination, index) => (matches(combination, original) ? [index] : []));
    for (const index of fitting) Object.assign(extended[index]!, entry);
    if (fitting.length === 0) added.push(entry);
  }
  return [...extended, ...added];
}

function combinationsIn(
  matrix: Readonly<Record<string, unknown>>,
  key: "include" | "exclude",
): Combination[] {
  const list = matrix[key] ?? [];
  if (Array.isArray(list) && list.every(object)) return list;
  throw new Error(`matrix.${key} is ${JSON.stringify(list)}; it must be a list of mappings`);
}

/**
 * @param matrix the evaluated `strategy.matrix`.
 * @returns the combinations in GitHub's order; at least one.
 * @throws when it is no mapping of lists, or leaves no combination.
 */
export function expandMatrix(matrix: unknown): Combination[] {
  if (!object(matrix)) throw new Error(`strategy.matrix is ${JSON.stringify(matrix)}; it must be a mapping`);
  const { include: _include, exclude: _exclude, ...vectors } = matrix;
  const lists: Record<string, readonly unknown[]> = {};
  for (const [key, value] of Object.entries(vectors)) {
    if (!Array.isArray(value))
      throw new Error(`matrix.${key} is ${JSON.stringify(value)}; it must be a list`);
    lists[key] = value;
  }
  const excluded = combinationsIn(matrix, "exclude");
  const base = product(lists).filter((combination) => !excluded.some((part) => matches(combination, part)));
  const combinations = include(base, Object.keys(lists), combinationsIn(matrix, "include"));
  if (combinations.length === 0) throw new Error("the matrix has no combination left");
  if (combinations.length > 256)
    throw new Error(`the matrix has ${combinations.length} combinations; GitHub takes 256`);
  return combinations;
}

const leaves = (value: unknown): string[] =>
  typeof value === "object" && value !== null ? Object.values(value).flatMap(leaves) : [String(value ?? "")];

/** ` (ubuntu, 24)`: what GitHub adds to the job's name. */
export const suffix = (combination: Combination): string => {
  const values = leaves(combination).filter((leaf) => leaf !== "");
  return values.length > 0 ? ` (${values.join(", ")})` : "";
};
