/** The disk that outlives a manager: a folder of which copies can be taken and put back. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Storage {
  /** Where the journal lies. */
  path(): string;
  /** The journal is gone; `all`: and what lay beside it. */
  lose(all: boolean): void;
  /** Keeps a copy with the moment in which it was taken. */
  copy(nowMs: number): void;
  /** Puts the newest copy that is older than `beforeMs` in its place; false when there is none. */
  putBack(beforeMs: number): boolean;
  close(): void;
}

const copiesMax = 4;

export function makeStorage(): Storage {
  // In memory where the computer has such a place: a seed writes thousands of times.
  const root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "muster-simulation-"));
  const folder = join(root, "now");
  mkdirSync(folder);
  const path = join(folder, "journal.sqlite");
  const copies: { atMs: number; folder: string }[] = [];
  let count = 0;
  const parts = ["", "-wal"];
  const lose = (all: boolean) => {
    const gone = all
      ? readdirSync(folder).map((name) => join(folder, name))
      : ["", "-wal", "-shm"].map((part) => path + part);
    for (const file of gone) rmSync(file, { force: true });
  };
  return {
    path: () => path,
    lose,
    copy: (atMs) => {
      const to = join(root, `copy-${++count}`);
      mkdirSync(to);
      for (const part of parts)
        if (existsSync(path + part)) copyFileSync(path + part, join(to, `journal${part}`));
      copies.push({ atMs, folder: to });
      if (copies.length > copiesMax) rmSync(copies.shift()!.folder, { recursive: true });
    },
    putBack: (beforeMs) => {
      const old = copies.filter(({ atMs }) => atMs < beforeMs).at(-1);
      if (!old) return false;
      lose(false);
      for (const part of parts) {
        const from = join(old.folder, `journal${part}`);
        if (existsSync(from)) copyFileSync(from, path + part);
      }
      return true;
    },
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}
