/** Kinds of values that several sections of the settings share. */
import * as z from "zod";

export const wholeNumber = (min: number, max: number) => {
  const allowed = `allowed is a whole number from ${min} to ${max}`;
  return z.int(allowed).min(min, allowed).max(max, allowed);
};
export const port = wholeNumber(1, 65_535);
export const yesOrNo = z.boolean("allowed is true or false");

/** Any text but none. */
export const text = (allowed: string) => z.string(allowed).min(1, allowed);

const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3_600 };
const durationAllowed =
  "allowed is a duration from 1s to 120h: a number with s, m or h, such as 30s, 5m or 6h";
/** `30s`, `5m`, `6h` -> seconds. */
export const duration = z
  .string(durationAllowed)
  .regex(/^\d{1,6}(\.\d{1,3})?[smh]$/, durationAllowed)
  .transform((given) => Number(given.slice(0, -1)) * unitSeconds[given.at(-1)!]!)
  .refine((seconds) => seconds >= 1 && seconds <= 120 * 3_600, durationAllowed);
