/**
 * Lines of JSON on a log that may stand on a full disk and is read on terminals: what cannot be written is lost, and never
 * ends the program; what a terminal could obey or hide is written out as JSON's escapes.
 */
import { writeSync } from "node:fs";

/** Writes some bytes and says how many. @throws when the disk or the pipe takes none */
export type Write = (bytes: Uint8Array) => number;

export const toStdout: Write = (bytes) => writeSync(1, bytes);

/** A pipe whose reader is slow says "later"; that often it is asked again at once. */
const pipeTries = 100;

/** How many of the bytes could be written. Never throws. */
export function writeAll(bytes: Uint8Array, write: Write): number {
  let done = 0;
  for (let tries = 0; done < bytes.length;) {
    try {
      done += write(bytes.subarray(done));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || ++tries > pipeTries) return done;
    }
  }
  return done;
}

/** What JSON leaves as it is: C1 controls, separators, bidi marks and other invisible characters. */
const unsafe = /[\u007f-\u009f\p{Zl}\p{Zp}\p{Cf}]/gu;

/** @param line JSON; it stays the same value */
export const harmless = (line: string): string =>
  line.replace(unsafe, (character) =>
    Array.from({ length: character.length }, (_, unit) => unitEscape(character.charCodeAt(unit))).join(""),
  );
const unitEscape = (code: number) => `\\u${code.toString(16).padStart(4, "0")}`;
