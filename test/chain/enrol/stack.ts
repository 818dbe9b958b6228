/**
 * A stack on AWS whose manager is a process here: TLS for agents, documents that a test's key signs, GitHub's simulator behind
 * TLS for downloads, and a journal that remembers a launch, which no backend made.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { AwsBackend, PoolConfig } from "../../../agent/manager-config.ts";
import { offerKey } from "../../../agent/manager/backends/aws/scopes.ts";
import { realDeps } from "../../../agent/manager/deps.ts";
import { openJournal } from "../../../agent/manager/journal.ts";
import { defaultLimits } from "../../../agent/manager/limits.ts";
import { readSettings, recipes } from "../../../agent/manager/settings.ts";
import { newMachine } from "../../../agent/manager/world.ts";
import { world } from "../../agent/manager/worlds.ts";
import { makeCertificates } from "../../certificates/certificates.ts";
import { startMetadata } from "../../clouds/metadata/metadata.ts";
import { documentOf, makeSigner } from "../../clouds/metadata/signer.ts";
import { machineId } from "../../cloud-init/runner/machine.ts";
import { freePort } from "../../engine/project.ts";
import { startChain } from "../chain.ts";
import { managerThatTrusts } from "./manager.ts";

export const pool = "cloud";
export const labels = ["self-hosted", "linux", "cloud"];
export const region = "eu-central-1";
const accountId = "123456789012";
export const own = "127.0.0.1";
const entry: AwsBackend = {
  kind: "aws",
  name: `spot-${region}`,
  region,
  market: "spot",
  types: [{ name: "c8g.2xlarge", cores: 8, memoryMb: 16_384, gpus: 0, microsPerHour: 1, currency: "USD" }],
  template: { id: "lt-0123456789abcdef0", version: 1 },
  subnets: [{ id: "subnet-0123456789abcdef0", zone: `${region}a` }],
  besideMicrosPerHour: 0,
  fixed: [],
};

const iso = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

export type AwsStack = Awaited<ReturnType<typeof startAwsStack>>;

/** @param settings of the pool, besides labels, size and backend */
export async function startAwsStack(settings: Partial<PoolConfig> = {}) {
  const directory = mkdtempSync(join(tmpdir(), "muster-enrol-"));
  const [aws, stack, web, port] = await Promise.all([
    makeSigner(),
    makeCertificates("stack"),
    makeCertificates("web"),
    freePort(),
  ]);
  /** What AWS signs of the machine, or of another. */
  const signed = (said: object) => {
    const usual = { accountId, region, instanceId: machineId, privateIp: own, pendingTime: iso(Date.now()) };
    return aws.sign(documentOf({ ...usual, ...said }));
  };
  // As GitHub's own: over TLS, with a certificate that the system trusts.
  const downloads = createServer({ cert: web.certificate, key: web.key }, (request, response) => {
    void fetch(`${chain.github.url}${request.url}`)
      .then((found) => found.arrayBuffer())
      .then((bytes) => response.end(Buffer.from(bytes)));
  });
  downloads.listen(0, own);
  await once(downloads, "listening");
  const ofManager = await startMetadata(
    signed({ instanceId: "i-0aaaaaaaaaaaaaaaa", pendingTime: "2020-01-01T00:00:00Z" }),
  );
  const ofInstance = await startMetadata(signed({}));
  const chain = await startChain({
    directory,
    pools: { [pool]: { labels, max: 1, minIdle: 1, backends: [entry], ...settings } },
    github: { downloads: `https://${own}:${(downloads.address() as AddressInfo).port}` },
    program: await managerThatTrusts({ [region]: aws.certificate }, directory),
    manager: {
      agents: { port, addresses: [own], ca: stack.ca, certificate: stack.certificate, reach: "private" },
    },
    secrets: { certificateKey: stack.key },
    env: {
      AWS_EC2_METADATA_SERVICE_ENDPOINT: ofManager.url,
      // Nobody there: what this computer may know of AWS stays out of the test.
      ...{ AWS_ENDPOINT_URL: "http://127.0.0.1:1", AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" },
    },
  });

  /** The launch as an earlier manager left it. */
  const remember = async () => {
    await chain.killManager();
    const { config } = await readSettings(join(directory, "settings.json"));
    const journal = openJournal(
      join(directory, "journal.sqlite"),
      realDeps(pino({ level: "silent" })),
      defaultLimits,
    );
    const now = Date.now();
    const launched = newMachine({
      ...{ id: machineId, pool, backend: "aws", offer: offerKey(pool, entry.name), launch: "l1" },
      ...{ priceMicros: 1, recipe: recipes(config)[pool]!, spent: false, stage: "starting" },
      ...{ stageMs: now, askedMs: now, startedMs: now },
    });
    journal.save(world(), world({ machines: [launched] }));
    journal.close();
    await chain.startManager();
  };
  const stop = async () => {
    await chain.stop();
    downloads.closeAllConnections();
    downloads.close();
    await Promise.all([ofManager.close(), ofInstance.close()]);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await remember();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    chain,
    directory,
    downloads,
    /** Of the machine. */
    metadata: ofInstance,
    /** Where agents reach the manager. */
    port,
    managers: [`https://${own}:${port}`],
    signed,
    /** The stack's certificates. */
    stack,
    /** The CA of downloads. */
    web,
    stop,
  };
}
