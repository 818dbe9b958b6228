import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dropSecrets, writeSettings } from "../../../tools/engine/stack-file.ts";

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), "muster-stack-"))));
afterEach(() => rm(root, { recursive: true }));
const file = () => join(root, "Pulumi.local.yaml");

test("settings are added, changed and removed; the rest of the file stays", async () => {
  await writeFile(file(), "# mine\nencryptionsalt: v1:abc\nconfig:\n  muster:old: 1\n  aws:region: x\n");
  await writeSettings(root, { pools: { a: { max: 2 } }, old: undefined });
  expect(await readFile(file(), "utf8")).toBe(
    "# mine\nencryptionsalt: v1:abc\nconfig:\n  aws:region: x\n  muster:pools:\n    a:\n      max: 2\n",
  );
});

test("the file is made when it is missing", async () => {
  await writeSettings(root, { trustJobs: true });
  expect(await readFile(file(), "utf8")).toBe("config:\n  muster:trustJobs: true\n");
});

test("what a lost passphrase encrypted is taken out and named", async () => {
  await writeFile(
    file(),
    "encryptionsalt: v1:abc\nconfig:\n  muster:githubToken:\n    secure: v1:xyz\n  muster:trustJobs: true\n",
  );
  expect(await dropSecrets(root)).toEqual(["muster:githubToken"]);
  expect(await readFile(file(), "utf8")).toBe("config:\n  muster:trustJobs: true\n");
  expect(await dropSecrets(root)).toEqual([]);
});
