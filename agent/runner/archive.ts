/** The unpacked runner, once per computer and version: fetched, checked, then shared by all machines through links. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Archive } from "../protocol.ts";
import { removeTree } from "../remove-tree.ts";
import type { Deps } from "./deps.ts";
import { download } from "./download.ts";
import { messageOf } from "./errors.ts";
import type { Limits } from "./limits.ts";
import { withLock } from "./lock.ts";
import { makePauses } from "./pauses.ts";
import { protect } from "./tree.ts";

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** The name of a folder, which is no way out of where it lies. */
const digest = /^[0-9a-f]{64}$/;

export interface ArchiveOptions {
  /** Rounds over all addresses before it gives up; Infinity for ever. */
  rounds: number;
  /** Told each time a round failed. */
  problem: (what: string) => void;
  signal: AbortSignal;
  limits: Limits;
  deps: Deps;
}

/**
 * Folder of the unpacked archive; it is there in whole or not at all, and never changes.
 *
 * @param archives folder of all of them, each named by its SHA-256
 * @throws when every address failed `rounds` times; the message has the last reason
 */
export async function unpackedRunner(
  archive: Archive,
  archives: string,
  options: ArchiveOptions,
): Promise<string> {
  if (!digest.test(archive.sha256)) throw new Error(`the runner's SHA-256 is none: ${archive.sha256}`);
  const folder = join(archives, archive.sha256);
  if (await exists(folder)) return folder;
  await mkdir(archives, { recursive: true, mode: 0o700 });
  const work = async () => {
    if (await exists(folder)) return;
    await fetchAndUnpack(archive, folder, options);
    await prune(archives, options.limits.archivesKept, options);
  };
  await withLock(`${folder}.lock`, work, options.signal, options.deps.clock);
  return folder;
}

async function fetchAndUnpack(archive: Archive, folder: string, options: ArchiveOptions): Promise<void> {
  const { limits, deps, signal } = options;
  const file = `${folder}.${process.pid}.tar.gz`;
  const draft = `${folder}.${process.pid}.new`;
  const pauses = makePauses(limits, deps.random);
  try {
    for (let round = 1; ; round++) {
      for (const url of archive.urls) {
        try {
          await download(url, file, archive.sha256, signal, limits, deps.clock);
          await unpack(file, draft);
          await rename(draft, folder);
          return;
        } catch (error) {
          signal.throwIfAborted();
          await removeTree(draft);
          if (await exists(folder)) return;
          const what = `runner ${archive.version}: ${messageOf(error)}`;
          deps.log("archive-failed", { round, what });
          if (round >= options.rounds && url === archive.urls.at(-1)) throw new Error(what, { cause: error });
          options.problem(what);
        }
      }
      await deps.clock.sleep(pauses.next(), signal);
      signal.throwIfAborted();
    }
  } finally {
    await rm(file, { force: true });
    await removeTree(draft);
  }
}

async function unpack(file: string, draft: string): Promise<void> {
  await removeTree(draft);
  await mkdir(draft, { mode: 0o700 });
  // -o: files belong to who unpacks them, also for root. -p: jobs of another user read them, whatever this one's umask is.
  const tar = spawn("tar", ["-xpozf", file, "-C", draft], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  tar.stderr.on("data", (part: Buffer) => (said = (said + part.toString()).slice(-500)));
  const [code] = (await once(tar, "close")) as [number | null];
  if (code !== 0) throw new Error(`tar ended with ${code}: ${said.trim()}`);
  if (!(await exists(join(draft, "bin/Runner.Listener"))))
    throw new Error("the archive has no bin/Runner.Listener");
  protect(draft);
}

/** Machines hold links of their own, so an old archive may go while they run. */
async function prune(archives: string, kept: number, { deps }: ArchiveOptions): Promise<void> {
  const names = (await readdir(archives)).filter((name) => digest.test(name));
  const aged = await Promise.all(
    names.map(async (name) => ({ name, ms: (await stat(join(archives, name))).ctimeMs })),
  );
  for (const { name } of aged.sort((a, b) => b.ms - a.ms).slice(kept)) {
    deps.log("archive-removed", { name });
    await removeTree(join(archives, name));
  }
}
