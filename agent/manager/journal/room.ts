/**
 * Room on the disk that is the journal's alone, so that history, logs or a job that fills the disk cannot stop it: the
 * file is grown once and its pages are kept free inside it. A second, small file is given up when even a start needs room.
 */
import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";

const stepBytes = 1024 * 1024;
/** Rows a transaction when what filled the file is deleted again. */
const rowsPerStep = 8;

export interface Room {
  /**
   * Takes one small step (some milliseconds). `later`: the disk has too little room for now; nothing is taken from it
   * that others need more.
   * @throws when the disk refuses
   */
  step(): "more" | "done" | "later";
}

export const reserveFile = (path: string) => `${path}.reserve`;

/** @param bytes size that the journal's file shall have; @param reserveBytes that of the file beside it */
export function makeRoom(database: DatabaseSync, path: string, bytes: number, reserveBytes: number): Room {
  if (path === ":memory:") return { step: () => "done" };
  database.exec("CREATE TABLE IF NOT EXISTS room (filler BLOB NOT NULL) STRICT");
  const pragma = (name: string) => Number(Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0]);
  const size = () => pragma("page_count") * pragma("page_size");
  const insert = database.prepare("INSERT INTO room VALUES (zeroblob(?))");
  const remove = database.prepare("DELETE FROM room WHERE rowid IN (SELECT rowid FROM room LIMIT ?)");
  return {
    step: () => {
      const missing = bytes - size();
      if (missing > 0) {
        // As much again stays free for everybody else.
        if (free(path) < 2 * missing) return remove.run(rowsPerStep).changes > 0 ? "more" : "later";
        insert.run(Math.min(stepBytes, missing));
        return "more";
      }
      if (remove.run(rowsPerStep).changes > 0) return "more";
      if (sizeOf(reserveFile(path)) >= reserveBytes) return "done";
      if (free(path) < 2 * reserveBytes) return "later";
      fill(reserveFile(path), reserveBytes);
      return "done";
    },
  };
}

/** Gives up the small file; false when there was none. */
export function giveUpReserve(path: string): boolean {
  if (sizeOf(reserveFile(path)) === 0) return false;
  rmSync(reserveFile(path), { force: true });
  return true;
}

/** Takes for the journal, before anybody else does, what {@link giveUpReserve} freed: the write-ahead log grows by it. */
export function claimLog(database: DatabaseSync, bytes: number): void {
  database.exec("CREATE TABLE IF NOT EXISTS room (filler BLOB NOT NULL) STRICT");
  const { lastInsertRowid } = database.prepare("INSERT INTO room VALUES (zeroblob(?))").run(bytes);
  database.prepare("DELETE FROM room WHERE rowid = ?").run(lastInsertRowid);
}

function free(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize;
}

const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

function fill(file: string, bytes: number): void {
  const descriptor = openSync(file, "w", 0o600);
  try {
    const zeros = Buffer.alloc(Math.min(bytes, stepBytes));
    for (let written = 0; written < bytes;)
      written += writeSync(descriptor, zeros, 0, Math.min(zeros.length, bytes - written));
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}
