// Goal: a machine of AWS finds its manager, proves itself and does as it is told, and nobody else is served with what it shows. Method:
// the real manager as a process, the real user data's boot and the real agent over TLS in a mount namespace, GitHub's simulator.
// Stand-ins: metadata services that sign with a test's key, and a journal that remembers the launch, which no backend made.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readSettings } from "../../agent/manager/settings.ts";
import { protocolVersion } from "../../agent/protocol.ts";
import { control } from "../../agent/supervisor/control.ts";
import { runnerUserData } from "../../cloud-init/runner.ts";
import { ask, postJson } from "../agent/manager/web/requests.ts";
import { type Machine, machineId, makeMachine, type Running } from "../cloud-init/runner/machine.ts";
import { type AwsStack, own, pool, startAwsStack } from "./enrol/stack.ts";

let aws: AwsStack;
let machine: Machine;
let agent: Running | null = null;

beforeEach(async () => {
  aws = await startAwsStack();
  machine = makeMachine({ CURL_CA_BUNDLE: "/etc/system-ca.pem" }, aws.metadata.url);
  machine.write("etc/system-ca.pem", aws.web.ca);
});
afterEach(async () => {
  await aws.stop();
  agent?.kill();
  await agent?.ended.catch(() => {});
  agent = null;
  machine.remove();
});

const host = { arch: "x64", cores: 1, memoryMb: 1, diskFreeMb: 1, kernel: "6" };
const enroll = async (document: string, from = own, id = machineId) => {
  const body = { protocol: protocolVersion, machine: id, agent: "x", host, document };
  const answer = await postJson({ port: aws.port, ca: aws.stack.ca, from, path: "/agent/v1/enroll" }, body);
  return { status: answer.status, ...(JSON.parse(answer.text) as { error?: string; message?: string }) };
};
const reasonsLogged = () => [...aws.chain.log().matchAll(/"why":"([a-z-]+)"/g)].map(([, why]) => why);

test("a machine of AWS boots, enrols with its document, outlives a manager, and powers off when it is told to end", async () => {
  const managers = [`https://${own}:1`, ...aws.managers];
  await machine.boot(runnerUserData({ managers, ca: aws.stack.ca, pool, end: "power-off" }));
  const program = machine.read("opt/muster/agent.mjs");
  expect(machine.calls().at(-1)).toContain("muster-agent.service");
  const { config } = await readSettings(join(aws.directory, "settings.json"));
  expect(createHash("sha256").update(program).digest("hex")).toBe(config.manager.runnerBundle.sha256);

  const refused = { status: 401, error: "unknown-machine" };
  // Somebody else who got hold of the document comes first, from elsewhere.
  expect(await enroll(aws.signed({}), "127.0.0.2")).toMatchObject(refused);
  agent = machine.agent();
  await aws.chain.until("it has enrolled and synced", ({ machines }) =>
    machines.some(({ id, stage, seenMs }) => id === machineId && stage === "enrolled" && seenMs !== null),
  );
  // A job could read the document too: it is used up.
  expect(await enroll(aws.signed({}))).toMatchObject(refused);
  expect(await enroll(aws.signed({ accountId: "210987654321" }))).toMatchObject(refused);
  expect(reasonsLogged()).toEqual(["foreign-address", "replayed", "foreign-account"]);

  await aws.chain.killManager();
  await aws.chain.startManager();
  await aws.chain.until("its session goes on", ({ machines, startedMs }) =>
    machines.some(({ stage, seenMs }) => stage === "enrolled" && (seenMs ?? 0) > startedMs),
  );
  // What it is told comes through a sync that was held.
  const drain = JSON.stringify({ timeoutSeconds: 1 });
  const { status } = await control(join(aws.directory, "control.sock"), "/control/drain", drain, 30_000);
  expect(status).toBe(200);
  await agent.ended;
  expect(machine.read("run/muster/power-off")).toBe("");
  expect(machine.calls(), "nobody but the unit powers off").not.toContainEqual(
    expect.stringMatching(/^poweroff/),
  );
});

test("a boot that fails is explained by the manager, to which nothing else can be said or asked there", async () => {
  aws.downloads.removeAllListeners("request");
  aws.downloads.on("request", (_request, response) => response.end("something else"));
  const { managers } = aws;
  await machine.boot(runnerUserData({ managers, ca: aws.stack.ca, pool, end: "power-off" }));
  const state = await aws.chain.until("it says why", ({ failedBoots }) => (failedBoots ?? []).length > 0);
  expect(state.failedBoots).toMatchObject([{ machine: machineId, pool, phase: "downloads" }]);
  expect(state.machines[0]?.problem).toContain("its boot failed in the phase downloads");
  expect(state.failedBoots![0]!.lines.join("\n")).toContain("has another hash");
  for (const path of ["/healthz", "/metrics", "/api/state", "/", "/control/state"])
    expect((await ask({ port: aws.port, ca: aws.stack.ca, path })).status, path).toBe(404);
});
