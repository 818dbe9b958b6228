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

/**
 * The same code without the services' own classes of errors, SSM's more than a hundred. An error then comes as the base
 * class of its service, with the name and message that it would have had.
 */
export const withoutErrorClasses = (code: string): string =>
  code.replace(/^n\d+_registry\.registerError\(\w+\$, \w+\);$/gm, "");

/** @param errorClasses false: for a program that tells errors apart by their names and never by `instanceof` */
export const pruneAws = ({ errorClasses }: { errorClasses: boolean }): Plugin => ({
  name: "prune-aws",
  setup: (build) => {
    build.onLoad({ filter: /@aws-sdk\/.*\/schemas_\d+\.js$/ }, async ({ path }) => {
      const code = constantsWrittenOut(await readFile(path, "utf8"));
      // The clients of credentials look for classes of theirs.
      const keep = errorClasses || !path.includes("@aws-sdk/client-");
      return { contents: keep ? code : withoutErrorClasses(code) };
    });
    // Clients tell AWS their version and take the whole file along for it.
    build.onLoad({ filter: /@aws-sdk\/[^/]+\/package\.json$/ }, async ({ path }) => {
      const { version } = JSON.parse(await readFile(path, "utf8")) as { version: string };
      return { contents: JSON.stringify({ version }), loader: "json" };
    });
  },
});
