/** The journal's database: opened whole, or set aside and begun anew. It is never the reason for a crash loop. */
import { closeSync, openSync, readSync, renameSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Deps } from "../deps.ts";
import type { Loss } from "../losses.ts";
import type { Launch, Machine, Ms } from "../world.ts";
import { claimLog, giveUpReserve } from "./room.ts";

/** Raised when older rows can no longer be read; a file of a newer version is set aside. */
const schemaVersion = 1;

export interface JournalFile {
  database: DatabaseSync;
  launches: Launch[];
  machines: Machine[];
  losses: Loss[];
  meta(key: string): number | undefined;
}

/**
 * Opens or creates the file at `path`. What cannot be read, torn by a power loss or written by a newer version, is
 * renamed to `PATH.aside-TIME` and counts as lost.
 * @param reserveBytes room that a full disk is relieved of for the start
 * @throws when the folder cannot be written
 */
export function openFile(path: string, now: Ms, reserveBytes: number, deps: Deps): JournalFile {
  try {
    return load(path);
  } catch (error) {
    const why = unreadable(error);
    if (why !== null) {
      const aside = setAside(path, now);
      deps.log.warn({ aside, why }, "the journal is set aside and treated as lost");
      return load(path);
    }
    // The disk is full: what was kept for this moment is enough to begin.
    if (!isFull(error) || !giveUpReserve(path)) throw error;
    deps.log.warn({ err: error }, "the disk is full: the journal begins in the room that was kept for that");
    const file = load(path);
    claimLog(file.database, Math.floor(reserveBytes / 2));
    return file;
  }
}

function load(path: string): JournalFile {
  // SQLite would look at it, and take away the log beside it.
  if (!isDatabase(path)) throw new Unusable("not a database");
  const database = new DatabaseSync(path);
  try {
    const { user_version: version } = database.prepare("PRAGMA user_version").get() as {
      user_version: number;
    };
    if (version > schemaVersion) throw new Unusable(`of a newer version (${version} after ${schemaVersion})`);
    database.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS launches (id TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS machines (id TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS losses (id TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
      PRAGMA user_version = ${schemaVersion};`);
    const values = new Map(
      (database.prepare("SELECT key, value FROM meta").all() as { key: string; value: number }[]).map(
        ({ key, value }) => [key, value],
      ),
    );
    return {
      database,
      launches: rows<Launch>(database, "launches", ["id", "backend", "is"]),
      machines: rows<Machine>(database, "machines", ["id", "pool", "backend", "launch", "stage"]),
      losses: rows<Loss>(database, "losses", ["id", "pool", "reason", "name"]),
      meta: (key) => values.get(key),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Also where there is no file yet, or an empty one. */
function isDatabase(path: string): boolean {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (path === ":memory:" || size === 0) return true;
  const head = Buffer.alloc(magic.length);
  const file = openSync(path, "r");
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  return head.toString("latin1") === magic;
}
const magic = "SQLite format 3\0";

/** A row that is not what it should be would be found out by a plan that fails, at every start anew. */
function rows<T>(database: DatabaseSync, table: string, texts: readonly (keyof T & string)[]): T[] {
  return (database.prepare(`SELECT json FROM ${table}`).all() as { json: string }[]).map(({ json }) => {
    const row = JSON.parse(json) as T | null;
    for (const name of texts)
      if (typeof row?.[name] !== "string") throw new Unusable(`a row of ${table} has no ${name}`);
    return row!;
  });
}

class Unusable extends Error {}

/** SQLite's result codes (sqlite.org/rescode.html), without their extensions. */
const codeOf = (error: unknown) => {
  const { errcode } = error as { errcode?: number };
  return errcode === undefined ? null : errcode & 0xff;
};
const [sqlError, ioError, corrupt, full, cantOpen, notADatabase] = [1, 10, 11, 13, 14, 26];

function unreadable(error: unknown): string | null {
  const code = codeOf(error);
  const own = error instanceof Unusable || error instanceof SyntaxError;
  const broken = code === sqlError || code === corrupt || code === notADatabase;
  return own || broken ? (error as Error).message : null;
}

/** Without room for its log and its index SQLite says so in different ways. */
const isFull = (error: unknown) => [ioError, full, cantOpen].includes(codeOf(error) ?? -1);

function setAside(path: string, now: Ms): string {
  const aside = `${path}.aside-${now}`;
  for (const part of ["", "-wal", "-shm"]) {
    try {
      renameSync(path + part, aside + part);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return aside;
}
