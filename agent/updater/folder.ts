/** What lies on the machine: programs by content, the link to the one that runs, settings, secrets, what was decided. */
import { mkdir, open, readdir, readFile, readlink, rename, rm, statfs, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileKey, hostPaths, type HostFileName } from "../manager-host.ts";
import { programPath } from "./release.ts";
import { NotWanted, sha256 } from "./wanted.ts";

export interface HostFolders {
  programs: string;
  /** Journal and history. */
  data: string;
  /** Settings and secrets: tmpfs. */
  updater: string;
}

/** Readers see the old file or the new one; after a power failure, too. */
export const write = async (file: string, text: string | Uint8Array, mode: number): Promise<void> => {
  const draft = `${file}.new`;
  await rm(draft, { force: true });
  try {
    const handle = await open(draft, "wx", mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
};

/** Points a link at `target` in one step. */
export const link = async (path: string, target: string): Promise<void> => {
  await rm(`${path}.new`, { force: true });
  await symlink(target, `${path}.new`);
  await rename(`${path}.new`, path);
};

const textOf = (file: string): Promise<string | null> => readFile(file, "utf8").catch(() => null);

export const hostFolder = ({ programs, data, updater }: HostFolders = hostPaths) => {
  const settings = join(updater, "settings.json");
  const secrets = join(updater, "secrets.json");
  const state = join(programs, "updater.json");
  const cursor = join(programs, "log.cursor");
  /** Verified by this process; a file that was torn by a power failure is fetched again. */
  const verified = new Set<string>();
  return {
    programs,
    readSettings: () => textOf(settings),
    writeSettings: (text: string) => write(settings, text, 0o644),
    readSecrets: () => textOf(secrets),
    writeSecrets: (text: string) => write(secrets, text, 0o600),
    readState: async (): Promise<unknown> => JSON.parse((await textOf(state)) ?? "null") as unknown,
    writeState: (value: unknown) => write(state, `${JSON.stringify(value)}\n`, 0o600),
    /** How far the journal went to CloudWatch; null: nothing of it, as far as is known. */
    readCursor: async (): Promise<string | null> => (await textOf(cursor))?.trim() || null,
    writeCursor: (value: string | null) => write(cursor, `${value ?? ""}\n`, 0o600),

    /** Fetches a program unless it is here. @throws NotWanted when what comes is not what its hash says */
    ensure: async (
      hash: string,
      name: HostFileName,
      fetch: (key: string) => Promise<Uint8Array>,
    ): Promise<string> => {
      const path = programPath(programs, hash, name);
      if (verified.has(path)) return path;
      const here = await readFile(path).catch(() => null);
      if (!here || sha256(here) !== hash) {
        const bytes = await fetch(fileKey(hash, name));
        const got = sha256(bytes);
        if (got !== hash)
          throw new NotWanted(`${fileKey(hash, name)} in the bucket has the content ${got}: it is not run`);
        await mkdir(dirname(path), { recursive: true, mode: 0o755 });
        await write(path, bytes, 0o644);
      }
      verified.add(path);
      return path;
    },
    activate: (hash: string, name: "manager.mjs" | "updater.mjs") =>
      link(join(programs, name), programPath(".", hash, name)),
    linked: (name: "manager.mjs" | "updater.mjs"): Promise<string | null> =>
      readlink(join(programs, name)).then(
        (target) => /files\/([0-9a-f]{64})\//.exec(target)?.[1] ?? null,
        () => null,
      ),
    /** Percent of the data volume that is in use, as df has it. */
    dataUsed: async (): Promise<number> => {
      const { blocks, bfree, bavail } = await statfs(data);
      return Math.round((1_000 * (blocks - bfree)) / (blocks - bfree + bavail)) / 10;
    },
    /** Removes programs that nobody needs any more. */
    clean: async (needed: ReadonlySet<string>): Promise<void> => {
      const folder = join(programs, "files");
      for (const name of await readdir(folder)) {
        if (!/^[0-9a-f]{64}$/.test(name) || needed.has(name)) continue;
        for (const path of verified) if (path.startsWith(join(folder, name))) verified.delete(path);
        await rm(join(folder, name), { recursive: true, force: true });
      }
    },
  };
};
export type HostFolder = ReturnType<typeof hostFolder>;
