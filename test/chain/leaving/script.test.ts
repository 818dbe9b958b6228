/** The script as a delete runs it: the text of the state through a shell, against moto and the GitHub simulator. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { DescribeInstancesCommand, EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { beforeAll, expect, test } from "vitest";
import { runAwsSweep } from "../../../agent/cli/aws/command.ts";
import { optionsVariable, type SweepOptions, type Verb } from "../../../agent/leaving/options.ts";
import { packedScript, scriptLine } from "../../../infra/aws/script.ts";
import { bundle } from "../../../infra/bundle.ts";
import { Client } from "../../github/testing/client.ts";
import { start } from "../../github/testing/start.ts";
import { drainOptions, sweepOptions } from "../../agent/leaving/world.ts";
import { withMoto } from "../with-moto.ts";

withMoto();
let packed: string;
beforeAll(async () => {
  packed = await packedScript(
    (await bundle(join(import.meta.dirname, "../../.."), ["leaving"], () => {})).leaving,
  );
});

const runScript = async (verb: Verb, options: unknown, env: NodeJS.ProcessEnv = {}) => {
  const child = spawn("/bin/sh", ["-c", scriptLine(verb)], {
    env: { ...process.env, [optionsVariable]: JSON.stringify(options), ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => {
    // It ended before it read the script.
  });
  child.stdin.end(packed);
  const code = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
};

const launch = (stack: string) =>
  new EC2Client({ region: "eu-central-1" }).send(
    new RunInstancesCommand({
      ImageId: "ami-12345678",
      InstanceType: "c7g.large",
      MinCount: 5,
      MaxCount: 5,
      TagSpecifications: [
        {
          ResourceType: "instance",
          Tags: [
            { Key: "muster:stack", Value: stack },
            { Key: "muster:pool", Value: "arm64" },
          ],
        },
      ],
    }),
  );
const running = async (stack: string) => {
  const { Reservations = [] } = await new EC2Client({ region: "eu-central-1" }).send(
    new DescribeInstancesCommand({ Filters: [{ Name: "tag:muster:stack", Values: [stack] }] }),
  );
  return Reservations.flatMap(({ Instances = [] }) => Instances).filter(
    ({ State }) => State?.Name === "running",
  ).length;
};
const credential = (Value: string) =>
  new SSMClient({ region: "eu-central-1" }).send(
    new PutParameterCommand({
      Name: "/muster-dev/secrets/githubToken",
      Value,
      Type: "SecureString",
      Overwrite: true,
    }),
  );

/** Two stacks with five machines and a scale set each; the options sweep the first. */
const twoStacks = async () => {
  const github = await start();
  const client = await new Client(github).login();
  await client.createSet("muster-dev-arm64", ["self-hosted", "arm64"]);
  await client.createSet("muster-prod-arm64", ["self-hosted", "other"]);
  await credential(github.token);
  await launch("muster/dev");
  await launch("muster/prod");
  const sweep: SweepOptions = {
    ...sweepOptions,
    github: { ...sweepOptions.github, url: github.repositoryUrl },
  };
  return { github, sweep, others: await running("muster/prod") };
};

test("sweep ends five machines without a manager and removes the stack's sets, not those of another stack", async () => {
  const { github, sweep, others } = await twoStacks();
  const ran = await runScript("sweep", sweep);
  expect(ran).toEqual({ code: 0, stdout: "", stderr: expect.any(String) as string });
  expect(ran.stderr).toContain("sweep: eu-central-1: 5 machines ended, nothing is left");
  expect(ran.stderr).toContain("no scale set and no runner of this stack is left");
  expect([await running("muster/dev"), await running("muster/prod")]).toEqual([0, others]);
  expect(github.control.scaleSets().map(({ name }) => name)).toEqual(["muster-prod-arm64"]);
});

test("muster sweep lists and ends the same by hand, with the manager dead or never there", async () => {
  const { github, sweep, others } = await twoStacks();
  const lines: string[] = [];
  const deps = {
    say: () => {},
    print: (line: string) => void lines.push(line),
    columns: Infinity,
    confirmed: () => Promise.reject(new Error("nobody is to be asked")),
  };
  const flags = { list: true, yes: false, force: false, json: false, secrets: null };
  const state = { sweep, drain: { ...drainOptions, bucket: "muster-dev-never-made" } };
  expect(await runAwsSweep(state, flags, deps)).toBe(0);
  expect(lines).toContain("manager  does not run: it never reported");
  expect(lines.filter((line) => /^machine {2}.* i-\w+ .* running, pool arm64 .* s$/.test(line))).toHaveLength(
    5,
  );
  expect(lines.filter((line) => line.startsWith("scale set"))).toEqual([
    expect.stringMatching(/ muster-dev-arm64 +GitHub /) as string,
  ]);
  expect(await running("muster/dev")).toBe(5);

  expect(await runAwsSweep(state, { ...flags, list: false, yes: true }, deps)).toBe(0);
  expect(lines.at(-1)).toContain("nothing is left that was launched");
  expect([await running("muster/dev"), await running("muster/prod")]).toEqual([0, others]);
  expect(github.control.scaleSets().map(({ name }) => name)).toEqual(["muster-prod-arm64"]);
});

test("with GitHub down it ends machines, names what may remain, and succeeds", async () => {
  await credential("t0ken");
  await launch("muster/dev");
  const options = { ...sweepOptions, github: { ...sweepOptions.github, url: "http://127.0.0.1:9/acme" } };
  const { code, stderr } = await runScript("sweep", options);
  expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  expect(await running("muster/dev")).toBe(0);
  expect(stderr).toContain("may remain");
  expect(stderr).toContain("muster-dev-arm64, muster-dev-gpu");
  expect(stderr).not.toContain("t0ken");
});

test("without credentials for AWS it fails and says which to give", async () => {
  const without = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", HOME: "/nonexistent" };
  const { code, stderr } = await runScript("sweep", sweepOptions, without);
  expect(code).toBe(1);
  expect(stderr).toContain("Give this shell those of the stack's account");
});

test("the state holds less than 200 KB for it", () => {
  expect(packed.length).toBeLessThan(200_000);
});
