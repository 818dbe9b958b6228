import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { outputsPage } from "../../tools/docs/outputs.ts";
import { pages } from "../../tools/docs.ts";

const root = join(import.meta.dirname, "../..");

test("pages that are made of sources are current; `npm run docs` makes them so", async () => {
  for (const [path, text] of Object.entries(await pages()))
    expect(await readFile(join(root, path), "utf8"), path).toBe(text);
});

test("every output is explained", async () => {
  const page = outputsPage(await readFile(join(root, "infra/outputs.ts"), "utf8"));
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) expect(row).toMatch(/\| [^|]{10,} \|$/);
});
