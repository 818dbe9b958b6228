/** This computer: the manager's folder, room on the disk, memory and cores, the port. */
import { access, constants, rm, statfs, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { ownership } from "../../supervisor/marker.ts";
import { readRecord } from "../../supervisor/folder.ts";
import { isAlive } from "../../supervisor/process.ts";
import { health } from "../local/health.ts";
import { realCliDeps } from "../deps.ts";
import { type Facts, isAtAws } from "./facts.ts";
import { blocker, type Finding, Missing, ok, warning } from "./finding.ts";

/** The manager's folder as it is or will be. */
const directoryOf = async (facts: Facts): Promise<string> => {
  const where = await facts.where();
  if (where) return where.paths.directory;
  const manager = (await facts.settings().catch(() => null))?.manager;
  const given = manager?.on === "local" ? manager.directory : null;
  const { root } = facts.deps;
  return given === null ? join(root, ".muster", facts.stack) : resolve(root, given);
};

/** The folder itself or the nearest one above it that exists. */
const nearestExisting = async (path: string): Promise<string> => {
  for (let here = path; ; here = dirname(here)) {
    const there = await access(here, constants.F_OK).then(
      () => true,
      () => false,
    );
    if (there || here === dirname(here)) return here;
  }
};

/** Writes a file of its own and takes it away: rights, a full disk and a read-only one all show. */
const writeProblem = async (directory: string): Promise<string | null> => {
  const probe = join(directory, `.doctor-${process.pid}`);
  try {
    await writeFile(probe, "x".repeat(4096), { mode: 0o600 });
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await rm(probe, { force: true }).catch(() => {});
  }
};

const another = (stack: string) =>
  `npm run pulumi -- config set --path muster:manager.directory FOLDER -s ${stack}`;

export const folderCheck = async (facts: Facts): Promise<Finding[]> => {
  if (await isAtAws(facts)) return [];
  const directory = await directoryOf(facts);
  const found = await ownership(directory);
  if (found.kind === "foreign")
    return [
      blocker("folder", `${directory} holds other files and is not the manager's`, another(facts.stack)),
    ];
  if (
    found.kind === "ours" &&
    found.stack &&
    found.stack.name !== facts.stack &&
    (await facts.where())?.stack === facts.stack
  )
    return [blocker("folder", `${directory} belongs to the stack ${found.stack.name}`, another(facts.stack))];
  const above = await nearestExisting(directory);
  const problem = await writeProblem(above);
  if (problem !== null)
    return [
      blocker(
        "folder",
        `nothing can be written in ${above}: ${problem}`,
        `make room, or give it back to this user: sudo chown -R "$(id -un)" ${above}`,
      ),
    ];
  return [
    ok(
      "folder",
      found.kind === "ours" ? `${directory}, marked as this manager's` : `${directory}, which up makes`,
    ),
  ];
};

const gigabyte = 1024 ** 3;
const gb = (bytes: number) => `${(bytes / gigabyte).toFixed(bytes < 10 * gigabyte ? 1 : 0)} GB`;
/** The runner's archive unpacked, for each machine, and a checkout with its build. */
const bytesLeast = 1 * gigabyte;
const bytesWanted = 20 * gigabyte;
const inodesLeast = 10_000;
const inodesWanted = 200_000;

export interface DiskFigures {
  bsize: number;
  bavail: number;
  files: number;
  ffree: number;
}
export const diskFindings = ({ bsize, bavail, files, ffree }: DiskFigures, path: string): Finding[] => {
  const free = bavail * bsize;
  const cure = "make room, or move the folder: muster:manager.directory names it";
  const said = `${gb(free)} and ${files === 0 ? "unlimited" : String(ffree)} inodes are free at ${path}`;
  // Some file systems have no fixed number of inodes and say 0 of 0.
  const inodes = files === 0 ? Infinity : ffree;
  if (free < bytesLeast || inodes < inodesLeast)
    return [blocker("disk", `${said}: too little for one job`, cure)];
  if (free < bytesWanted || inodes < inodesWanted)
    return [warning("disk", `${said}: little for builds`, cure)];
  return [ok("disk", said)];
};
export const diskCheck = async (facts: Facts): Promise<Finding[]> => {
  const path = await nearestExisting(await directoryOf(facts));
  return diskFindings(await statfs(path), path);
};

/** What a job wants at least, below which builds hinder each other. */
const memoryEach = 2 * gigabyte;

export const capacityFindings = (
  pools: Readonly<Record<string, { max: number; backends: readonly { kind: string }[] }>>,
  { cores, memory }: { cores: number; memory: number },
  stack: string,
): Finding[] => {
  const local = Object.entries(pools).filter(([, pool]) =>
    pool.backends.some(({ kind }) => kind === "local"),
  );
  const most = local.reduce((sum, [, { max }]) => sum + max, 0);
  const said = `up to ${most} jobs at a time on ${cores} cores and ${gb(memory)}`;
  if (most <= cores && most * memoryEach <= memory) return [ok("capacity", said)];
  const largest = local.toSorted(([, a], [, b]) => b.max - a.max)[0]?.[0] ?? "NAME";
  return [
    warning(
      "capacity",
      `${said}: jobs will wait for each other's cores or memory (one core and 2 GB each)`,
      `lower a pool's max: npm run pulumi -- config set --path muster:pools.${largest}.max ${Math.max(1, Math.min(cores, Math.floor(memory / memoryEach)) - (most - pools[largest]!.max))} -s ${stack}`,
    ),
  ];
};
export const capacityCheck = async (facts: Facts): Promise<Finding[]> => {
  if (await isAtAws(facts)) return [];
  const { pools } = await facts.place();
  // Of a container or a slice of systemd, where it is less than the computer has.
  const limited = process.constrainedMemory();
  const memory = limited > 0 ? Math.min(limited, totalmem()) : totalmem();
  return capacityFindings(pools, { cores: availableParallelism(), memory }, facts.stack);
};

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
      .once("error", () => resolve(false))
      .listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });

export const portCheck = async (facts: Facts): Promise<Finding[]> => {
  if (await isAtAws(facts)) return [];
  const config = (await facts.found())?.config ?? null;
  const manager = (await facts.settings().catch(() => null))?.manager;
  const port = manager?.port ?? config?.manager.port;
  if (port === undefined) throw new Missing("the settings cannot be read");
  if (await isFree(port)) return [ok("port", `${port} is free`)];
  const cure = `npm run pulumi -- config set --path muster:manager.port ${port + 1} -s ${facts.stack}`;
  const where = await facts.where();
  const record = where && (await readRecord(where.paths));
  if (config?.manager.port === port && isAlive(record?.manager)) {
    const answer = await health(config, realCliDeps);
    if ("pid" in answer && answer.pid === record.manager.pid)
      return [ok("port", `${port}, held by this stack's manager`)];
  }
  return [blocker("port", `port ${port} of 127.0.0.1 is held by another program`, cure)];
};
