import { mkdtempSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hashOf, type Made, remember, unchanged } from "../../infra/unchanged.ts";

let root: string;
let made: Made;
const inputs = ["main.ts", "helper.ts"];
const write = (name: string, text: string) => writeFileSync(join(root, name), text);
/** The clock of files, later than all that has been written so far. */
const later = () => {
  const before = statSync(join(root, "helper.ts")).ctimeMs;
  for (;;) {
    write("mark", "");
    const { ctimeMs } = statSync(join(root, "mark"));
    if (ctimeMs > before) return ctimeMs;
  }
};
const known = () => unchanged(root, root, "runner", new Map());

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "muster-unchanged-"));
  write("package-lock.json", "{}");
  write("out.mjs", "bundled");
  write("main.ts", "one");
  write("helper.ts", "two");
  made = { file: "out.mjs", sha256: hashOf(join(root, "out.mjs")), bytes: 7 };
});
afterEach(() => rmSync(root, { recursive: true }));

test("a bundle of the same sources is known again, also when they were only touched", () => {
  expect(known()).toBeNull();
  remember(root, root, "runner", made, inputs, later());
  expect(known()).toEqual(made);
  write("main.ts", "one");
  expect(known()).toEqual(made);
  expect(unchanged(root, root, "manager", new Map())).toBeNull();
});

test.each<[string, () => void]>([
  ["a source that has another content", () => write("helper.ts", "2")],
  ["a source that is gone", () => unlinkSync(join(root, "helper.ts"))],
  ["other versions of packages", () => write("package-lock.json", "{ }")],
  ["a bundle that is gone", () => unlinkSync(join(root, "out.mjs"))],
  ["a bundle that somebody wrote to", () => write("out.mjs", "forged!")],
  ["a memory that is torn", () => write("runner.inputs.json", '{"inputs":["main.ts"')],
])("%s has it built anew", (_, change) => {
  remember(root, root, "runner", made, inputs, later());
  change();
  expect(known()).toBeNull();
});

test("what changed while it was bundled is not taken for what was bundled", () => {
  const sinceMs = later();
  write("main.ts", "uno");
  remember(root, root, "runner", made, inputs, sinceMs);
  expect(known()).toBeNull();
});
