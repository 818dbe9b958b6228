import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { packedScript, scriptLine } from "../../../infra/aws/script.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-script-"));
});
afterEach(() => rm(folder, { recursive: true }));

const bundled = async (source: string | Uint8Array) => {
  const path = join(folder, "leaving.cjs");
  await writeFile(path, source);
  return { path, sha256: createHash("sha256").update(source).digest("hex") };
};

const runLine = (packed: string, env: NodeJS.ProcessEnv = process.env) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const child = execFile("/bin/sh", ["-c", scriptLine("sweep")], { env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
    child.stdin!.on("error", () => {
      // It ended before it read the script.
    });
    child.stdin!.end(packed);
  });

test("what is packed is run as it was written, with the verb as its last argument", async () => {
  for (const more of [0, 1, 2, 3, 500]) {
    const bytes = randomBytes(more).toString("base64");
    const source = `console.log(process.argv.at(-1), ${JSON.stringify(`${bytes} Größe \u2028 '"$`)}, typeof require);`;
    const ran = await runLine(await packedScript(await bundled(source)));
    expect(ran).toEqual({ code: 0, stdout: `sweep ${bytes} Größe \u2028 '"$ function\n`, stderr: "" });
  }
});

test("the state holds it as it is: nothing of it is escaped in JSON or by Pulumi", async () => {
  const packed = await packedScript(await bundled(randomBytes(20_000)));
  expect(packed).not.toMatch(/[^\x21-\x7e]|["'`\\&<>]/);
  // The last four bytes may be filled up.
  expect(packed.length).toBeLessThan(20_020 * 1.25);
});

test("two that ask at once wait for the same packing", async () => {
  const script = await bundled("one");
  const [first, second] = [packedScript(script), packedScript({ ...script })];
  expect(first).toBe(second);
  await first;
});

test("what was packed for this version is kept beside the bundle, for another version it is packed anew", async () => {
  const script = await bundled("two");
  const packed = await packedScript(script);
  const beside = join(folder, "leaving.cjs.packed");
  expect(await readFile(beside, "utf8")).toBe(`${script.sha256} ${packed}`);
  const { mtimeNs } = await stat(beside, { bigint: true });
  // Under another name of the same place this process does not remember it.
  const same = { ...script, path: `${folder}/./leaving.cjs` };
  expect(await packedScript(same)).toBe(packed);
  expect((await stat(beside, { bigint: true })).mtimeNs).toBe(mtimeNs);
  const newer = await bundled("three");
  expect(await packedScript(newer)).not.toBe(packed);
  expect(await readFile(beside, "utf8")).toContain(newer.sha256);
});

test("a bundle that is not what was built is not packed", async () => {
  const script = await bundled("four");
  await writeFile(script.path, "planted");
  await expect(packedScript(script)).rejects.toThrow("is not what was built: delete the folder it is in");
});

test("a missing Node and one that is too old are named", async () => {
  const packed = await packedScript(await bundled("console.log('ran')"));
  await symlink("/bin/sh", join(folder, "sh"));
  const none = await runLine(packed, { PATH: folder });
  expect([none.code, none.stdout, none.stderr]).toEqual([
    1,
    "",
    "muster: no node on PATH: this needs Node.js 20 or later\n",
  ]);
  const old = `#!/bin/sh\nshift; exec "${process.execPath}" -e 'Object.defineProperty(process.versions,"node",{value:"18.20.0"});'"$1"\n`;
  await writeFile(join(folder, "node"), old, { mode: 0o755 });
  const ran = await runLine(packed, { PATH: folder });
  expect([ran.code, ran.stdout, ran.stderr]).toEqual([
    1,
    "",
    expect.stringContaining("this needs Node.js 20 or later, and the first node on PATH is") as string,
  ]);
});

test("the line leaves room in an argument", () => {
  expect(scriptLine("settle").length).toBeLessThan(1_000);
});
