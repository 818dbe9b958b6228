// Goal: why boots failed is known after a restart, in few rows and visible characters, and nobody can push out a cloud's word.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bootBook, bootsKept, consoleLines } from "../../../../agent/manager/history/boots.ts";
import { openHistory } from "../../../../agent/manager/history/history.ts";
import type { BootView } from "../../../../agent/manager/view.ts";
import { fakeClock, quietDeps } from "../web/fake-deps.ts";
import { hostile } from "../web/hostile.ts";
import { now } from "../worlds.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "muster-boots-"));
  path = join(folder, "history.sqlite");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const view = (n: number, over: Partial<BootView> = {}): BootView => ({
  ...{
    machine: `i-${n}`,
    pool: "a",
    phase: "downloads",
    atMs: now + n,
    lines: [`line ${n}`, 'it\'s "quoted"'],
  },
  ...over,
});

test("they are there after a restart, newest first", () => {
  const deps = quietDeps(fakeClock(now));
  const first = openHistory({ path }, deps);
  first.bootFailed(view(1));
  first.bootFailed(view(2, { phase: "console" }));
  first.bootFailed(view(3));
  const known = first.boots();
  expect(known.map(({ machine }) => machine)).toEqual(["i-3", "i-2", "i-1"]);
  first.close();
  const second = openHistory({ path }, deps);
  expect(second.boots()).toEqual(known);
  second.close();
  expect(deps.lines).toEqual([]);
});

test("a flood of reports leaves the consoles, in memory and in the file", () => {
  const history = openHistory({ path }, quietDeps(fakeClock(now)));
  history.bootFailed(view(0, { phase: "console" }));
  for (let n = 1; n <= 500; n++) history.bootFailed(view(n));
  expect(history.boots()).toHaveLength(bootsKept.reports + 1);
  expect(history.boots().at(-1)).toMatchObject({ phase: "console" });
  history.close();
  const file = new DatabaseSync(path, { readOnly: true });
  const count = file.prepare("SELECT count(*) AS n, max(atMs) AS newest FROM boots").get();
  file.close();
  expect(count).toEqual({ n: bootsKept.reports + 1, newest: now + 500 });
});

test("a file of a manager that knew no such table is used as it is", () => {
  openHistory({ path }, quietDeps(fakeClock(now))).close();
  const older = new DatabaseSync(path);
  older.exec("DROP TABLE boots");
  older.close();
  const deps = quietDeps(fakeClock(now));
  const history = openHistory({ path }, deps);
  history.bootFailed(view(1));
  history.close();
  expect(openHistory({ path }, deps).boots()).toHaveLength(1);
  expect(deps.lines).toEqual([]);
});

test("without a file they live in memory", () => {
  const history = openHistory({ path: join(folder, "not", "there") }, quietDeps(fakeClock(now)));
  history.bootFailed(view(1));
  expect(history.boots()).toHaveLength(1);
  history.close();
});

test("a book takes up no more than it would keep", () => {
  const book = bootBook(Array.from({ length: 90 }, (_, n) => view(n)));
  expect(book.all()).toHaveLength(bootsKept.reports);
  expect(book.all()[0]).toEqual(view(89));
});

test("a console ends with its last lines, and its colours and returns are seen, not obeyed", () => {
  const text =
    "[    0.1] Booting\r\n\u001b[32m OK \u001b[0m Reached\rmuster: i-1 failed in phase downloads\n\n";
  expect(consoleLines(text)).toEqual([
    "[    0.1] Booting",
    "\\u{1b}[32m OK \\u{1b}[0m Reached",
    "muster: i-1 failed in phase downloads",
  ]);
});

test("whatever a console holds, at most 8 KB of visible text are kept of it", () => {
  const kept = (text: string) => consoleLines(text).join("");
  expect(kept(`${"\u0007".repeat(8_192)}\n`.repeat(50)).length).toBeLessThanOrEqual(8 * 1024);
  fc.assert(
    fc.property(fc.array(hostile), (lines) => {
      const shown = kept(lines.join("\n"));
      expect(shown.length).toBeLessThanOrEqual(8 * 1024);
      expect(shown).not.toMatch(/\p{Cc}/u);
    }),
  );
});
