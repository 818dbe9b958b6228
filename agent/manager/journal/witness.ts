/**
 * How far the journal had come and since when it is complete, in a file beside it. A journal that is behind it is an
 * older copy that was put back, or lost its last writes in a power failure; one that is complete since another moment was
 * copied before a loss. Neither knows all that was launched and enrolled.
 */
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";

export interface Witnessed {
  /** Of the journal's writes. */
  count: number;
  /** Null: an earlier version did not write it. */
  completeSinceMs: number | null;
}

export interface Witness {
  /** Null when there is none, or none that can be read. */
  readonly last: Witnessed | null;
  /** Overwrites in place: needs no room on the disk once the file is there. @throws when the disk refuses */
  write(count: number, completeSinceMs: number): void;
  close(): void;
}

const digits = 16;

/** @param path the journal's; `:memory:` has no witness and needs none */
export function openWitness(path: string): Witness {
  if (path === ":memory:") return { last: null, write: () => {}, close: () => {} };
  const file = `${path}.count`;
  let open: number | null = null;
  const descriptor = () => (open ??= openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600));
  return {
    last: read(file),
    write: (...numbers) => {
      const text = numbers.map((number) => String(number).padStart(digits, "0")).join(" ");
      writeSync(descriptor(), text, 0);
    },
    close: () => {
      if (open !== null) closeSync(open);
      open = null;
    },
  };
}

function read(file: string): Witnessed | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const [, count, since] = /^(\d{16})(?: (\d{16}))?$/.exec(text) ?? [];
  if (count === undefined) return null;
  return { count: Number(count), completeSinceMs: since === undefined ? null : Number(since) };
}
