/** The stack `prod`, as its settings file is: private subnets, five pools, alarms. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { packArguments, reviewText, stateViolations } from "./review.ts";
import { wrongInLeaving } from "./leaving-order.ts";
import { githubToken, openAwsRig, said, type AwsRig } from "./rig.ts";

let rig: AwsRig;

beforeAll(async () => {
  rig = await openAwsRig({ stack: "prod", secrets: { "muster:githubToken": githubToken } });
});
afterAll(async () => {
  console.log(`prod: ${said(rig)}`);
  await rig.close();
});

test("a preview only creates; after `up` another shows nothing, also with --refresh", async () => {
  expect(Object.keys((await rig.preview()).changes)).toEqual(["create"]);
  await rig.up(packArguments(rig));
  expect((await rig.preview({ refresh: true })).steps).toEqual({});
});

test("the stack is as its snapshot shows it: read what differs as you would read code", async () => {
  await expect(await reviewText(rig)).toMatchFileSnapshot("snapshots/prod.yaml");
});

test("it keeps every policy, with each secret in sight", async () => {
  expect(await stateViolations(rig)).toEqual([]);
});

test("there is one NAT gateway, a template for each entry of a pool, and alarms", async () => {
  const made = await rig.everything();
  const of = (kind: string) => made.filter((line) => line.split(" ")[1] === kind).length;
  // Two entries of each of the five pools, and the manager's.
  expect([of("nat-gateway"), of("launch-template"), of("instance")]).toEqual([1, 11, 1]);
  expect(of("alarm")).toBeGreaterThan(0);
});

test("no secret is in clear in the state, nor in an output", async () => {
  const { stdout } = await rig.pulumi(["stack", "export"]);
  expect(stdout).toContain("BEGIN CERTIFICATE");
  expect(stdout).not.toContain("PRIVATE KEY");
  expect(stdout).not.toContain(githubToken);
  expect(JSON.stringify(await rig.outputs())).not.toContain("[secret]");
});

test("it would leave in order: drain, manager, sweep, and what these need after them", async () => {
  expect(wrongInLeaving((await rig.state()).resources)).toEqual([]);
});

test("destroy leaves nothing", async () => {
  await rig.destroy();
  expect(await rig.everything()).toEqual([]);
});
