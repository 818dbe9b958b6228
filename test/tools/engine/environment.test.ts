import { mkdir, mkdtemp, readFile, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { engineEnvironment } from "../../../tools/engine/environment.ts";
import type { Engine } from "../../../tools/engine/find.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "muster-environment-"));
  await mkdir(join(root, "node_modules/.bin"), { recursive: true });
  await symlink(process.execPath, join(root, "node_modules/.bin/node"));
});
afterEach(() => rm(root, { recursive: true }));

const engine: Engine = {
  directory: "/engine",
  hostDirectory: "/engine",
  version: "3.259.0",
  source: "cache",
  command: "stand-in",
  commandDirectory: "/stand-in",
};
const user = { PATH: "/usr/bin:/engine", PULUMI_CONFIG_PASSPHRASE: "mine", PULUMI_BACKEND_URL: "s3://mine" };

test("Node, engine and plugin come first on PATH, each once", async () => {
  const env = await engineEnvironment({ root, engine, stack: "local" }, user);
  expect(env.PATH).toBe(`${join(process.execPath, "..")}:/engine:/stand-in:/usr/bin`);
});

test("the stack local has its own backend, home and passphrase, which lies outside the state", async () => {
  const env = await engineEnvironment({ root, engine, stack: "local" }, user);
  expect(env.PULUMI_BACKEND_URL).toBe(`file://${root}/.muster/backend`);
  expect(env.PULUMI_CONFIG_PASSPHRASE).toBeUndefined();
  const file = env.PULUMI_CONFIG_PASSPHRASE_FILE!;
  expect(file.startsWith(join(root, ".muster/backend"))).toBe(false);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const text = await readFile(file, "utf8");
  await engineEnvironment({ root, engine, stack: "local" }, user);
  expect(await readFile(file, "utf8")).toBe(text);
});

test("another stack keeps the user's login and passphrase", async () => {
  const env = await engineEnvironment({ root, engine, stack: "prod" }, user);
  expect(env).toMatchObject({ PULUMI_CONFIG_PASSPHRASE: "mine", PULUMI_BACKEND_URL: "s3://mine" });
  expect(env.PULUMI_CONFIG_PASSPHRASE_FILE).toBeUndefined();
});
