/** `npm run muster -- doctor` with the real engine, before and after `up`. */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Finding } from "../../agent/cli/doctor/finding.ts";
import { run } from "../../tools/engine/run.ts";
import { makeEngineRig, token, type EngineRig } from "./rig.ts";

let rig: EngineRig;
beforeAll(async () => void (rig = await makeEngineRig()));
afterAll(() => rig.remove());

const muster = (...args: string[]) =>
  run(process.execPath, [join(rig.project.root, "agent/cli/main.ts"), ...args], { cwd: rig.project.root });
const doctor = async () => {
  const ran = await muster("doctor", "--json");
  const findings = JSON.parse(ran.stdout) as Finding[];
  return { ran, of: (id: string) => findings.filter((one) => one.id === id)[0] };
};

test("before up: engine, stack, passphrase and settings are in order, GitHub is looked for, no manager is missed", async () => {
  const { ran, of } = await doctor();
  for (const id of ["pulumi-engine", "pulumi-login", "stack", "passphrase", "settings", "folder", "port"])
    expect(of(id), id).toMatchObject({ level: "ok" });
  expect(of("passphrase")?.found).toBe("decrypts muster:githubToken");
  expect(of("github-reach")).toMatchObject({ level: "blocker" });
  expect(of("manager")).toMatchObject({
    level: "skipped",
    found: "not looked at: no manager was started yet",
  });
  expect(ran.code).toBe(1);
  expect(ran.stdout + ran.stderr).not.toContain(token);
});

test("after up: the supervisor is seen and the port is known to be the manager's own", async () => {
  await rig.stack.up();
  const { of } = await doctor();
  expect(of("supervisor")).toMatchObject({ level: "ok" });
  expect(of("port")).toMatchObject({
    level: "ok",
    found: `${rig.project.port}, held by this stack's manager`,
  });
});

test("sweep takes the credential from the stack's configuration and leaves nothing; destroy then agrees", async () => {
  expect((await muster("sweep", "--list")).stdout).toContain(`folder       ${rig.paths.directory}`);
  const swept = await muster("sweep", "--yes");
  expect(swept.code).toBe(0);
  expect(swept.stdout).toContain("nothing is left here.");
  expect((await rig.events()).at(-1)).toMatchObject({ event: "forget" });
  await expect(stat(rig.paths.directory)).rejects.toThrow("ENOENT");
  await rig.stack.destroy();
});

test("in a fresh checkout it says how to begin, and makes nothing", async () => {
  const muster = join(rig.project.root, ".muster");
  await rm(muster, { recursive: true });
  await rm(join(rig.project.root, "Pulumi.local.yaml"));
  const { ran, of } = await doctor();
  expect(ran.code).toBe(1);
  expect(ran.stderr).toBe("");
  expect(of("stack")).toMatchObject({ level: "blocker", found: "the stack local is not made yet" });
  await expect(stat(muster)).rejects.toThrow("ENOENT");
});
