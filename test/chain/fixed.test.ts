// Goal: a machine that always exists serves job after job without a trace at EC2 but its start and stop, through managers that
// die, and comes back after a drain. Method: the real manager as a process, the real agent over TLS in the instance's place,
// GitHub's simulator, AWS's stand-in, and a metadata service that signs with a test's key.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DescribeInstancesCommand, EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { realDeps } from "../../agent/manager/deps.ts";
import { openJournal } from "../../agent/manager/journal.ts";
import { defaultLimits } from "../../agent/manager/limits.ts";
import { readSettings } from "../../agent/manager/settings.ts";
import type { LaunchFile } from "../../agent/protocol.ts";
import { control } from "../../agent/supervisor/control.ts";
import { type Certificates, makeCertificates } from "../certificates/certificates.ts";
import { account } from "../clouds/aws/aws.ts";
import { type Metadata, startMetadata } from "../clouds/metadata/metadata.ts";
import { documentOf, makeSigner, type Signer } from "../clouds/metadata/signer.ts";
import { freePort } from "../engine/project.ts";
import { type Chain, startChain } from "./chain.ts";
import { managerThatTrusts } from "./enrol/manager.ts";
import { job } from "./promises.ts";
import { makeEntry, withAws } from "./with-aws.ts";

const aws = withAws();
const region = "eu-central-1";
const pool = "kept";
const labels = ["self-hosted", "linux", "kept"];
const own = "127.0.0.1";

let directory: string;
let signer: Signer;
let stack: Certificates;
let port: number;
let metadata: Metadata;
let instance: string;
let chain: Chain;
const agents: ChildProcess[] = [];

const ec2 = {
  send: ((command: never) => new EC2Client({ region }).send(command)) as EC2Client["send"],
};
const instances = async () => {
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({}));
  return Reservations.flatMap(({ Instances = [] }) => Instances);
};
const makeInstance = async (): Promise<string> => {
  const tags = { "muster:stack": "muster/test", "muster:pool": pool, "muster:role": "fixed" };
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({
      ...{ ImageId: "ami-12345678", InstanceType: "c7g.2xlarge", MinCount: 1, MaxCount: 1 },
      TagSpecifications: [
        { ResourceType: "instance", Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
      ],
    }),
  );
  return Instances[0]!.InstanceId!;
};
const iso = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
const signed = (instanceId: string, ms = Date.now()) =>
  signer.sign(documentOf({ accountId: account, region, instanceId, privateIp: own, pendingTime: iso(ms) }));

/** A journal that an earlier manager has kept for an hour. */
const remember = () => {
  const deps = realDeps(pino({ level: "silent" }));
  const since = { ...deps, clock: { ...deps.clock, now: () => Date.now() - 3_600_000 } };
  const journal = openJournal(join(directory, "journal.sqlite"), since, defaultLimits);
  journal.heartbeat(Date.now());
  journal.close();
};

/** What the instance's boot does, in its place: the agent with this start's document. */
const boot = async (): Promise<ChildProcess> => {
  const { config } = await readSettings(join(directory, "settings.json"));
  const at = join(directory, `machine-${agents.length}`);
  mkdirSync(at);
  const file = (name: string, text: string) => {
    writeFileSync(join(at, name), text, { mode: 0o600 });
    return join(at, name);
  };
  const launch: LaunchFile = {
    ...{ managers: [`https://${own}:${port}`], machine: instance, token: "", pool, directory: at },
    ...{ ca: file("ca.pem", stack.ca), document: file("document", signed(instance)) },
    ...{ archives: join(directory, "archives"), end: "clean-slot" },
  };
  const program = [config.manager.runnerBundle.path, file("launch.json", JSON.stringify(launch))];
  const child = spawn(process.execPath, program, { cwd: at, stdio: "ignore" });
  agents.push(child);
  return child;
};
const run = async (name: string) => {
  const { id } = await chain.github.control.dispatchJobs([job(name, labels)]);
  await chain.github.control.wait({ what: "run-completed", run: id }, 120_000);
};
const waits = (life: (runner: string | null) => boolean = () => true) =>
  chain.until(
    "the machine waits, unregistered",
    ({ machines }) => machines.length === 1 && machines[0]!.stage === "enrolled" && life(machines[0]!.runner),
    120_000,
  );
const verb = async (path: "/control/drain" | "/control/undrain", body: object) => {
  const { status } = await control(join(directory, "control.sock"), path, JSON.stringify(body), 200_000);
  expect(status).toBe(200);
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "muster-fixed-"));
  [signer, stack, port] = await Promise.all([makeSigner(), makeCertificates("stack"), freePort()]);
  metadata = await startMetadata(signed("i-0aaaaaaaaaaaaaaaa", 0));
  instance = await makeInstance();
  const entry = await makeEntry(region, {
    name: `on-demand-${region}`,
    market: "on-demand",
    fixed: [instance],
  });
  aws().resetCalls();
  remember();
  chain = await startChain({
    directory,
    pools: { [pool]: { labels, max: 1, backends: [entry] } },
    program: await managerThatTrusts({ [region]: signer.certificate }, directory),
    manager: {
      agents: { port, addresses: [own], ca: stack.ca, certificate: stack.certificate, reach: "private" },
    },
    secrets: { certificateKey: stack.key },
    env: { ...aws().env, AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url },
  });
});
afterEach(async () => {
  await chain.stop();
  for (const agent of agents.splice(0)) {
    if (agent.exitCode !== null || agent.signalCode !== null) continue;
    const ended = once(agent, "exit");
    agent.kill("SIGTERM");
    await ended;
  }
  await metadata.close();
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

test("one machine serves three jobs and a manager that dies, EC2 sees none of it; a drain stops it, and the next job starts it", async () => {
  const before = await instances();
  const first = await boot();
  await waits();
  await run("one");
  await waits((runner) => runner === null);
  await chain.killManager();
  await chain.startManager();
  await waits();
  await run("two");
  await run("three");
  await waits((runner) => runner === null);
  const names = chain.github.control.jobs().map(({ runnerName }) => runnerName);
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(name).toMatch(new RegExp(`^${instance}-\\d+$`));
  expect(await instances()).toEqual(before);
  const changes = Object.keys(aws().calls()).filter((call) => !call.startsWith("ec2:Describe"));
  expect(changes).toEqual([]);

  const ended = once(first, "exit");
  await verb("/control/drain", { timeoutSeconds: 180 });
  expect(await ended).toEqual([0, null]);
  expect((await instances()).map(({ State }) => State?.Name)).toEqual(["stopped"]);
  await chain.until("people see that it stands still", ({ pools }) =>
    /stopped, and started/.test(pools[0]!.warnings.join()),
  );

  await verb("/control/undrain", {});
  const { id } = await chain.github.control.dispatchJobs([job("four", labels)]);
  await chain.until("it is started", ({ machines }) => machines[0]?.stage === "starting", 60_000);
  await boot();
  await chain.github.control.wait({ what: "run-completed", run: id }, 120_000);
  const calls = aws().calls();
  expect([calls["ec2:StopInstances"], calls["ec2:StartInstances"]]).toEqual([1, 1]);
  expect([calls["ec2:CreateFleet"], calls["ec2:TerminateInstances"]]).toEqual([undefined, undefined]);
  expect((await instances()).map(({ InstanceId }) => InstanceId)).toEqual([instance]);
}, 400_000);
