// Goal: a pull request's comment says what the real engine's preview says, costs and failures included.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readPreview } from "../../tools/preview-comment/events.ts";
import { renderComment } from "../../tools/preview-comment/render.ts";
import { githubToken, openAwsRig, said, type AwsRig } from "./aws/rig.ts";

let rig: AwsRig;

const types = ["c8g.xlarge", "c7g.xlarge", "m8g.xlarge", "m7g.xlarge"];
/** The settings file's pool, and what a pull request makes of it. */
const arm64 = (max: number) => ({
  labels: ["self-hosted", "linux", "dev"],
  max,
  backends: [{ aws: { types, disk: 100 } }],
});
const steady = {
  labels: ["self-hosted", "linux", "dev-steady"],
  max: 2,
  backends: [{ aws: { types: ["c7g.xlarge"], market: "on-demand" } }],
};

const preview = async () => {
  const file = join(rig.root, ".rig-events.json");
  const ran = await rig.pulumi(["preview", "--event-log", file], {
    env: { ...rig.env, PULUMI_DEBUG_COMMANDS: "true" },
  });
  const log = readPreview(await readFile(file, "utf8"));
  return { code: ran.code, text: renderComment([{ stack: "dev", preview: log }], "c0ffee") };
};

beforeAll(async () => {
  rig = await openAwsRig({ stack: "dev", secrets: { "muster:githubToken": githubToken } });
  await rig.up();
});
afterAll(async () => {
  if (!rig) return;
  console.log(`preview comment: ${said(rig)}`);
  await rig.close();
});

test("a higher max and a pool on demand: what changes, and what it costs by the stack's own prices", async () => {
  const { atMostPerHour } = (await rig.outputs())["costs"] as { atMostPerHour: number };
  await rig.setConfig({ "muster:pools": { arm64: arm64(8), steady } });
  const { code, text } = await preview();
  expect(code).toBe(0);
  // The budget of the settings file, which the new pools would exceed.
  const [was, difference] = [atMostPerHour, 1 - atMostPerHour].map((amount) => amount.toFixed(4));
  expect(text).toContain(`| at most, an hour | ${was} USD | 1.0000 USD | +${difference} |`);
  expect(text).not.toContain(githubToken);
  await expect(text).toMatchFileSnapshot("aws/snapshots/preview-comment.md");
});

test("settings that are wrong: the comment says where, and claims no change", async () => {
  await rig.setConfig({ "muster:pools": { arm64: arm64(-1) } });
  const { code, text } = await preview();
  expect(code).not.toBe(0);
  expect(text).toContain("**The preview failed:**");
  expect(text).toContain("muster:pools.arm64.max = -1");
  expect(text).not.toContain("Nothing would change");
});
