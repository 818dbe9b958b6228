/** The command line of `npm test`. */
import { parseArgs } from "node:util";
import { tierNames, tierOfFile, type TierName } from "./tiers.ts";

export const usage = `npm test -- [tier or file filter ...] [--install]

  Without arguments everything runs that this machine can run. Tiers: ${tierNames.join(", ")}.
  A file filter is a part of a test file's path: npm test -- unit test/infra
  --install   allow installing system packages that a tier lacks (CI=true allows it as well)`;

export interface TestOptions {
  /** In the order of the tiers. */
  tiers: readonly TierName[];
  /** Parts of test file paths, for vitest; empty for all. */
  filters: readonly string[];
  install: boolean;
}

export class UsageError extends Error {
  override name = "UsageError";
}

const parse = (argv: readonly string[]) => {
  try {
    return parseArgs({
      args: [...argv],
      options: { install: { type: "boolean" }, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${usage}`, { cause: error });
  }
};

const isTier = (word: string): word is TierName => (tierNames as readonly string[]).includes(word);
const inOrder = (names: ReadonlySet<TierName>) => tierNames.filter((name) => names.has(name));

const trim = (word: string) => word.replace(/^\.\//, "");

/**
 * What to run. Filters without a tier run every tier that has such a file.
 * @param files every test file, as paths from the checkout's root
 * @returns null when only help was asked for
 * @throws UsageError when an option or a filter fits nothing
 */
export const testOptions = (argv: readonly string[], files: readonly string[]): TestOptions | null => {
  const { values, positionals } = parse(argv);
  if (values.help === true) return null;
  const named = new Set(positionals.filter(isTier));
  const filters = positionals.filter((word) => !isTier(word)).map(trim);
  const install = values.install === true;
  for (const filter of filters)
    if (!files.some((file) => file.includes(filter)))
      throw new UsageError(`"${filter}" is neither a tier nor part of a test file's path.\n\n${usage}`);
  if (named.size > 0) return { tiers: inOrder(named), filters, install };
  if (filters.length === 0) return { tiers: tierNames, filters, install };
  const matching = files.filter((file) => filters.some((filter) => file.includes(filter)));
  return { tiers: inOrder(new Set(matching.map(tierOfFile))), filters, install };
};
