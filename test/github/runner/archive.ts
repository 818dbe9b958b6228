/** Builds the stand-in runner's archive, with the real one's name and layout. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { chmod, copyFile, cp, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { build } from "esbuild";
import type { RunnerArchive } from "../options.ts";
import { runnerVersion } from "./common/version.ts";

export interface ArchiveOptions {
  /** Where the archive is written; made if it is not there. */
  directory: string;
  /**
   * `link` (default): externals/node24/bin/node is a symbolic link to this process's Node, for this computer alone.
   * `copy`: the binary itself, for another machine of the same kind.
   */
  node?: "link" | "copy";
  /** Default 2.336.0. Names the archive; the runner itself always says 2.336.0. */
  version?: string;
}

const programs = ["listener", "worker"] as const;
const programNames = { listener: "Runner.Listener", worker: "Runner.Worker" } as const;
type Bundles = Record<(typeof programs)[number], Buffer>;

async function bundle(): Promise<Bundles> {
  const { outputFiles } = await build({
    absWorkingDir: import.meta.dirname,
    entryPoints: programs.map((program) => ({ in: `./${program}/main.ts`, out: program })),
    bundle: true,
    minify: true,
    platform: "node",
    target: "node24",
    // The programs have no file extension; Node takes such a file as CommonJS, which also starts faster.
    format: "cjs",
    outdir: "out",
    write: false,
    legalComments: "none",
    logLevel: "silent",
  });
  const of = (program: string) => {
    const file = outputFiles.find(({ path }) => path.endsWith(`/${program}.js`));
    if (!file) throw new Error(`esbuild made no ${program}.js`);
    return Buffer.from(file.contents);
  };
  return { listener: of("listener"), worker: of("worker") };
}

/** Once a process: the sources do not change under it. */
let bundles: Promise<Bundles> | undefined;

async function addNode(stage: string, node: "link" | "copy"): Promise<void> {
  const [node24, node20] = ["node24", "node20"].map((name) => join(stage, "externals", name, "bin"));
  await mkdir(node24!, { recursive: true });
  await mkdir(node20!, { recursive: true });
  if (node === "link") await symlink(process.execPath, join(node24!, "node"));
  else {
    await copyFile(process.execPath, join(node24!, "node"));
    await chmod(join(node24!, "node"), 0o755);
  }
  // One Node under both names: the stand-in runs no JavaScript actions of other people.
  await symlink("../../node24/bin/node", join(node20!, "node"));
}

const folders = [
  ".",
  "bin",
  "bin/stand-in",
  "externals",
  "externals/node24",
  "externals/node24/bin",
  "externals/node20",
  "externals/node20/bin",
];
const scripts = [
  "run.sh",
  "run-helper.sh.template",
  "safe_sleep.sh",
  "config.sh",
  "env.sh",
  "bin/Runner.Listener",
  "bin/Runner.Worker",
  "bin/installdependencies.sh",
];

/** Everything in its place, with modes that do not depend on the umask or the checkout. */
async function stageAll(stage: string, node: "link" | "copy"): Promise<void> {
  await cp(join(import.meta.dirname, "layout"), stage, { recursive: true });
  const built = await (bundles ??= bundle());
  await mkdir(join(stage, "bin", "stand-in"));
  for (const program of programs) {
    const file = join(stage, "bin", "stand-in", programNames[program]);
    await writeFile(file, built[program]);
    await chmod(file, 0o644);
  }
  await addNode(stage, node);
  for (const folder of folders) await chmod(join(stage, folder), 0o755);
  for (const script of scripts) await chmod(join(stage, script), 0o755);
}

const tarArguments = "--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu".split(" ");

/** Equal files make equal bytes: names sorted, no times, no owners. @returns the SHA-256, hex. */
async function pack(stage: string, file: string, level: number): Promise<string> {
  const tar = spawn("tar", [...tarArguments, "-C", stage, "-cf", "-", "."], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const complaints: Buffer[] = [];
  tar.stderr.on("data", (chunk: Buffer) => complaints.push(chunk));
  const ended = new Promise<void>((resolve, reject) => {
    tar.on("error", reject);
    tar.on("close", (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`tar ended with ${code}: ${Buffer.concat(complaints).toString()}`)),
    );
  });
  const hash = createHash("sha256");
  const hashing = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await Promise.all([pipeline(tar.stdout, createGzip({ level }), hashing, createWriteStream(file)), ended]);
  return hash.digest("hex");
}

/**
 * Builds `actions-runner-linux-<arch>-<version>.tar.gz`. Needs GNU tar.
 * @throws when tar or esbuild fails, with their words.
 */
export async function buildRunnerArchive({
  directory,
  node = "link",
  version = runnerVersion,
}: ArchiveOptions): Promise<RunnerArchive> {
  const architecture = process.arch === "arm64" ? "arm64" : "x64";
  const filename = `actions-runner-linux-${architecture}-${version}.tar.gz`;
  await mkdir(directory, { recursive: true });
  const stage = await mkdtemp(join(directory, "stage-"));
  try {
    await stageAll(stage, node);
    const path = join(directory, filename);
    // Whoever reads the archive meanwhile sees the old one or the new one whole.
    const fresh = `${stage}.tar.gz`;
    const sha256 = await pack(stage, fresh, node === "copy" ? 1 : 6);
    await rename(fresh, path);
    return { path, filename, sha256, version, os: "linux", architecture };
  } finally {
    await rm(stage, { recursive: true, force: true });
    await rm(`${stage}.tar.gz`, { force: true });
  }
}
