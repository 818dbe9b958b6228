import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ManagerConfig } from "../../../agent/manager-config.ts";
import { readSettings, recipes } from "../../../agent/manager/settings.ts";
import { config } from "./worlds.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "muster-settings-"))));
afterEach(() => rmSync(folder, { recursive: true }));
const file = (text: string) => {
  const path = join(folder, "settings.json");
  writeFileSync(path, text);
  return path;
};

test("a settings file is read and hashed by its bytes", async () => {
  const text = JSON.stringify(config());
  const first = await readSettings(file(text));
  expect(first.config).toEqual(config());
  expect(first.hash).toMatch(/^[0-9a-f]{64}$/);
  expect((await readSettings(file(`${text}\n`))).hash).not.toBe(first.hash);
});

test("every problem of a wrong file is named at once, with its place", async () => {
  const wrong = { ...config(), version: 2, pools: { a: { ...config().pools.a, max: -1 } } };
  await expect(readSettings(file(JSON.stringify(wrong)))).rejects.toThrow(/version[^]*max|max[^]*version/);
});

test("what is not JSON is refused with its path", async () => {
  await expect(readSettings(file("{"))).rejects.toThrow(/settings\.json is not JSON/);
});

test("a pool's recipe changes with what its machines are made from, and not with its limits", () => {
  const recipe = (over: Parameters<typeof config>[0]) => recipes(config(over)).a;
  expect(recipe({ a: { max: 9, minIdle: 2, idleTimeoutSeconds: 1 } })).toBe(recipe({ a: {} }));
  expect(recipe({ a: { labels: ["other"] } })).not.toBe(recipe({ a: {} }));
  expect(recipe({ a: { reuse: true } })).not.toBe(recipe({ a: {} }));
});

test("jobs that are no longer trusted run on no machine that was launched while they were", () => {
  const recipe = (over: Partial<ManagerConfig["manager"]>) => {
    const made = config();
    return recipes({ ...made, manager: { ...made.manager, ...over } }).a;
  };
  expect(recipe({ unconfined: true })).not.toBe(recipe({ unconfined: false }));
  expect(recipe({ readable: ["/srv/tools"] })).not.toBe(recipe({}));
  expect(recipe({ hidden: ["/srv/keys"] })).not.toBe(recipe({}));
  expect(recipe({ port: 7_118, drainTimeoutSeconds: 9 })).toBe(recipe({}));
});
