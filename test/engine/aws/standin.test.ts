/** The stand-ins of aws and tls, as the real engine sees them, with a small program of every type. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { openAwsRig, type AwsRig } from "./rig.ts";

const region = "eu-central-1";
let rig: AwsRig;

beforeAll(async () => {
  rig = await openAwsRig({
    stack: "try",
    regions: [region, "eu-west-1"],
    program: "test/engine/aws/every-type",
    settings: { "every-type:disk": 20 },
    secrets: { "every-type:secret": "planted-value" },
  });
});
afterAll(() => rig.close());

test("a preview shows what is made, and a second one after `up` nothing, also with --refresh", async () => {
  const first = await rig.preview();
  expect(Object.keys(first.changes)).toEqual(["create"]);
  await rig.up();
  expect(Object.keys((await rig.preview({ refresh: true })).changes)).toEqual(["same"]);
});
