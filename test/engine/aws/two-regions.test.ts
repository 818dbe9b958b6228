/** A stack whose machines are in two regions: each has its network and template, and they are peered. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { stateViolations } from "./review.ts";
import { wrongInLeaving } from "./leaving-order.ts";
import { githubToken, openAwsRig, said, type AwsRig } from "./rig.ts";

const [home, far] = ["eu-central-1", "eu-west-1"] as const;
let rig: AwsRig;

const types = ["c7g.xlarge"];
const pools = (...backends: object[]) => ({
  "muster:pools": { arm64: { labels: ["self-hosted", "linux", "dev"], max: 4, backends } },
});

beforeAll(async () => {
  rig = await openAwsRig({
    stack: "dev",
    regions: [home, far],
    settings: pools({ aws: { types } }, { aws: { types, region: far } }),
    secrets: { "muster:githubToken": githubToken },
  });
});
afterAll(async () => {
  console.log(`two regions: ${said(rig)}`);
  await rig.close();
});

test("each region has a network and a template, and they are peered; a second preview shows nothing", async () => {
  await rig.up();
  expect((await rig.preview({ refresh: true })).steps).toEqual({});
  const made = (await rig.everything()).map((line) => line.split(" ").slice(0, 2).join(" "));
  for (const region of [home, far])
    for (const kind of ["vpc", "launch-template", "peering"]) expect(made).toContain(`${region} ${kind}`);
  expect(made.filter((line) => line.endsWith(" instance"))).toEqual([`${home} instance`]);
});

test("it keeps every policy in both regions", async () => {
  expect(await stateViolations(rig)).toEqual([]);
});

test("it would leave in order: the peering stays until the manager is gone", async () => {
  expect(wrongInLeaving((await rig.state()).resources)).toEqual([]);
});

test("a pool's second region goes in one `up`, its network with it", async () => {
  await rig.setConfig(pools({ aws: { types } }));
  await rig.up();
  expect((await rig.everything()).filter((line) => line.startsWith(far))).toEqual([]);
});

test("destroy leaves nothing in either region", async () => {
  await rig.destroy();
  expect(await rig.everything()).toEqual([]);
});
