/** A file of JSON beside the journal: replaced whole with every change, and a disk that refuses is told of once. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Deps } from "../deps.ts";

export interface NoteFile {
  /** Does nothing after `close`. Never throws. */
  save(value: unknown): void;
  close(): void;
}

/** @param trouble the log's line when it cannot be written */
export function openNoteFile(path: string, trouble: string, deps: Pick<Deps, "log">): NoteFile {
  let writable = true;
  let closed = false;
  return {
    save: (value) => {
      if (closed) return;
      try {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
        writeFileSync(`${path}.new`, JSON.stringify(value), { mode: 0o600 });
        renameSync(`${path}.new`, path);
        writable = true;
      } catch (error) {
        if (writable) deps.log.warn({ err: error, path }, trouble);
        writable = false;
      }
    },
    close: () => void (closed = true),
  };
}
