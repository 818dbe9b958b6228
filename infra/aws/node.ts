/**
 * Node for the manager's machine, whose system brings none. It is npm's pinned package: whoever runs `pulumi up` fetches
 * it with the npm that also installed the checkout (its registry, mirror, proxy and login), and the program puts it into
 * the manager's bucket, so that the machine needs no registry. Nobody on the way has to be trusted: the hash is pinned
 * here, checked before the upload, and stands in the user data of the machine, which checks it again.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { NodeError } from "../errors.ts";

export interface NodeTarball {
  version: string;
  /** As a lockfile has it: `sha512-BASE64`. */
  integrity: string;
  /** The same in hex. */
  sha512: string;
  /** Where everybody finds it, should the bucket not have it. */
  url: string;
  /** Absolute; null: not here, and nobody asked to fetch it. */
  path: string | null;
}

export interface NodeDeps {
  /** Leaves the package's tarball, byte for byte as published, in the folder and resolves to its file name. */
  pack: (spec: string, folder: string) => Promise<string>;
}

const run = promisify(execFile);

const npmPack: NodeDeps["pack"] = async (spec, folder) => {
  const args = ["pack", spec, "--pack-destination", folder, "--ignore-scripts", "--loglevel=error"];
  return (await run("npm", args, { cwd: folder })).stdout.trim();
};

const sha512Of = async (path: string): Promise<string | null> => {
  const content = await readFile(path).catch(() => null);
  return content && createHash("sha512").update(content).digest("hex");
};

/** What is pinned, with the package's place at npm. @param root the checkout */
export const pinnedNode = async (root: string): Promise<Omit<NodeTarball, "path"> & { package: string }> => {
  const text = await readFile(join(root, "infra/aws/node.json"), "utf8");
  const pinned = JSON.parse(text) as { package: string; version: string; integrity: string };
  const { package: name, version, integrity } = pinned;
  return {
    ...pinned,
    sha512: Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex"),
    url: `https://registry.npmjs.org/${name}/-/${name}-${version}.tgz`,
  };
};

/**
 * @param root the checkout; the tarball (50 MB) is kept in its .muster/node/
 * @param fetch false in a preview, which must be quick and needs no more than the hash
 * @throws NodeError when npm cannot fetch it, or what it fetches is not what is pinned
 */
export const nodeTarball = async (
  root: string,
  fetch: boolean = !pulumi.runtime.isDryRun(),
  { pack }: NodeDeps = { pack: npmPack },
): Promise<NodeTarball> => {
  const { package: name, ...known } = await pinnedNode(root);
  const { sha512 } = known;
  const spec = `${name}@${known.version}`;
  const directory = join(root, ".muster/node");
  const path = join(directory, `${sha512.slice(0, 16)}.tgz`);
  if ((await sha512Of(path)) === sha512) return { ...known, path };
  if (!fetch) return { ...known, path: null };

  await mkdir(directory, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(directory, "fetch-"));
  try {
    const file = await pack(spec, folder).catch((error: Error) => {
      throw new NodeError(
        `npm could not fetch ${spec}, the Node of the manager's machine: ${error.message.trim()}\n` +
          "Check npm's registry and proxy (npm config list), then run the same again.",
      );
    });
    const fetched = join(folder, file);
    const found = await sha512Of(fetched);
    if (found !== sha512)
      throw new NodeError(
        `npm fetched a ${spec} whose SHA-512 is ${found}, not ${sha512}, which is pinned in infra/aws/node.json. ` +
          "Nothing was uploaded; the registry (npm config get registry) does not have what was published.",
      );
    await rename(fetched, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { ...known, path };
};
