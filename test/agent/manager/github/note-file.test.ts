import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openNoteFile } from "../../../../agent/manager/github/note-file.ts";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "muster-note-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const warned: unknown[] = [];
const open = (path: string) => {
  warned.length = 0;
  const log = { warn: (...words: unknown[]) => void warned.push(words.at(-1)) };
  return openNoteFile(path, "cannot be noted", { log } as never);
};

test("what is saved replaces what was there, for this user alone", () => {
  const path = join(folder, "new/notes.json");
  const notes = open(path);
  notes.save({ one: 1 });
  notes.save({ two: 2 });
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ two: 2 });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a place that cannot be written is told of once, and again after it could be", () => {
  const path = join(folder, "notes.json");
  const notes = open(path);
  mkdirSync(path);
  notes.save(1);
  notes.save(2);
  expect(warned).toEqual(["cannot be noted"]);
  rmSync(path, { recursive: true });
  notes.save(3);
  rmSync(path);
  mkdirSync(path);
  notes.save(4);
  expect(warned).toHaveLength(2);
});

test("nothing is written once it is closed: another has the file now", () => {
  const path = join(folder, "notes.json");
  const notes = open(path);
  notes.save(1);
  notes.close();
  notes.save(2);
  expect(readFileSync(path, "utf8")).toBe("1");
});
