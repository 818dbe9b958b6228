import { pino } from "pino";
import { afterEach, beforeAll, expect, test } from "vitest";
import type { RegionCertificates } from "../../../../agent/manager/identity/aws-certificates.ts";
import { ownAccount } from "../../../../agent/manager/identity/own-account.ts";
import { type Metadata, startMetadata } from "../../../clouds/metadata/metadata.ts";
import { documentOf, makeSigner, type Signer } from "../../../clouds/metadata/signer.ts";
import { fakeClock, quietDeps } from "../web/fake-deps.ts";

const said = {
  accountId: "123456789012",
  region: "eu-central-1",
  instanceId: "i-0aaaaaaaaaaaaaaaa",
  // The manager's machine runs for years.
  pendingTime: "2020-01-01T00:00:00Z",
  privateIp: "10.64.0.10",
};
let aws: Signer;
let certificates: RegionCertificates;
let metadata: Metadata;
beforeAll(async () => {
  aws = await makeSigner();
  certificates = { "eu-central-1": aws.certificate };
});
afterEach(() => metadata.close());

const start = async (document: string | number) => {
  metadata = await startMetadata(document);
  const clock = fakeClock();
  const logged: string[] = [];
  const log = pino({ level: "warn" }, { write: (line) => void logged.push(line) });
  return { clock, logged, account: ownAccount(certificates, metadata.url, { ...quietDeps(clock), log }) };
};

test("the account is what the manager's own signed document says, and is asked for once", async () => {
  const { account } = await start(aws.sign(documentOf(said)));
  expect(account.now()).toBeNull();
  await expect.poll(() => account.now()).toBe("123456789012");
  account.now();
  expect(metadata.requests).toEqual([
    "PUT /latest/api/token",
    "GET /latest/dynamic/instance-identity/rsa2048",
  ]);
});

test("a document that AWS did not sign names no account, and is asked for again after a pause", async () => {
  const stranger = await makeSigner();
  const { account, clock, logged } = await start(stranger.sign(documentOf(said)));
  account.now();
  await expect.poll(() => logged.length).toBe(1);
  expect(logged[0]).toContain("AWS's key of eu-central-1 did not sign it");
  expect(account.now()).toBeNull();
  expect(metadata.requests).toHaveLength(2);
  metadata.document = aws.sign(documentOf(said));
  clock.advance(2_000);
  await expect.poll(() => account.now()).toBe("123456789012");
});

test("where there is no metadata service the log says why none can enrol", async () => {
  const { account, logged } = await start(404);
  account.now();
  await expect.poll(() => logged.length).toBe(1);
  expect(logged[0]).toContain("rsa2048 was answered with 404");
});
