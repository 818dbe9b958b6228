/**
 * What must outlive the manager: launches (written before their call leaves) and machines, in node:sqlite. A restart
 * with a whole journal goes on at once; a lost one makes every earlier machine spent. No secret is written here.
 */
import { renameSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Deps } from "./deps.ts";
import type { Limits } from "./limits.ts";
import { journalQuietMs } from "./limits.ts";
import type { Launch, Machine, Ms, World } from "./world.ts";

/** Raised when older rows can no longer be read; a file of a newer version is set aside, never a crash loop. */
const schemaVersion = 1;

export interface Journal {
  readonly launches: readonly Launch[];
  readonly machines: readonly Machine[];
  readonly completeSinceMs: Ms;
  /** False: this is a new file, so calls of an earlier manager may still be on their way. */
  readonly whole: boolean;
  /** A drain that was under way goes on after a restart. */
  readonly draining: boolean;
  /** Writes what differs between two worlds. Throws when the disk refuses; the caller then launches nothing. */
  save(before: World, after: World): void;
  heartbeat(now: Ms): void;
  close(): void;
}

/**
 * Opens or creates the journal at `path` (`:memory:` for tests).
 * @throws when the folder cannot be written.
 */
export function openJournal(path: string, deps: Deps, limits: Limits): Journal {
  const now = deps.clock.now();
  const database = usable(path, now, deps);
  database.exec(`
    PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS launches (id TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS machines (id TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
    PRAGMA user_version = ${schemaVersion};`);
  const meta = (key: string) =>
    (database.prepare("SELECT value FROM meta WHERE key = ?").get(key) as { value: number } | undefined)
      ?.value;
  const put = database.prepare(
    "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
  );
  const beat = meta("heartbeatMs");
  // An old copy put back in place says so by its last heartbeat.
  const whole = beat !== undefined && now - beat <= journalQuietMs(limits);
  const completeSinceMs = whole ? (meta("completeSinceMs") ?? now) : now;
  put.run("completeSinceMs", completeSinceMs);
  put.run("heartbeatMs", now);

  const tables = {
    launches: table<Launch>(database, "launches"),
    machines: table<Machine>(database, "machines"),
  };
  return {
    launches: tables.launches.all(),
    machines: tables.machines.all(),
    completeSinceMs,
    whole,
    draining: meta("draining") === 1,
    save: (before, after) => {
      if (before.draining !== after.draining) put.run("draining", after.draining ? 1 : 0);
      if (before.machines === after.machines && before.launches === after.launches) return;
      database.exec("BEGIN");
      try {
        tables.launches.difference(before.launches, after.launches);
        tables.machines.difference(before.machines, after.machines);
        database.exec("COMMIT");
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    },
    heartbeat: (nowMs) => void put.run("heartbeatMs", nowMs),
    close: () => database.close(),
  };
}

/** What cannot be read, torn by a power loss or written by a newer version, is set aside and counts as lost. */
function usable(path: string, now: Ms, deps: Deps): DatabaseSync {
  const first = new DatabaseSync(path);
  let why = "of a newer version";
  try {
    if (version(first) <= schemaVersion) {
      first.prepare("SELECT count(*) FROM sqlite_schema").get();
      return first;
    }
  } catch (error) {
    why = `not readable (${(error as Error).message})`;
  }
  first.close();
  const aside = `${path}.aside-${now}`;
  renameSync(path, aside);
  for (const part of ["-wal", "-shm"]) rmSync(path + part, { force: true });
  deps.log.warn({ aside, why }, "the journal is set aside and treated as lost");
  return new DatabaseSync(path);
}

const version = (database: DatabaseSync) =>
  (database.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;

function table<T extends { id: string }>(database: DatabaseSync, name: "launches" | "machines") {
  const upsert = database.prepare(
    `INSERT INTO ${name} VALUES (?, ?) ON CONFLICT DO UPDATE SET json = excluded.json`,
  );
  const remove = database.prepare(`DELETE FROM ${name} WHERE id = ?`);
  return {
    all: () =>
      (database.prepare(`SELECT json FROM ${name}`).all() as { json: string }[]).map(
        ({ json }) => JSON.parse(json) as T,
      ),
    difference: (before: Readonly<Record<string, T>>, after: Readonly<Record<string, T>>) => {
      if (before === after) return;
      for (const [id, value] of Object.entries(after))
        if (before[id] !== value) upsert.run(id, JSON.stringify(value));
      for (const id of Object.keys(before)) if (!(id in after)) remove.run(id);
    },
  };
}
