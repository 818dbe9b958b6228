/**
 * A bundle of unchanged sources is not built again: beside it lies what it was made of, compared by content, not by time.
 * Of a preview's three seconds the build takes more than one, and mostly nothing has changed since the last.
 */
import { createHash } from "node:crypto";
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { version } from "esbuild";

export interface Made {
  /** Name within the folder of the bundles. */
  file: string;
  /** Hex. */
  sha256: string;
  bytes: number;
}
interface Memory extends Made {
  /** Relative to the checkout, as esbuild names them. */
  inputs: readonly string[];
  /** Over the contents of the inputs, and over what says how they are bundled. */
  digest: string;
}

const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

/** How bundles are made; package-lock.json for which file of a package an import means. */
const recipe = (root: string) =>
  ["bundle.ts", "prune-aws.ts", "unchanged.ts"]
    .map((name) => join(import.meta.dirname, name))
    .concat(join(root, "package-lock.json"));

/** A file's SHA-256 in hex, or `none`. */
export const hashOf = (file: string) => {
  try {
    return sha256(readFileSync(file));
  } catch {
    return "none";
  }
};

/** Each file once, however many bundles hold it. Synchronous: of thousands of small files each would wait its turn. */
const digestOf = (root: string, inputs: readonly string[], known: Map<string, string>): string => {
  const all = createHash("sha256").update(version);
  for (const input of [...recipe(root), ...inputs]) {
    const file = resolve(root, input);
    const hash = known.get(file) ?? hashOf(file);
    known.set(file, hash);
    all.update(`${hash}\n`);
  }
  return all.digest("hex");
};

const memoryOf = (directory: string, name: string) => join(directory, `${name}.inputs.json`);

/**
 * @param directory of the bundles
 * @param known hashes by path: pass the same map for all bundles of one moment
 * @returns null when the bundle has to be built
 */
export const unchanged = (
  root: string,
  directory: string,
  name: string,
  known: Map<string, string>,
): Made | null => {
  try {
    const { inputs, digest, ...made } = JSON.parse(readFileSync(memoryOf(directory, name), "utf8")) as Memory;
    if (hashOf(join(directory, made.file)) !== made.sha256) return null;
    return digestOf(root, inputs, known) === digest ? made : null;
  } catch {
    // Never built here, or the memory is torn.
    return null;
  }
};

/**
 * Remembers what a bundle was made of, unless one of its inputs may have changed since the build began.
 *
 * @param sinceMs when the build began, by the clock of files
 */
export const remember = (
  root: string,
  directory: string,
  name: string,
  made: Made,
  inputs: readonly string[],
  sinceMs: number,
): void => {
  const changed = (input: string) => statSync(resolve(root, input)).ctimeMs >= sinceMs;
  try {
    if (inputs.some(changed)) return;
  } catch {
    return;
  }
  const memory: Memory = { ...made, inputs, digest: digestOf(root, inputs, new Map()) };
  const file = memoryOf(directory, name);
  writeFileSync(`${file}.${process.pid}.new`, JSON.stringify(memory));
  renameSync(`${file}.${process.pid}.new`, file);
};
