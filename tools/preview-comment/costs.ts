/** The costs of a stack before and after, from its outputs. */
import * as z from "zod";

const pool = z.object({ idlePerHour: z.number(), atMostPerHour: z.number() });
const costs = z.object({
  currency: z.string().max(3),
  idlePerHour: z.number(),
  idlePerMonth: z.number(),
  atMostPerHour: z.number(),
  atMostPerMonth: z.number(),
  pricesOf: z.string().max(10),
  // A stack that an earlier version made may lack them.
  limit: z.string().optional().catch(undefined),
  pools: z.record(z.string(), pool).catch({}),
});
export type Costs = z.infer<typeof costs>;

/** null for a stack that is not there yet, or that costs nothing (this computer's). */
export const costsOf = (outputs: Readonly<Record<string, unknown>>): Costs | null =>
  costs.safeParse(outputs["costs"]).data ?? null;

const rows = [
  ["idle, an hour", "idlePerHour", 4],
  ["idle, a month", "idlePerMonth", 2],
  ["at most, an hour", "atMostPerHour", 4],
  ["at most, a month", "atMostPerMonth", 2],
] as const;

const sign = (difference: number, digits: number) =>
  Number(difference.toFixed(digits)) === 0
    ? "same"
    : `${difference > 0 ? "+" : "-"}${Math.abs(difference).toFixed(digits)}`;

/** Both sides can be compared. */
const comparable = (before: Costs | null, after: Costs | null): boolean =>
  before !== null && after !== null && before.currency === after.currency;

/** Rows of a table; null where neither side has costs. */
export const costRows = (before: Costs | null, after: Costs | null): string[][] | null => {
  if (before === null && after === null) return null;
  return rows.map(([what, key, digits]) => [
    what,
    before === null ? "-" : `${before[key].toFixed(digits)} ${before.currency}`,
    after === null ? "-" : `${after[key].toFixed(digits)} ${after.currency}`,
    before && after && comparable(before, after) ? sign(after[key] - before[key], digits) : "",
  ]);
};

/** Of the pools that cost something else than before: name -> cells of a row. */
export const poolRows = (before: Costs | null, after: Costs | null): (readonly [string, string[]])[] => {
  if (!before || !after || !comparable(before, after)) return [];
  const names = [...new Set([...Object.keys(before.pools), ...Object.keys(after.pools)])].sort();
  return names.flatMap((name) => {
    const [old, now] = [before.pools[name], after.pools[name]];
    const difference = sign((now?.atMostPerHour ?? 0) - (old?.atMostPerHour ?? 0), 4);
    if (old && now && difference === "same") return [];
    const cell = (cost?: { atMostPerHour: number }) =>
      cost ? `${cost.atMostPerHour.toFixed(4)} ${after.currency}` : "-";
    return [[name, [cell(old), cell(now), difference]] as const];
  });
};

const limits: Readonly<Record<string, string>> = {
  budget: "; the budget stops it there",
  always: "; what is always there is above the budget, so nothing is launched",
};

/** Cents, and of less the first digit that says something. */
const money = (amount: number) => (amount > 0 && amount < 0.01 ? amount.toPrecision(1) : amount.toFixed(2));

/** What it costs, in a line. */
export const costLine = (before: Costs | null, after: Costs | null): string | null => {
  if (after === null) return null;
  const { currency, idlePerHour: idle, atMostPerHour: most, atMostPerMonth: month } = after;
  const limit = limits[after.limit ?? ""] ?? "";
  const [wasIdle, wasMost] =
    before && comparable(before, after) ? [before.idlePerHour, before.atMostPerHour] : [null, null];
  const from = (was: number | null, is: number) =>
    was !== null && sign(is - was, 4) !== "same" ? `${money(was)} → ` : "";
  const same = (was: number | null, is: number) =>
    was !== null && sign(is - was, 4) === "same" ? ", as before" : "";
  return (
    `Costs at most ${from(wasMost, most)}**${money(most)} ${currency} an hour** ` +
    `(${month.toFixed(2)} a month)${same(wasMost, most)}${limit}. Idle ${from(wasIdle, idle)}${money(idle)} ${currency}${same(wasIdle, idle)}.`
  );
};
