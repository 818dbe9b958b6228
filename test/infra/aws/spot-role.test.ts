import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { packedScript, scriptLine } from "../../../infra/aws/script.ts";
import { spotRoleCommand, type SpotRoleArgs } from "../../../infra/aws/spot-role.ts";
import { entry, graphOf } from "./graph.ts";

const folder = mkdtempSync(join(tmpdir(), "muster-spot-role-"));
afterAll(() => rmSync(folder, { recursive: true }));
const script = {
  path: join(folder, "spot-role.cjs"),
  sha256: createHash("sha256").update("1").digest("hex"),
};
writeFileSync(script.path, "1");

const spot = { backends: [entry({ market: "spot" })] };
const onDemand = { backends: [entry({ market: "on-demand" })] };
const madeFor = async (pools: SpotRoleArgs["pools"], home = "eu-central-1") => {
  const { made } = await graphOf(() => {
    spotRoleCommand("role", { home, script, pools }, {});
  });
  return made.map(({ inputs }) => inputs);
};

test("one entry with spot machines is enough, and there is one role for all", async () => {
  expect(await madeFor({ a: onDemand, b: spot })).toHaveLength(1);
  expect(await madeFor({ a: { backends: [...onDemand.backends, ...spot.backends] }, b: spot })).toHaveLength(
    1,
  );
});

test("a stack without spot machines asks nothing of the account", async () => {
  expect(await madeFor({ a: onDemand })).toEqual([]);
  expect(await madeFor({})).toEqual([]);
});

test("it is looked up where the stack is, and no destroy touches it", async () => {
  const [command] = await madeFor({ a: spot }, "eu-west-1");
  expect(command).toMatchObject({ create: scriptLine("eu-west-1"), stdin: await packedScript(script) });
  expect(command).not.toHaveProperty("delete");
});

test("other pools change nothing of it", async () => {
  expect(await madeFor({ a: spot })).toEqual(await madeFor({ b: onDemand, c: spot, d: spot }));
});

test("lines for people are shown, and the state keeps no output and no earlier one", async () => {
  expect(await madeFor({ a: spot })).toMatchObject([{ logging: "stderr", addPreviousOutputInEnv: false }]);
});
