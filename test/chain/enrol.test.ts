// Goal: a machine of AWS finds its manager, proves itself and does as it is told, and nobody else is served with what it shows. Method:
// the real manager as a process, the real user data's boot and the real agent over TLS in a mount namespace, GitHub's simulator.
// Stand-ins: metadata services that sign with a test's key, and a journal that remembers the launch, which no backend made.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { offerKey } from "../../agent/manager/backends/aws/scopes.ts";
import { realDeps } from "../../agent/manager/deps.ts";
import { openJournal } from "../../agent/manager/journal.ts";
import { defaultLimits } from "../../agent/manager/limits.ts";
import { readSettings, recipes } from "../../agent/manager/settings.ts";
import { newMachine } from "../../agent/manager/world.ts";
import type { AwsBackend } from "../../agent/manager-config.ts";
import { control } from "../../agent/supervisor/control.ts";
import { protocolVersion } from "../../agent/protocol.ts";
import { runnerUserData } from "../../cloud-init/runner.ts";
import { world } from "../agent/manager/worlds.ts";
import { ask, postJson } from "../agent/manager/web/requests.ts";
import { type Certificates, makeCertificates } from "../certificates/certificates.ts";
import { type Metadata, startMetadata } from "../clouds/metadata/metadata.ts";
import { documentOf, makeSigner, type Signer } from "../clouds/metadata/signer.ts";
import { type Machine, machineId, makeMachine, type Running } from "../cloud-init/runner/machine.ts";
import { freePort } from "../engine/project.ts";
import { type Chain, startChain } from "./chain.ts";
import { managerThatTrusts } from "./enrol/manager.ts";

const pool = "cloud";
const labels = ["self-hosted", "linux", "cloud"];
const region = "eu-central-1";
const accountId = "123456789012";
const own = "127.0.0.1";
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

let directory: string;
let aws: Signer;
let stack: Certificates;
let web: Certificates;
let downloads: Server;
let ofManager: Metadata;
let ofInstance: Metadata;
let chain: Chain;
let machine: Machine;
let port: number;
let agent: Running | null = null;

const iso = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
const signed = (said: object) => {
  const usual = { accountId, region, instanceId: machineId, privateIp: own, pendingTime: iso(Date.now()) };
  return aws.sign(documentOf({ ...usual, ...said }));
};

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
    ...{
      id: machineId,
      pool,
      backend: "aws",
      offer: offerKey(pool, entry.name),
      launch: "l1",
    },
    ...{
      priceMicros: 1,
      recipe: recipes(config)[pool]!,
      spent: false,
      stage: "starting",
      stageMs: now,
      askedMs: now,
      startedMs: now,
    },
  });
  journal.save(world(), world({ machines: [launched] }));
  journal.close();
  await chain.startManager();
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "muster-enrol-"));
  [aws, stack, web, port] = await Promise.all([
    makeSigner(),
    makeCertificates("stack"),
    makeCertificates("web"),
    freePort(),
  ]);
  // As GitHub's own: over TLS, with a certificate that the system trusts.
  downloads = createServer({ cert: web.certificate, key: web.key }, (request, response) => {
    void fetch(`${chain.github.url}${request.url}`)
      .then((found) => found.arrayBuffer())
      .then((bytes) => response.end(Buffer.from(bytes)));
  });
  downloads.listen(0, own);
  await once(downloads, "listening");
  ofManager = await startMetadata(
    signed({ instanceId: "i-0aaaaaaaaaaaaaaaa", pendingTime: "2020-01-01T00:00:00Z" }),
  );
  ofInstance = await startMetadata(signed({}));
  chain = await startChain({
    directory,
    pools: { [pool]: { labels, max: 1, minIdle: 1, backends: [entry] } },
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
  await remember();
  machine = makeMachine({ CURL_CA_BUNDLE: "/etc/system-ca.pem" }, ofInstance.url);
  machine.write("etc/system-ca.pem", web.ca);
});
afterEach(async () => {
  await chain.stop();
  agent?.kill();
  await agent?.ended.catch(() => {});
  agent = null;
  machine.remove();
  downloads.closeAllConnections();
  downloads.close();
  await Promise.all([ofManager.close(), ofInstance.close()]);
  rmSync(directory, { recursive: true, force: true });
});

const host = { arch: "x64", cores: 1, memoryMb: 1, diskFreeMb: 1, kernel: "6" };
const enroll = async (document: string, from = own, id = machineId) => {
  const body = { protocol: protocolVersion, machine: id, agent: "x", host, document };
  const answer = await postJson({ port, ca: stack.ca, from, path: "/agent/v1/enroll" }, body);
  return { status: answer.status, ...(JSON.parse(answer.text) as { error?: string; message?: string }) };
};
const reasonsLogged = () => [...chain.log().matchAll(/"why":"([a-z-]+)"/g)].map(([, why]) => why);

test("a machine of AWS boots, enrols with its document, outlives a manager, and powers off when it is told to end", async () => {
  const managers = [`https://${own}:1`, `https://${own}:${port}`];
  await machine.boot(runnerUserData({ managers, ca: stack.ca, pool, end: "power-off" }));
  const program = machine.read("opt/muster/agent.mjs");
  expect(machine.calls().at(-1)).toContain("muster-agent.service");
  const { config } = await readSettings(join(directory, "settings.json"));
  expect(createHash("sha256").update(program).digest("hex")).toBe(config.manager.runnerBundle.sha256);

  const refused = { status: 401, error: "unknown-machine" };
  // Somebody else who got hold of the document comes first, from elsewhere.
  expect(await enroll(signed({}), "127.0.0.2")).toMatchObject(refused);
  agent = machine.agent();
  await chain.until("it has enrolled and synced", ({ machines }) =>
    machines.some(({ id, stage, seenMs }) => id === machineId && stage === "enrolled" && seenMs !== null),
  );
  // A job could read the document too: it is used up.
  expect(await enroll(signed({}))).toMatchObject(refused);
  expect(await enroll(signed({ accountId: "210987654321" }))).toMatchObject(refused);
  expect(reasonsLogged()).toEqual(["foreign-address", "replayed", "foreign-account"]);

  await chain.killManager();
  await chain.startManager();
  await chain.until("its session goes on", ({ machines, startedMs }) =>
    machines.some(({ stage, seenMs }) => stage === "enrolled" && (seenMs ?? 0) > startedMs),
  );
  // What it is told comes through a sync that was held.
  const drain = JSON.stringify({ timeoutSeconds: 1 });
  const { status } = await control(join(directory, "control.sock"), "/control/drain", drain, 30_000);
  expect(status).toBe(200);
  await agent.ended;
  expect(machine.read("run/muster/power-off")).toBe("");
  expect(machine.calls(), "nobody but the unit powers off").not.toContainEqual(
    expect.stringMatching(/^poweroff/),
  );
});

test("a boot that fails is explained by the manager, to which nothing else can be said or asked there", async () => {
  downloads.removeAllListeners("request");
  downloads.on("request", (_request, response) => response.end("something else"));
  const managers = [`https://${own}:${port}`];
  await machine.boot(runnerUserData({ managers, ca: stack.ca, pool, end: "power-off" }));
  const state = await chain.until("it says why", ({ failedBoots }) => (failedBoots ?? []).length > 0);
  expect(state.failedBoots).toMatchObject([{ machine: machineId, pool, phase: "downloads" }]);
  expect(state.machines[0]?.problem).toContain("its boot failed in the phase downloads");
  expect(state.failedBoots![0]!.lines.join("\n")).toContain("has another hash");
  for (const path of ["/healthz", "/metrics", "/api/state", "/", "/control/state"])
    expect((await ask({ port, ca: stack.ca, path })).status, path).toBe(404);
});
