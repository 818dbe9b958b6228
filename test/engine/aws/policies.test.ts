// Goal: every component of AWS keeps what the policies say, before and after it is made; a planted violation is refused.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { violations } from "../../../policies/index.ts";
import { resourcesOfPreview, resourcesOfState } from "../../../policies/read.ts";
import type { Edits } from "./manager-alone/index.ts";
import { openAwsRig, type AwsRig } from "./rig.ts";

/** Put together here, so that nothing in this repository looks like one. */
const token = ["ghp", "plantedPersonalAccessToken0123456789"].join("_");
const edits: Edits = {
  type: "t4g.nano",
  zone: "eu-central-1a",
  program: "one",
  max: 20,
  disk: 100,
  tags: {},
  alarmsTo: ["ops@acme.example"],
  boundary: null,
  proxy: null,
  caGenerations: [1],
  reference: null,
  nodeVersion: "24.0.0",
};
let rig: AwsRig;
const checkout = (path: string) => join(rig.root, "../../../..", path);
const pack = () => ["--policy-pack", checkout("policies/pack/muster-policies")];
const short = (found: ReturnType<typeof violations>) =>
  found.map(({ policy, resource, problem }) => `${policy}: ${resource} ${problem}`);

beforeAll(async () => {
  rig = await openAwsRig({
    stack: "try",
    program: "test/engine/aws/manager-alone",
    settings: { "manager-alone:edits": edits },
    secrets: { "manager-alone:token": token },
  });
});
afterAll(() => rig?.close());

test.each([
  ["volumes-encrypted", "infra/aws/template.ts", 'encrypted: "true"', 'encrypted: "false"'],
  ["metadata-version-2-one-hop", "infra/aws/template.ts", "ResponseHopLimit: 1", "ResponseHopLimit: 2"],
  ["buckets-private", "infra/aws/bucket.ts", "restrictPublicBuckets: true", "restrictPublicBuckets: false"],
])("a copy in which something is wrong is refused by %s", async (policy, file, good, bad) => {
  const path = checkout(file);
  const source = await readFile(path, "utf8");
  expect(source).toContain(good);
  await writeFile(path, source.replace(good, bad));
  const { code, stdout } = await rig.pulumi(["preview", ...pack()]);
  await writeFile(path, source);
  expect(code).not.toBe(0);
  expect(stdout).toContain(policy);
  expect(stdout).toContain("Cure: ");
});

test("the stack as it is passes every policy in its preview", async () => {
  const { code, stdout } = await rig.pulumi(["preview", "--json", "--show-sames"]);
  expect(code).toBe(0);
  const resources = resourcesOfPreview(JSON.parse(stdout));
  expect(resources.map(({ type }) => type)).toContain("aws:ec2/launchTemplate:LaunchTemplate");
  expect(short(violations(resources))).toEqual([]);
});

test("and the pack, before and while it is made", async () => {
  const { code, stdout } = await rig.pulumi(["up", "--yes", "--skip-preview", ...pack()]);
  expect(stdout).toContain("✅ muster@v0.1.0");
  expect(stdout).not.toContain("Cure: ");
  expect(code).toBe(0);
});

test("and every policy in its state, with each secret in sight", async () => {
  const { stdout } = await rig.pulumi(["stack", "export", "--show-secrets"]);
  expect(stdout).toContain(token);
  expect(short(violations(resourcesOfState(JSON.parse(stdout))))).toEqual([]);
});
