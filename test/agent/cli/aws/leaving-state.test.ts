import { expect, test } from "vitest";
import { leavingState, readLeavingState } from "../../../../agent/cli/aws/leaving-state.ts";
import { PulumiError } from "../../../../agent/cli/pulumi.ts";
import { optionsVariable } from "../../../../agent/leaving/options.ts";
import { scriptLine } from "../../../../infra/aws/script.ts";
import { drainOptions, sweepOptions } from "../../leaving/world.ts";

const command = (verb: "drain" | "sweep", options: unknown) => ({
  type: "command:local:Command",
  inputs: { delete: scriptLine(verb), environment: { [optionsVariable]: JSON.stringify(options) } },
});
const stateOf = (...resources: unknown[]) =>
  JSON.stringify({
    version: 3,
    deployment: { manifest: {}, resources: [{ type: "pulumi:pulumi:Stack" }, ...resources] },
  });

test("the options are those that the Commands in the state would be run with", () => {
  const text = stateOf(command("drain", drainOptions), command("sweep", sweepOptions));
  expect(leavingState(text)).toEqual({ sweep: sweepOptions, drain: drainOptions });
});

test("a state whose destroy stopped behind the drain still has its sweep", () => {
  expect(leavingState(stateOf(command("sweep", sweepOptions)))).toEqual({ sweep: sweepOptions, drain: null });
});

test("a stack of this computer, an empty one and one whose sweep has run have none", () => {
  const local = { inputs: { delete: "node ../agent/cli/main.ts local sweep", environment: {} } };
  expect(leavingState(stateOf(local))).toBeNull();
  expect(leavingState(stateOf())).toBeNull();
  expect(leavingState('{"version":3,"deployment":{"manifest":{}}}')).toBeNull();
});

test("options of another version are refused with what to do", () => {
  const other = command("sweep", { ...sweepOptions, regions: "eu-central-1" });
  expect(() => leavingState(stateOf(other))).toThrow("Use the checkout that the last pulumi up ran from");
});

const failing = (message: string) => ({
  must: () =>
    Promise.reject(new PulumiError(message, { code: 255, stdout: "", stderr: "", timedOut: false })),
});

test("a stack that Pulumi does not know is none on AWS; a state that cannot be read is an error", async () => {
  expect(await readLeavingState(failing("error: no stack named 'dev' found"))).toBeNull();
  await expect(readLeavingState(failing("PULUMI_ACCESS_TOKEN must be set"))).rejects.toThrow(
    "PULUMI_ACCESS_TOKEN must be set",
  );
});
