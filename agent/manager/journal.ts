/**
 * What must outlive the manager: launches (written before their call leaves), machines and lost jobs, in node:sqlite. A restart
 * with a whole journal goes on at once; a lost one makes every earlier machine spent. No secret is written here.
 */
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "./deps.ts";
import { openFile } from "./journal/file.ts";
import { makeRoom, type Room } from "./journal/room.ts";
import { openWitness, type Witnessed } from "./journal/witness.ts";
import type { Limits } from "./limits.ts";
import { journalQuietMs } from "./limits.ts";
import type { Loss } from "./losses.ts";
import type { Launch, Machine, Ms, World } from "./world.ts";

export interface Journal {
  readonly launches: readonly Launch[];
  readonly machines: readonly Machine[];
  readonly losses: readonly Loss[];
  readonly completeSinceMs: Ms;
  /** False: this is a new file or an old copy, so calls of an earlier manager may still be on their way. */
  readonly whole: boolean;
  /** A drain that was under way goes on after a restart. */
  readonly draining: boolean;
  /** Writes what differs between two worlds. Throws when the disk refuses; the caller then launches nothing. */
  save(before: World, after: World): void;
  /** Says that it is kept; after a failed write also whether there is room again for more than this. @throws as save */
  heartbeat(now: Ms): void;
  /** One step towards the room that is its own. @throws as save */
  reserve(): ReturnType<Room["step"]>;
  close(): void;
}

/** A journal that could not be written counts as writable again once so much fits. */
const probeBytes = 256 * 1024;

/**
 * Opens or creates the journal at `path` (`:memory:` for tests).
 * @throws when the folder cannot be written.
 */
export function openJournal(path: string, deps: Deps, limits: Limits): Journal {
  const now = deps.clock.now();
  const { database, launches, machines, losses, meta } = openFile(
    path,
    now,
    limits.journalReserveBytes,
    deps,
  );
  const witness = openWitness(path);
  const put = database.prepare(
    "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
  );
  const room = makeRoom(database, path, limits.journalBytes, limits.journalReserveBytes);
  const tables = {
    launches: table<Launch>(database, "launches"),
    machines: table<Machine>(database, "machines"),
    losses: table<Loss>(database, "losses"),
  };
  let count = Math.max(meta("count") ?? 0, witness.last?.count ?? 0);
  const whole = isWhole(meta, witness.last, now, limits);
  const completeSinceMs = whole ? (meta("completeSinceMs") ?? now) : now;
  let failed = false;
  const written = (work: () => void) => {
    try {
      transaction(database, () => {
        work();
        put.run("count", count + 1);
      });
      count += 1;
      witness.write(count, completeSinceMs);
    } catch (error) {
      failed = true;
      throw error;
    }
  };

  written(() => {
    put.run("completeSinceMs", completeSinceMs);
    put.run("heartbeatMs", now);
  });

  return {
    launches,
    machines,
    losses,
    completeSinceMs,
    whole,
    draining: meta("draining") === 1,
    save: (before, after) => {
      const drains = before.draining !== after.draining;
      const same = tableNames.every((name) => before[name] === after[name]);
      if (!drains && same) return;
      written(() => {
        if (drains) put.run("draining", after.draining ? 1 : 0);
        tables.launches.difference(before.launches, after.launches);
        tables.machines.difference(before.machines, after.machines);
        tables.losses.difference(before.losses, after.losses);
      });
    },
    heartbeat: (nowMs) => {
      if (failed) probe(database);
      written(() => put.run("heartbeatMs", nowMs));
      failed = false;
    },
    reserve: () => room.step(),
    close: () => {
      witness.close();
      database.close();
    },
  };
}

/**
 * An old copy put back in place says so by its last heartbeat, a recent one by what was counted since beside it, one from
 * before a loss by the moment since which it is complete.
 */
function isWhole(
  meta: (key: string) => number | undefined,
  last: Witnessed | null,
  now: Ms,
  limits: Limits,
): boolean {
  const [beat, count] = [meta("heartbeatMs"), meta("count")];
  if (beat === undefined || now - beat > journalQuietMs(limits)) return false;
  if (last === null) return true;
  // A manager of an earlier version did not count.
  if (count === undefined || count < last.count) return false;
  return last.completeSinceMs === null || last.completeSinceMs === meta("completeSinceMs");
}

function transaction(database: DatabaseSync, work: () => void): void {
  database.exec("BEGIN");
  try {
    work();
    database.exec("COMMIT");
  } catch (error) {
    // A full disk has rolled back by itself (sqlite.org/lang_transaction.html).
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function probe(database: DatabaseSync): void {
  database.exec("CREATE TABLE IF NOT EXISTS room (filler BLOB NOT NULL) STRICT");
  const { lastInsertRowid } = database.prepare("INSERT INTO room VALUES (zeroblob(?))").run(probeBytes);
  database.prepare("DELETE FROM room WHERE rowid = ?").run(lastInsertRowid);
}

const tableNames = ["launches", "machines", "losses"] as const;

function table<T extends { id: string }>(database: DatabaseSync, name: (typeof tableNames)[number]) {
  const upsert = database.prepare(
    `INSERT INTO ${name} VALUES (?, ?) ON CONFLICT DO UPDATE SET json = excluded.json`,
  );
  const remove = database.prepare(`DELETE FROM ${name} WHERE id = ?`);
  return {
    difference: (before: Readonly<Record<string, T>>, after: Readonly<Record<string, T>>) => {
      if (before === after) return;
      for (const [id, value] of Object.entries(after))
        if (before[id] !== value) upsert.run(id, JSON.stringify(value));
      for (const id of Object.keys(before)) if (!(id in after)) remove.run(id);
    },
  };
}
