/** `npm run pulumi -- ... -s local`, and what surrounds the engine. */
import { chmod, mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLocalStack } from "../../tools/engine/local-stack.ts";
import { run } from "../../tools/engine/run.ts";
import { kill, makeEngineRig, token, type EngineRig } from "./rig.ts";

let rig: EngineRig;
beforeAll(async () => void (rig = await makeEngineRig()));
afterAll(() => rig.remove());

const byHand = (...args: string[]) =>
  run(process.execPath, [join(rig.project.root, "tools/pulumi.ts"), ...args], { cwd: rig.project.root });

test("preview and up pass arguments, output and exit code through", async () => {
  const preview = await byHand("preview", "-s", "local", "--expect-no-changes", "--non-interactive");
  expect(preview.code).not.toBe(0);
  expect(preview.stdout).toContain("6 to create");
  expect((await byHand("up", "-s", "local", "--yes", "--skip-preview", "--non-interactive")).code).toBe(0);
  expect((await byHand("preview", "--stack=local", "--expect-no-changes", "--non-interactive")).code).toBe(0);
});

test("up by hand starts a supervisor that was killed while preview shows no change", async () => {
  await kill((await rig.pids()).supervisor);
  const up = await byHand("up", "-s", "local", "--yes", "--skip-preview", "--non-interactive");
  expect(up.code).toBe(0);
  expect(up.stderr).toContain("the manager was gone although Pulumi saw no change");
  expect((await fetch(`http://127.0.0.1:${rig.project.port}/healthz`)).status).toBe(200);
});

test("an old Node first on PATH is named with the cure", async () => {
  const bin = join(rig.project.root, ".muster/old-node");
  await mkdir(bin, { recursive: true });
  const preload = `
    Object.defineProperty(process, "version", { value: "v20.19.5" });
    Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.19.5" } });`;
  await writeFile(join(bin, "preload.mjs"), preload);
  await writeFile(
    join(bin, "node"),
    `#!/bin/sh\nexec '${process.execPath}' --import '${bin}/preload.mjs' "$@"\n`,
  );
  await chmod(join(bin, "node"), 0o755);
  const env = { ...rig.stack.env, PATH: `${bin}:${rig.stack.env.PATH}` };
  const ran = await rig.stack.pulumi(["preview"], { env });
  expect(ran.code).not.toBe(0);
  expect(ran.stdout + ran.stderr).toContain('the first "node" on PATH is v20.19.5');
  expect(ran.stdout + ran.stderr).toContain("npm run pulumi -- preview");
  expect(ran.stdout + ran.stderr).not.toContain("unhandled exception");
});

test("destroy by hand leaves nothing", async () => {
  expect((await byHand("destroy", "--stack", "local", "--yes", "--non-interactive")).code).toBe(0);
  await expect(stat(rig.paths.directory)).rejects.toThrow("ENOENT");
});

test("a checkout whose .muster was removed opens again and says which secrets are gone", async () => {
  await rm(join(rig.project.root, ".muster"), { recursive: true });
  const said: string[] = [];
  const stack = await openLocalStack({ root: rig.project.root, log: (line) => void said.push(line) });
  expect(said.join("\n")).toContain("muster:githubToken: set again");
  const refused = await stack.pulumi(["preview"]);
  expect(refused.stdout + refused.stderr).toContain(
    "npm run pulumi -- config set --secret muster:githubToken -s local",
  );
  await stack.setSecret("githubToken", token);
  expect((await stack.preview()).changes).toEqual({ create: 6 });
});
