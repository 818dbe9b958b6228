// Goal: the policy pack runs on the real engine, sees the marks of secrets, and stops a preview by the policy's name.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { violations } from "../../policies/index.ts";
import { resourcesOfPreview } from "../../policies/read.ts";
import { makeEngineRig, type EngineRig } from "./rig.ts";

/** Absolute: the engine starts it in the program's folder, not in the shell's. */
const pack = () => ["--policy-pack", join(rig.project.root, "policies/pack/muster-policies")];
/** Put together here, so that nothing in this repository looks like one. */
const planted = ["ghp", "plantedPersonalAccessToken0123456789"].join("_");

let rig: EngineRig;

beforeAll(async () => {
  rig = await makeEngineRig();
});
afterAll(() => rig?.remove());

test("this computer's stack passes the functions", async () => {
  const { code, stdout } = await rig.stack.pulumi(["preview", "--json", "--show-sames"]);
  expect(code).toBe(0);
  const resources = resourcesOfPreview(JSON.parse(stdout));
  expect(resources.map(({ type }) => type)).toContain("command:local:Command");
  expect(violations(resources)).toEqual([]);
});

test("and the pack, which sees that its token is marked", async () => {
  await rig.stack.setSecret("githubToken", planted);
  const { code, stdout, stderr } = await rig.stack.pulumi(["preview", ...pack()]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/✅ muster@v0\.1\.0/);
});

test("a token in clear stops the preview, which names policy, resource and cure", async () => {
  const file = join(rig.project.root, "infra/local/manager.ts");
  const source = await readFile(file, "utf8");
  const changed = source.replace(
    "stdin: JSON.stringify(config),",
    (found) => `environment: { PLANTED: "${planted}" }, ${found}`,
  );
  expect(changed).not.toBe(source);
  await writeFile(file, changed);
  const { code, stdout } = await rig.stack.pulumi(["preview", ...pack()]);
  expect(code).not.toBe(0);
  expect(stdout).toContain("no-secret-in-clear");
  expect(stdout).toMatch(
    /has a token of GitHub in clear at environment\.PLANTED\. Cure: pass it as a secret/,
  );
  await writeFile(file, source);
});
