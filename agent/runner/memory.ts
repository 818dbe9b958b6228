/** What an agent that was started again goes on with. Its file is in memory: it holds the session. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { EnrollResponse } from "../protocol.ts";
import type { Status } from "./status.ts";

export interface Kept {
  /** Agents of this machine so far, this one included. */
  starts: number;
  enrolled?: EnrollResponse;
  status?: Status;
}

export interface Memory {
  kept(): Kept;
  keep(more: Partial<Kept>): void;
}

/** Whole or not at all, for its owner alone. */
export function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** @param file undefined: an agent that was started again begins anew */
export function makeMemory(file: string | undefined): Memory {
  let kept: Kept = { starts: 0 };
  const keep = (more: Partial<Kept>) => {
    kept = { ...kept, ...more };
    try {
      if (file !== undefined) writeWhole(file, JSON.stringify(kept));
    } catch {
      // No room: this agent goes on, and only another one would miss it.
    }
  };
  try {
    if (file !== undefined) kept = JSON.parse(readFileSync(file, "utf8")) as Kept;
  } catch {
    // It is the first.
  }
  keep({ starts: kept.starts + 1 });
  return { kept: () => kept, keep };
}
