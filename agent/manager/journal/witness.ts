/**
 * How far the journal had come, in a file beside it. A journal that is behind it is an older copy that was put back, or
 * lost its last writes in a power failure: either way it no longer knows all that was launched and enrolled.
 */
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";

export interface Witness {
  /** Null when there is none, or none that can be read. */
  readonly count: number | null;
  /** Overwrites in place: needs no room on the disk once the file is there. @throws when the disk refuses */
  write(count: number): void;
  close(): void;
}

const digits = 16;

/** @param path the journal's; `:memory:` has no witness and needs none */
export function openWitness(path: string): Witness {
  if (path === ":memory:") return { count: null, write: () => {}, close: () => {} };
  const file = `${path}.count`;
  let open: number | null = null;
  const descriptor = () => (open ??= openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600));
  return {
    count: read(file),
    write: (count) => void writeSync(descriptor(), String(count).padStart(digits, "0"), 0),
    close: () => {
      if (open !== null) closeSync(open);
      open = null;
    },
  };
}

function read(file: string): number | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  return /^\d{16}$/.test(text) ? Number(text) : null;
}
