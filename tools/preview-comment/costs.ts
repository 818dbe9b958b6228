/** The costs of a stack before and after, from its outputs. */
import * as z from "zod";

const costs = z.object({
  currency: z.string().max(3),
  idlePerHour: z.number(),
  idlePerMonth: z.number(),
  atMostPerHour: z.number(),
  atMostPerMonth: z.number(),
  pricesOf: z.string().max(10),
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

/** Rows of a table; null where neither side has costs. */
export const costRows = (before: Costs | null, after: Costs | null): string[][] | null => {
  if (before === null && after === null) return null;
  const same = before !== null && after !== null && before.currency === after.currency;
  return rows.map(([what, key, digits]) => [
    what,
    before === null ? "-" : `${before[key].toFixed(digits)} ${before.currency}`,
    after === null ? "-" : `${after[key].toFixed(digits)} ${after.currency}`,
    same ? sign(after[key] - before[key], digits) : "",
  ]);
};
