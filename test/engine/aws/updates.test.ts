/**
 * New programs by `up`, from a changed source to the manager that runs it: the real engine writes bucket and parameters
 * into moto, and the real updater on the manager's machine, started by the user data that the engine gave it, takes them up.
 */
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DescribeInstanceAttributeCommand, EC2Client } from "@aws-sdk/client-ec2";
import { S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HostStatus } from "../../../agent/manager-host.ts";
import { mayMount } from "../../agent/manager/small-disk.ts";
import { statusIn } from "../../chain/manager-host/cloud.ts";
import { disk, startMachine, type Machine } from "../../chain/manager-host/machine.ts";
import { hastyLimits, nodeArchive } from "../../chain/manager-host/rig.ts";
import { startMetadata, testRole, type Metadata } from "../../clouds/metadata/metadata.ts";
import { freePort } from "../project.ts";
import { githubToken, openAwsRig, said, type AwsPreview, type AwsRig } from "./rig.ts";

const limitMs = 60_000;

describe.skipIf(!mayMount)("new programs (the machine has namespaces of its own: needs root)", () => {
  let rig: AwsRig;
  let machine: Machine;
  let metadata: Metadata;
  let port: number;
  let instance: string;
  let s3: S3Client;
  let bucket: string;
  beforeAll(async () => {
    const [page, agentsPort] = await Promise.all([freePort(), freePort()]);
    port = page;
    [rig, machine, metadata] = await Promise.all([
      openAwsRig({
        stack: "dev",
        settings: { "muster:manager": { on: "aws", type: "t4g.nano", port, agentsPort } },
        secrets: { "muster:githubToken": githubToken },
        node: nodeArchive(),
      }),
      startMachine(),
      startMetadata(404, testRole),
    ]);
    instance = String((await rig.up())["manager"]);
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    const account = { endpoint: rig.moto.url, region: "eu-central-1", credentials };
    s3 = new S3Client({ ...account, forcePathStyle: true });
    const found = (await rig.everything()).find((line) => line.startsWith("bucket muster-dev-manager"));
    bucket = found!.split(" ")[1]!;
    const ask = new DescribeInstanceAttributeCommand({ InstanceId: instance, Attribute: "userData" });
    const { UserData } = await new EC2Client(account).send(ask);
    await machine.boot(Buffer.from(UserData!.Value!, "base64").toString(), {
      AWS_ENDPOINT_URL: rig.moto.url,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
      MUSTER_VOLUME: disk,
      MUSTER_UPDATER_LIMITS: JSON.stringify({ ...hastyLimits, redMs: 6_000 }),
    });
  });
  afterAll(async () => {
    await machine?.stop();
    await metadata?.close();
    console.log(`updates: ${said(rig)}`);
    await rig?.close();
  });

  const until = async <T>(what: string, look: () => Promise<T | false | null>): Promise<T> => {
    const untilMs = performance.now() + limitMs;
    for (;;) {
      const found = await look().catch(() => null);
      if (found) return found;
      if (performance.now() > untilMs) {
        const log = machine.log("muster-updater.service.log").split("\n").slice(-20).join("\n");
        throw new Error(`${what}: not within ${limitMs / 1_000} s\n${log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const status = (what: string, holds: (status: HostStatus) => boolean) =>
    until(what, async () => {
      const found = await statusIn(s3, bucket);
      return found !== null && holds(found) && found;
    });
  const health = async () =>
    (await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()) as {
      pid: number;
      managerBundle: string;
    };

  const main = () => join(rig.root, "agent/manager/main.ts");
  /** Program -> hash, as the step says it that writes them to the parameter. */
  const hashesOf = ({ steps }: AwsPreview) =>
    JSON.parse(String(steps["runners-manager-store-files"]!.inputs["insecureValue"])) as Record<
      string,
      string
    >;
  /** A new version of the manager is one more object, its hash, and the object that the machine watches. */
  const onlyTheManager = {
    "runners-manager-store-manager.mjs": "replace",
    "runners-manager-store-files": "update",
    "runners-manager-store-current": "update",
  };
  const opsOf = ({ steps }: AwsPreview) =>
    Object.fromEntries(Object.entries(steps).map(([name, { op }]) => [name, op]));
  const machines = async () => (await rig.everything()).filter((line) => line.includes(" instance "));

  let good: string;

  test("the machine starts with what the first `up` left for it", async () => {
    const { manager, problem } = await status("it runs", ({ healthy }) => healthy);
    expect(problem).toBe(null);
    expect((await health()).managerBundle).toBe(manager);
    good = manager!;
    await until("it is kept", async () =>
      machine.log("muster-updater.service.log").includes('"event":"kept"'),
    );
  });

  test("a changed source is a new program, which takes over on the machine that stands", async () => {
    const [before, { pid }] = [await machines(), await health()];
    await appendFile(main(), '\nconsole.log("the second build");\n');
    const preview = await rig.preview();
    expect(opsOf(preview)).toEqual(onlyTheManager);
    await rig.up();
    const wanted = hashesOf(preview)["manager.mjs"]!;
    expect(wanted).not.toBe(good);
    await status("the new one runs", ({ healthy, manager }) => healthy && manager === wanted);
    expect(await health()).toMatchObject({ managerBundle: wanted });
    expect((await health()).pid).not.toBe(pid);
    await until("it is kept", async () =>
      machine.log("muster-updater.service.log").includes(`"kept","manager":"${wanted}"`),
    );
    expect(machine.log("muster-manager.service.log")).toContain("the second build");
    expect(await machines()).toEqual(before);
    good = wanted;
  });

  test("a broken one is tried, taken back and named in the status, on the machine that stands", async () => {
    const before = await machines();
    await writeFile(main(), "process.exit(3);\n");
    const preview = await rig.preview();
    expect(opsOf(preview)).toEqual(onlyTheManager);
    await rig.up();
    const broken = hashesOf(preview)["manager.mjs"]!;
    const onTrial = `"starting the manager","manager":"${broken}"`;
    await until("it is on trial", async () => machine.log("muster-updater.service.log").includes(onTrial));
    const { refused, manager } = await status("taken back", (now) => now.refused !== null && now.healthy);
    expect(refused).toEqual({ manager: broken, reason: expect.stringMatching(/red for \d+ s/) });
    expect(manager).toBe(good);
    expect((await health()).managerBundle).toBe(good);
    expect(await machines()).toEqual(before);
  });
});
