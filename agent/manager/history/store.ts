/** The history's file: jobs, and boots that failed (boot-table.ts); written in small transactions, trimmed in small steps. */
import { renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Ms } from "../world.ts";
import type { Step } from "../view.ts";
import { type BootTable, bootTable } from "./boot-table.ts";
import type { JobRecord } from "./jobs.ts";

/** Raised with every change of the table; a file of a newer one is set aside, never read and never overwritten. */
export const schemaVersion = 1;

export interface Store extends BootTable {
  /** One transaction. */
  save(records: readonly JobRecord[]): void;
  open(limit: number): JobRecord[];
  completed(limit: number): JobRecord[];
  job(id: string): JobRecord | null;
  /** Deletes at most `rows` of what is too old or beyond the size; true when there is more to delete. */
  trim(olderThanMs: Ms, bytesMax: number, rows: number): boolean;
  bytes(): number;
  close(): void;
}

const columnOf: Readonly<Record<Step, string>> = {
  queued: "queuedMs",
  assigned: "assignedMs",
  "launch asked": "launchAskedMs",
  started: "startedMs",
  enrolled: "enrolledMs",
  registered: "registeredMs",
  running: "runningMs",
  done: "doneMs",
};
const texts = [
  "id",
  "name",
  "pool",
  "repository",
  "workflowRef",
  "state",
  "result",
  "runner",
  "machine",
] as const;
const numbers = ["workflowRun", "listeningMs", "seenMs"] as const;
const stepColumns = Object.entries(columnOf) as [Step, string][];
const columns = [...texts, ...numbers, ...stepColumns.map(([, column]) => column)];

const schema = `
  CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, pool TEXT NOT NULL, repository TEXT NOT NULL, workflowRef TEXT NOT NULL,
    state TEXT NOT NULL, result TEXT, runner TEXT, machine TEXT,
    workflowRun INTEGER NOT NULL, listeningMs INTEGER, seenMs INTEGER NOT NULL,
    ${stepColumns.map(([, column]) => `${column} INTEGER`).join(", ")}
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state = 'completed', seenMs);
  CREATE INDEX IF NOT EXISTS jobs_by_age ON jobs (seenMs);
  PRAGMA user_version = ${schemaVersion};`;

/**
 * Opens or makes the file. One that cannot be read, or that a newer manager wrote, is renamed to
 * `PATH.newer-schema-N` or `PATH.unreadable` and a new one takes its place; `aside` hears the new name.
 */
export function openStore(path: string, aside: (name: string) => void): Store {
  let database: DatabaseSync;
  try {
    database = opened(path);
  } catch (error) {
    if (path === ":memory:" || !isUnreadable(error)) throw error;
    aside(setAside(path, "unreadable"));
    database = opened(path);
  }
  const version = Number(database.prepare("PRAGMA user_version").get()!["user_version"]);
  if (version > schemaVersion) {
    database.close();
    aside(setAside(path, `newer-schema-${version}`));
    database = opened(path);
  }
  database.exec(schema);
  return { ...bootTable(database), ...storeOf(database) };
}

function opened(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 50 });
  // auto_vacuum counts only before the first table; a freed page then goes back to the disk bit by bit.
  database.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
  return database;
}

const isUnreadable = (error: unknown) =>
  error instanceof Error && /not a database|malformed|corrupt/i.test(error.message);

function setAside(path: string, why: string): string {
  const name = `${path}.${why}`;
  renameSync(path, name);
  for (const suffix of ["-wal", "-shm"]) {
    try {
      renameSync(`${path}${suffix}`, `${name}${suffix}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return name;
}

function storeOf(database: DatabaseSync): Omit<Store, keyof BootTable> {
  const all = `SELECT ${columns.join(", ")} FROM jobs`;
  const newest = "ORDER BY seenMs DESC LIMIT ?";
  const insert = database.prepare(
    `INSERT OR REPLACE INTO jobs (${columns.join(", ")}) VALUES (${columns.map((column) => `:${column}`).join(", ")})`,
  );
  const byId = database.prepare(`${all} WHERE id = ?`);
  const byState = database.prepare(`${all} WHERE (state = 'completed') = ? ${newest}`);
  const aged = database.prepare(
    "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE seenMs < ? ORDER BY seenMs LIMIT ?)",
  );
  const pragma = (name: string) => Number(Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0]);
  const bytes = () => (pragma("page_count") - pragma("freelist_count")) * pragma("page_size");
  return {
    save(records) {
      database.exec("BEGIN");
      try {
        for (const record of records) insert.run(rowOf(record));
        database.exec("COMMIT");
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    },
    open: (limit) => byState.all(0, limit).map(recordOf),
    completed: (limit) => byState.all(1, limit).map(recordOf),
    job: (id) => {
      const row = byId.get(id);
      return row ? recordOf(row) : null;
    },
    trim(olderThanMs, bytesMax, rows) {
      const deleted = Number(
        aged.run(bytes() > bytesMax ? Number.MAX_SAFE_INTEGER : olderThanMs, rows).changes,
      );
      // Pages go back to the disk in small bites as well; the answer of this pragma is rows, so `all` runs it.
      database.prepare("PRAGMA incremental_vacuum(200)").all();
      return deleted === rows || (deleted > 0 && bytes() > bytesMax);
    },
    bytes,
    close: () => database.close(),
  };
}

type Row = Record<string, string | number | bigint | Uint8Array | null>;

function rowOf(record: JobRecord): Record<string, string | number | null> {
  const own = [...texts, ...numbers].map((column) => [column, record[column]] as const);
  const times = stepColumns.map(([step, column]) => [column, record.times[step]] as const);
  return Object.fromEntries([...own, ...times].map(([column, value]) => [column, whole(value)]));
}

/** STRICT tables take no 12.5 in an INTEGER. */
const whole = (value: string | number | null) => (typeof value === "number" ? Math.round(value) : value);

function recordOf(row: Row): JobRecord {
  const times = stepColumns.map(([step, column]) => [step, row[column] ?? null]);
  const own = [...texts, ...numbers].map((column) => [column, row[column] ?? null]);
  return { ...Object.fromEntries(own), times: Object.fromEntries(times) } as JobRecord;
}
