/**
 * What this stack made at GitHub, in a file beside the journal: the ids of its scale sets, the labels that were sent (the
 * answer may lack some) and of open sessions, so that a manager that crashed can end its own session at its return
 * instead of waiting until GitHub does; and what was there before others of its labels. No secret is in it; losing it
 * loses that.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { Deps } from "../deps.ts";
import { parsed } from "./http.ts";
import { openNoteFile } from "./note-file.ts";

const entry = z.object({
  id: z.int(),
  name: z.string(),
  pool: z.string(),
  group: z.string(),
  labels: z.array(z.string()),
  session: z.string().nullable(),
  /** It was there, with nothing against it, before others of its labels: those give way. */
  settled: z.boolean().default(false),
});
export type OwnedSet = z.infer<typeof entry>;
/** A pool without a set of its own that nothing was against: what `settled` says of a set. */
const first = entry.pick({ pool: true, group: true, labels: true });
export type FirstPool = z.infer<typeof first>;
const file = z.object({ url: z.string(), sets: z.array(entry), firsts: z.array(first).default([]) });

export interface Owned {
  sets(): readonly OwnedSet[];
  keep(set: OwnedSet): void;
  session(id: number, sessionId: string | null): void;
  settle(id: number): void;
  firsts(): readonly FirstPool[];
  /** One a pool: with other labels or in another group it has to be first anew. */
  keepFirst(pool: FirstPool): void;
  dropFirst(pool: string): void;
  drop(id: number): void;
  /** Writes no more: another place's notes have taken the file. */
  close(): void;
}

/** @param url where the sets are; what the file says of another place does not count. */
export function openOwned(directory: string, url: string, deps: Deps): Owned {
  const path = join(directory, "github.json");
  const before = readOwned(path, url);
  const known = new Map(before.sets.map((set) => [set.id, set]));
  const firsts = new Map(before.firsts.map((one) => [one.pool, one]));
  const notes = openNoteFile(path, "what this stack made at GitHub cannot be noted down", deps);
  const save = () => notes.save({ url, sets: [...known.values()], firsts: [...firsts.values()] });
  return {
    sets: () => [...known.values()],
    keep: (set) => {
      known.set(set.id, set);
      save();
    },
    session: (id, sessionId) => {
      const set = known.get(id);
      if (!set || set.session === sessionId) return;
      known.set(id, { ...set, session: sessionId });
      save();
    },
    settle: (id) => {
      const set = known.get(id);
      if (!set || set.settled) return;
      known.set(id, { ...set, settled: true });
      save();
    },
    firsts: () => [...firsts.values()],
    keepFirst: (one) => {
      if (JSON.stringify(firsts.get(one.pool)) === JSON.stringify(one)) return;
      firsts.set(one.pool, one);
      save();
    },
    dropFirst: (pool) => {
      if (firsts.delete(pool)) save();
    },
    close: notes.close,
    drop: (id) => {
      if (known.delete(id)) save();
    },
  };
}

function readOwned(path: string, url: string): Pick<z.infer<typeof file>, "sets" | "firsts"> {
  const nothing = { sets: [], firsts: [] };
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return nothing;
  }
  const read = file.safeParse(parsed(text));
  return read.success && read.data.url === url ? read.data : nothing;
}
