/**
 * AWS's clients describe the shapes of all their calls in one file, EC2's in more than a megabyte. esbuild drops what
 * nothing uses, but for two forms that it takes for code with effects: computed keys (`[_xN]:`) and sums of flags
 * (`64 | 0`). Written out as the constants that they are, they go: of EC2's 560 KB, minified, 40 stay.
 */
import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";

/** The same code with its constant keys and flags written out. */
export const constantsWrittenOut = (code: string): string => {
  const constants = [...code.matchAll(/^const (_\w+) = ("[^"\\]*");$/gm)];
  const values = new Map(constants.map(([, name, value]) => [name!, value!]));
  return code
    .replace(/\[(_\w+)\]:/g, (whole, name: string) => (values.has(name) ? `${values.get(name)}:` : whole))
    .replace(/\b(\d+) \| (\d+)\b/g, (_, a: string, b: string) => String(Number(a) | Number(b)));
};

export const pruneAwsSchemas: Plugin = {
  name: "prune-aws-schemas",
  setup: (build) =>
    build.onLoad({ filter: /@aws-sdk\/.*\/schemas_\d+\.js$/ }, async ({ path }) => ({
      contents: constantsWrittenOut(await readFile(path, "utf8")),
    })),
};
