import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ensureFolder } from "../../../agent/supervisor/folder.ts";
import { markerOf, ownership } from "../../../agent/supervisor/marker.ts";

const stack = { project: "muster", name: "local" };
let home: string;
let directory: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "muster-marker-"));
  directory = join(home, "state");
});
afterEach(() => rm(home, { recursive: true, force: true }));

const marker = async () => JSON.parse(await readFile(markerOf(directory), "utf8")) as unknown;

test("a new folder and an empty one are taken, private, and say whose they are", async () => {
  await ensureFolder(directory, stack);
  expect(await marker()).toEqual({ project: "muster", stack: "local" });
  await rm(directory, { recursive: true });
  await mkdir(directory);
  await chmod(directory, 0o755);
  await ensureFolder(directory, stack);
  expect(await marker()).toEqual({ project: "muster", stack: "local" });
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
});

test("a folder that holds anything else is refused, and nothing in it is touched", async () => {
  await mkdir(directory);
  await chmod(directory, 0o755);
  await writeFile(join(directory, "package.json"), "mine");
  await expect(ensureFolder(directory, stack)).rejects.toThrow("is not a folder of muster");
  expect(await readdir(directory)).toEqual(["package.json"]);
  expect(await readFile(join(directory, "package.json"), "utf8")).toBe("mine");
  expect((await stat(directory)).mode & 0o777).toBe(0o755);
});

test("a file in the place of the folder is refused", async () => {
  await writeFile(directory, "mine");
  await expect(ensureFolder(directory, stack)).rejects.toThrow("is not a folder of muster");
});

test("another stack's folder is refused", async () => {
  await ensureFolder(directory, stack);
  await expect(ensureFolder(directory, { ...stack, name: "other" })).rejects.toThrow(
    "belongs to the stack local of the project muster, not to the stack other",
  );
  await ensureFolder(directory, stack);
});

test("a folder made before its stack was known gets the name as soon as it is", async () => {
  await ensureFolder(directory);
  expect(await marker()).toEqual({ project: null, stack: null });
  await ensureFolder(directory, stack);
  expect(await marker()).toEqual({ project: "muster", stack: "local" });
});

test("an older manager's folder, known by its settings, is adopted by its stack alone", async () => {
  await mkdir(directory);
  await writeFile(join(directory, "settings.json"), JSON.stringify({ stack, manager: { port: 1 } }));
  await expect(ensureFolder(directory, { ...stack, name: "other" })).rejects.toThrow("belongs to the stack");
  await ensureFolder(directory, stack);
  expect(await ownership(directory)).toEqual({ kind: "ours", stack, marked: true });
});

test("a marker that a crash left half written does not lock the folder", async () => {
  await mkdir(directory);
  await writeFile(`${markerOf(directory)}.1.new`, '{"proj');
  await ensureFolder(directory, stack);
  expect(await marker()).toEqual({ project: "muster", stack: "local" });
});
