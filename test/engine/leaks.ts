/** A search for secrets: in texts, files and processes, also in the forms that they take on the way. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

export interface Needle {
  kind: string;
  /** A part that occurs nowhere else. */
  text: string;
}
export interface Leak {
  kind: string;
  where: string;
}

/** As it is, percent-encoded, and within base64, whatever stands before it (three ways, their ends cut off). */
export const forms = (text: string): string[] => {
  const within = [0, 1, 2].map((before) => {
    const encoded = Buffer.from("x".repeat(before) + text).toString("base64");
    return encoded.slice(before === 0 ? 0 : 4, encoded.length - 4).replace(/=+$/, "");
  });
  return [...new Set([text, encodeURIComponent(text), ...within])];
};

const read = (path: string): string => {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // gone meanwhile, or a socket
  }
};

/** Every regular file below, and where links lead is not followed. */
export const filesBelow = (directory: string): string[] => {
  // readdir's own recursion follows links: a job's view has some that lead out of it.
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
    });
  } catch {
    return []; // gone meanwhile
  }
};

export const pids = (): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

export const commandLine = (pid: number): string => read(`/proc/${pid}/cmdline`);

const programOf = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return "";
  }
};

export class Search {
  readonly #needles: { kind: string; forms: string[] }[];
  readonly leaks: Leak[] = [];

  constructor(needles: readonly Needle[]) {
    this.#needles = needles.map(({ kind, text }) => ({ kind, forms: forms(text) }));
  }

  text(where: string, text: string): this {
    for (const { kind, forms } of this.#needles)
      if (forms.some((form) => text.includes(form))) this.leaks.push({ kind, where });
    return this;
  }
  /** @param name what the folder is called in the findings */
  files(directory: string, name: string): this {
    for (const file of filesBelow(directory)) this.text(`${name}${file.slice(directory.length)}`, read(file));
    return this;
  }
  /** Of every process of this computer that may be looked into; findings name the variable. */
  environments(): this {
    for (const pid of pids())
      for (const pair of read(`/proc/${pid}/environ`).split("\0")) {
        const name = pair.slice(0, pair.indexOf("="));
        const program = programOf(pid).split("/").at(-1) ?? "";
        this.text(`environment of ${program}: ${name}`, pair);
      }
    return this;
  }
  commandLines(seen: Iterable<string>): this {
    for (const line of seen) this.text(`arguments: ${line.split("\0")[0]}`, line);
    return this;
  }
}
