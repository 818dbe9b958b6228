/**
 * Boots that failed, in a table of their own. A manager of before leaves it alone, so that the file's schema stays what it
 * was. Few rows: what is beyond them goes with each write.
 */
import type { DatabaseSync } from "node:sqlite";
import type { BootView } from "../view.ts";
import { bootsKept, isConsole } from "./boots.ts";

export interface BootTable {
  /** One transaction; the same ones again change nothing. */
  saveBoots(views: readonly BootView[]): void;
  /** Newest first. */
  boots(): BootView[];
}

export function bootTable(database: DatabaseSync): BootTable {
  database.exec(`
    CREATE TABLE IF NOT EXISTS boots (
      machine TEXT NOT NULL, pool TEXT NOT NULL, phase TEXT NOT NULL, atMs INTEGER NOT NULL, lines TEXT NOT NULL,
      PRIMARY KEY (machine, phase, atMs)
    ) WITHOUT ROWID, STRICT;`);
  const insert = database.prepare("INSERT OR REPLACE INTO boots VALUES (?, ?, ?, ?, ?)");
  const all = database.prepare("SELECT machine, pool, phase, atMs, lines FROM boots ORDER BY atMs DESC");
  const trim = database.prepare(`
    DELETE FROM boots WHERE (phase = 'console') = :console AND atMs < (
      SELECT min(atMs) FROM (SELECT atMs FROM boots WHERE (phase = 'console') = :console ORDER BY atMs DESC LIMIT :kept))`);
  return {
    saveBoots: (views) => {
      database.exec("BEGIN");
      try {
        for (const { machine, pool, phase, atMs, lines } of views)
          insert.run(machine, pool, phase, Math.round(atMs), JSON.stringify(lines));
        if (views.some(isConsole)) trim.run({ console: 1, kept: bootsKept.consoles });
        if (!views.every(isConsole)) trim.run({ console: 0, kept: bootsKept.reports });
        database.exec("COMMIT");
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    },
    boots: () =>
      all
        .all()
        .map(
          ({ lines, ...row }) =>
            ({ ...row, lines: JSON.parse(String(lines)) as string[] }) as unknown as BootView,
        ),
  };
}
