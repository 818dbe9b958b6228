/**
 * The programs that run on machines, one minified file each, built while the Pulumi program runs. Deterministic (the
 * same sources give the same bytes from any folder) and named by content, so that a preview never touches what runs.
 */
import { createHash } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { build, type BuildOptions, type Metafile } from "esbuild";
import { BundleError } from "./errors.ts";
import { pruneAws } from "./prune-aws.ts";
import { hashOf, remember, unchanged } from "./unchanged.ts";

export interface Bundle {
  /** Absolute. */
  path: string;
  /** Hex. */
  sha256: string;
  bytes: number;
}
/** `updater` runs beside a manager that has a machine of its own, `leaving` wherever somebody runs `destroy`, `spot-role` where `up`. */
export type Bundles = Record<BundleName, Bundle>;
export type BundleName = "manager" | "runner" | "updater" | "leaving" | "spot-role";

export const bundleNames: readonly BundleName[] = ["manager", "runner", "updater", "leaving", "spot-role"];

/** Bytes that a bundle may have, and where it would weigh. */
export const limits: { readonly [Name in BundleName]?: { bytes: number; why: string } } = {
  runner: {
    bytes: 64 * 1024,
    why: "every machine fetches it at its start, many at a time from one small manager",
  },
  leaving: {
    bytes: 640 * 1024,
    why: "Pulumi's state holds it, packed to a third, for each of two Commands",
  },
  "spot-role": {
    bytes: 320 * 1024,
    why: "Pulumi's state holds it, packed to a third",
  },
};

const kilobytes = (bytes: number) => `${(bytes / 1024).toFixed(1)} KB`;

/** What the largest inputs add, largest first. */
const largest = (metafile: Metafile, count = 8): string[] => {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  return inputs
    .sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput)
    .slice(0, count)
    .map(([path, { bytesInOutput }]) => `  ${kilobytes(bytesInOutput).padStart(9)}  ${path}`);
};

// Packages in the older module format call require, which does not exist in an ES module.
const requireShim = 'import{createRequire as __r}from"node:module";const require=__r(import.meta.url);';

/** Those that Pulumi's state holds, so that they are made smaller than the others by what costs most. */
const heldByState: readonly BundleName[] = ["leaving", "spot-role"];

const ofState = {
  // They are run from a text (aws/script.ts), which only the older module format allows, on whatever Node is there then.
  format: "cjs" as const,
  target: "node20",
  // A text that is run so can require, but not import.
  supported: { "dynamic-import": false },
  // Only ES modules lose what nothing uses.
  mainFields: ["module", "main"],
  // Without the methods for every call of GitHub's API, by name: the login calls by route.
  alias: { "@octokit/rest": "@octokit/core" },
} satisfies BuildOptions;

/** @throws BundleError */
const compile = async (root: string, name: BundleName) => {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [`agent/${name}/main.ts`],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    ...(heldByState.includes(name) ? ofState : { format: "esm", target: "node24" }),
    // Of EC2's client as CommonJS a megabyte would stay.
    ...(name === "manager" && { mainFields: ofState.mainFields }),
    platform: "node",
    legalComments: "none",
    logLevel: "silent",
    plugins: [pruneAws({ errorClasses: !heldByState.includes(name) })],
    // Runner agents import no such package, and pay for every byte.
    banner: name === "manager" || name === "updater" ? { js: requireShim } : {},
  }).catch((error: Error) => {
    throw new BundleError(`agent/${name} could not be bundled: ${error.message}`);
  });
  const { contents } = result.outputFiles[0]!;
  const limit = limits[name];
  if (limit && contents.length > limit.bytes)
    throw new BundleError(
      `the bundle ${name} has ${kilobytes(contents.length)}, more than ${kilobytes(limit.bytes)}: ${limit.why}. ` +
        `Largest inputs:\n${largest(result.metafile).join("\n")}`,
    );
  const sha256 = createHash("sha256").update(contents).digest("hex");
  return { contents, sha256, inputs: Object.keys(result.metafile.inputs) };
};

const packagesOf = (inputs: readonly string[]): string[] => {
  const names = inputs.flatMap((path) => /.*\bnode_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  return [...new Set(names)].sort();
};

/** The npm packages whose code reaches machines, by name; nothing is written. @throws BundleError */
export const bundledPackages = async (root: string): Promise<Record<BundleName, string[]>> => {
  const packages = async (name: BundleName) =>
    [name, packagesOf((await compile(root, name)).inputs)] as const;
  return Object.fromEntries(await Promise.all(bundleNames.map(packages))) as Record<BundleName, string[]>;
};

/** What `bundle` would name for this computer, without writing anything. @throws BundleError */
export const bundleDigests = async (root: string): Promise<{ manager: string; runner: string }> => {
  const [manager, runner] = await Promise.all([compile(root, "manager"), compile(root, "runner")]);
  return { manager: manager.sha256, runner: runner.sha256 };
};

const bundleOne = async (root: string, name: BundleName, known: Map<string, string>): Promise<Bundle> => {
  const directory = join(root, ".muster/bundles");
  const found = unchanged(root, directory, name, known);
  if (found) return { path: join(directory, found.file), sha256: found.sha256, bytes: found.bytes };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // By the clock of files, which is a little behind the other.
  const mark = join(directory, `.${name}.${process.pid}`);
  await writeFile(mark, "");
  const { ctimeMs } = await stat(mark);
  await rm(mark);
  const { contents, sha256, inputs } = await compile(root, name);
  const file = `${name}-${sha256.slice(0, 16)}${heldByState.includes(name) ? ".cjs" : ".mjs"}`;
  const path = join(directory, file);
  if (hashOf(path) !== sha256) {
    await writeFile(`${path}.${process.pid}.new`, contents);
    await rename(`${path}.${process.pid}.new`, path);
  }
  remember(root, directory, name, { file, sha256, bytes: contents.length }, inputs, ctimeMs);
  return { path, sha256, bytes: contents.length };
};

/**
 * @param root the checkout
 * @param names those that are used; the others are not built
 * @throws BundleError when a source is wrong or a bundle has more bytes than its limit
 */
export const bundle = async <Name extends BundleName>(
  root: string,
  names: readonly Name[],
  log: (line: string) => void = (line) => void pulumi.log.info(line),
): Promise<Pick<Bundles, Name>> => {
  const known = new Map<string, string>();
  const builds = names.map(async (name) => [name, await bundleOne(root, name, known)] as const);
  // When one is wrong the other still ends before the error leaves: nothing writes afterwards.
  await Promise.allSettled(builds);
  const made = await Promise.all(builds);
  log(`bundles: ${made.map(([name, { bytes }]) => `${name} ${kilobytes(bytes)}`).join(", ")}`);
  return Object.fromEntries(made) as Pick<Bundles, Name>;
};
