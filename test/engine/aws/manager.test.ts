/** The manager's machine stands still while everything around it changes; its secrets are where they belong. */
import { X509Certificate } from "node:crypto";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Edits } from "./manager-alone/index.ts";
import { openAwsRig, type AwsPreview, type AwsRig } from "./rig.ts";

const edits: Edits = {
  type: "t4g.nano",
  zone: "eu-central-1a",
  program: "one",
  max: 20,
  disk: 100,
  tags: { team: "build" },
  alarmsTo: ["ops@acme.example"],
  boundary: null,
  proxy: null,
  caGenerations: [1],
  reference: null,
  nodeVersion: "24.0.0",
};
const token = "ghp_planted0123456789";
const key = "manager-alone:edits";
const machine = "manager-host-instance";
let rig: AwsRig;

const openRig = async () =>
  openAwsRig({
    stack: "try",
    program: "test/engine/aws/manager-alone",
    settings: { [key]: edits },
    secrets: { "manager-alone:token": token },
  });
beforeAll(async () => {
  rig = await openRig();
  await rig.up();
});
afterAll(() => rig.close());

const edited = async (change: Partial<Edits>): Promise<AwsPreview> => {
  await rig.setConfig({ [key]: { ...edits, ...change } });
  try {
    return await rig.preview();
  } finally {
    await rig.setConfig({ [key]: edits });
  }
};
const opsOf = ({ steps }: AwsPreview) =>
  Object.fromEntries(Object.entries(steps).map(([name, { op }]) => [name, op]));
const replaced = (preview: AwsPreview) =>
  Object.entries(opsOf(preview)).flatMap(([name, op]) => (op.includes("replace") ? [name] : []));

const kept = [machine, "manager-host-data", "endpoint-address", "endpoint-elastic", "manager-store-bucket"];

test("a second preview shows nothing, though a preview does not fetch Node", async () => {
  expect(Object.keys((await rig.preview()).changes)).toEqual(["same"]);
});

test.each<[string, Partial<Edits>]>([
  ["the most machines of a pool", { max: 30 }],
  ["a pool's disk", { disk: 200 }],
  ["programs", { program: "two" }],
  ["Node", { nodeVersion: "24.1.0" }],
  ["a proxy", { proxy: "http://proxy.acme.example:3128" }],
  ["a tag", { tags: { team: "platform", cost: "42" } }],
  ["who gets alarms", { alarmsTo: [] }],
  ["a permissions boundary", { boundary: "arn:aws:iam::123456789012:policy/boundary" }],
  ["a reference in a secret's place", { reference: "/acme/github" }],
])(
  "another value of %s does not replace the manager's machine, its address or its data",
  async (_, change) => {
    const preview = await edited(change);
    expect(Object.keys(preview.steps)).not.toEqual([]);
    expect(kept.filter((name) => replaced(preview).includes(name))).toEqual([]);
  },
);

test("another type keeps address and data", async () => {
  const preview = await edited({ type: "t4g.micro" });
  expect(opsOf(preview)[machine]).toMatch(/update|replace/);
  for (const name of ["endpoint-address", "manager-host-data"]) expect(replaced(preview)).not.toContain(name);
});

test("another subnet replaces the machine, its address and its data, the old going first", async () => {
  const preview = await edited({ zone: "eu-central-1b" });
  expect(replaced(preview)).toEqual(
    expect.arrayContaining([machine, "endpoint-address", "manager-host-data"]),
  );
});

test("new programs are new objects and another current.json; nothing else happens", async () => {
  expect(opsOf(await edited({ program: "two" }))).toEqual({
    "manager-store-manager.mjs": "replace",
    "manager-store-runner.mjs": "replace",
    "manager-store-updater.mjs": "replace",
    "manager-store-files": "update",
    "manager-store-current": "update",
  });
});

test("a changed limit is another current.json; nothing else happens", async () => {
  expect(opsOf(await edited({ max: 30 }))).toEqual({ "manager-store-current": "update" });
});

const store = () =>
  new S3Client({
    region: "eu-central-1",
    endpoint: rig.moto.url,
    forcePathStyle: true,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });

/** What the manager watches, and which secrets its role may read. */
const watched = async () => {
  const { bucket } = (await rig.outputs()) as { bucket: string };
  const { Body } = await store().send(new GetObjectCommand({ Bucket: bucket, Key: "manager/current.json" }));
  const text = await Body!.transformToString();
  return JSON.parse(text) as { secrets: Record<string, string>; ca: string; certificate: string };
};
const certificatesOf = (pem: string) =>
  pem.match(/-----BEGIN[^]+?-----END CERTIFICATE-----/g)!.map((one) => new X509Certificate(one));
const secretsAt = (generation: number) => ({
  caKey: `/muster-try/secrets/caKey-${generation}`,
  certificateKey: `/muster-try/secrets/certificateKey-${generation}`,
});

test("an exchange of the CA is two ups, which replace nothing of the manager; programs of before stay in its bucket", async () => {
  const { bucket, instanceId } = (await rig.outputs()) as { bucket: string; instanceId: string };
  const list = async () =>
    (await store().send(new ListObjectsV2Command({ Bucket: bucket }))).Contents!.map((one) => one.Key!);
  const before = await list();
  const [old] = certificatesOf((await watched()).ca);

  const raise = await edited({ caGenerations: [1, 2] });
  expect(kept.filter((name) => replaced(raise).includes(name))).toEqual([]);
  expect(opsOf(raise)).toMatchObject({
    "endpoint-identity-ca-2": "create",
    "endpoint-identity-ca-2-by-1": "create",
    "manager-store-caKey-2": "create",
    "pool-spot-eu-central-1": "update",
    "manager-store-current": "update",
  });
  expect(Object.keys(raise.steps)).not.toContain("endpoint-identity-ca-1");
  await rig.setConfig({ [key]: { ...edits, program: "two", caGenerations: [1, 2] } });
  await rig.up();
  const during = await watched();
  const [leaf, vouched] = certificatesOf(during.certificate);
  const [first, second] = certificatesOf(during.ca);
  expect(first!.fingerprint256).toBe(old!.fingerprint256);
  expect(leaf!.checkIssued(second!) && leaf!.verify(second!.publicKey)).toBe(true);
  expect(vouched!.checkIssued(first!) && vouched!.verify(first!.publicKey)).toBe(true);
  expect(vouched!.publicKey.equals(second!.publicKey)).toBe(true);
  expect(during.secrets).toMatchObject({
    ...secretsAt(2),
    earlierCaKey: secretsAt(1).caKey,
    earlierCertificateKey: secretsAt(1).certificateKey,
  });

  const programs = await list();
  expect(programs).toEqual(expect.arrayContaining(before));
  expect(programs).toHaveLength(before.length + 3);

  edits.caGenerations = [2];
  const retire = await edited({});
  expect(kept.filter((name) => replaced(retire).includes(name))).toEqual([]);
  expect(opsOf(retire)).toMatchObject({
    "endpoint-identity-ca-1": "delete",
    "manager-store-caKey-1": "delete",
    "pool-spot-eu-central-1": "update",
  });
  expect(Object.keys(retire.steps)).not.toContain("endpoint-identity-manager-2");
  await rig.setConfig({ [key]: edits });
  await rig.up();
  const after = await watched();
  expect(certificatesOf(after.ca).map((one) => one.fingerprint256)).toEqual([second!.fingerprint256]);
  expect(certificatesOf(after.certificate).map((one) => one.fingerprint256)).toEqual([leaf!.fingerprint256]);
  expect(Object.keys(after.secrets).sort()).toEqual(["caKey", "certificateKey", "githubToken"]);
  expect((await rig.outputs())["instanceId"]).toBe(instanceId);
  expect(Object.keys((await rig.preview()).changes)).toEqual(["same"]);
});

test("secrets are in the state only encrypted, and in no object, output, user data or policy", async () => {
  const { stdout: clear } = await rig.pulumi(["stack", "export"]);
  const { stdout: shown } = await rig.pulumi(["stack", "export", "--show-secrets"]);
  for (const secret of [token, "PRIVATE KEY"]) {
    expect(shown).toContain(secret);
    expect(clear).not.toContain(secret);
  }
  expect(JSON.stringify(await rig.outputs())).not.toMatch(/ghp_planted|PRIVATE KEY/);
  const { bucket } = (await rig.outputs()) as { bucket: string };
  const s3 = store();
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
  expect(Contents.length).toBeGreaterThan(0);
  for (const { Key } of Contents) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: Key! }));
    expect(await Body!.transformToString("latin1")).not.toMatch(/ghp_planted|PRIVATE KEY/);
  }
});

test("with a reference no secret of GitHub's is in the state at all", async () => {
  await rig.setConfig({ [key]: { ...edits, reference: "/acme/github" }, "manager-alone:token": undefined });
  await rig.up();
  const { stdout } = await rig.pulumi(["stack", "export", "--show-secrets"]);
  expect(stdout).toContain("/acme/github");
  expect(stdout).not.toContain(token);
});

test("a destroy leaves nothing, also of what the machine wrote itself", async () => {
  const { bucket } = (await rig.outputs()) as { bucket: string };
  await store().send(new PutObjectCommand({ Bucket: bucket, Key: "status/host.json", Body: "{}" }));
  await rig.destroy();
  expect(await rig.everything()).toEqual([]);
});
