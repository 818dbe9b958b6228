import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, expect, test } from "vitest";
import { drainOptions, optionsVariable, sweepOptions } from "../../../agent/leaving/options.ts";
import { drainCommand, sweepCommand, type DrainArgs, type SweepArgs } from "../../../infra/aws/leaving.ts";
import { packedScript, scriptLine } from "../../../infra/aws/script.ts";
import { contextOf, graphOf, home, peer } from "./graph.ts";

const folder = mkdtempSync(join(tmpdir(), "muster-leaving-"));
afterAll(() => rmSync(folder, { recursive: true }));
const script = { path: join(folder, "leaving.cjs"), sha256: createHash("sha256").update("1").digest("hex") };
writeFileSync(script.path, "1");

const sweepOf = async (over: Partial<SweepArgs> = {}) => {
  const { made } = await graphOf(() => {
    sweepCommand(
      "sweep",
      {
        context: contextOf(),
        script,
        github: { url: "https://github.com/acme", login: { kind: "token" }, source: "auto" },
        pools: ["gpu", "arm64"],
        secrets: { githubToken: "/muster-dev/secrets/githubToken", caKey: "/muster-dev/secrets/caKey" },
        ...over,
      },
      {},
    );
  });
  return made.find(({ name }) => name === "sweep")!.inputs;
};

const drainOf = async (over: Partial<DrainArgs> = {}) => {
  const { made } = await graphOf(() => {
    drainCommand(
      "drain",
      {
        context: contextOf(),
        script,
        pools: { gpu: [home.name], arm64: [home.name] },
        bucket: pulumi.output("muster-dev-manager-1"),
        timeoutSeconds: 600,
        ...over,
      },
      {},
    );
  });
  return made.find(({ name }) => name === "drain")!.inputs;
};

const said = ({ environment }: { environment: Record<string, string> }): unknown =>
  JSON.parse(environment[optionsVariable]!);

test("making the sweep does nothing, deleting it sweeps", async () => {
  expect(await sweepOf()).toMatchObject({
    create: "true",
    delete: scriptLine("sweep"),
    stdin: await packedScript(script),
  });
  expect(await sweepOf()).not.toHaveProperty("update");
});

test("the sweep reads what it is told, and of the secrets the name of GitHub's credential alone", async () => {
  const read = sweepOptions.parse(said(await sweepOf()));
  expect(read).toEqual({
    stack: { project: "muster", name: "dev" },
    regions: ["eu-central-1"],
    home: "eu-central-1",
    github: { url: "https://github.com/acme", login: { kind: "token" }, source: "auto" },
    pools: ["arm64", "gpu"],
    secrets: { githubToken: "/muster-dev/secrets/githubToken" },
  });
  const app = await sweepOf({ secrets: { githubAppKey: "/teams/app-key" } });
  expect(said(app)).toMatchObject({ secrets: { githubAppKey: "/teams/app-key" } });
});

test("every update settles, a delete drains", async () => {
  expect(await drainOf()).toMatchObject({
    create: scriptLine("settle"),
    update: scriptLine("settle"),
    delete: scriptLine("drain"),
    stdin: await packedScript(script),
  });
});

test("the drain knows which pools have machines in which region, also in one that has none", async () => {
  const context = contextOf({ regions: [home, peer] });
  const both = { gpu: [home.name], arm64: [peer.name, home.name] };
  expect(drainOptions.parse(said(await drainOf({ context, pools: both })))).toEqual({
    stack: { project: "muster", name: "dev" },
    regions: { "eu-central-1": ["arm64", "gpu"], "us-east-1": ["arm64"] },
    home: "eu-central-1",
    bucket: "muster-dev-manager-1",
    timeoutSeconds: 600,
  });
  const none = await drainOf({ context, pools: { gpu: [home.name] } });
  expect(said(none)).toMatchObject({ regions: { "us-east-1": [] } });
});

test("the order of pools in the settings changes nothing", async () => {
  expect(await sweepOf({ pools: ["arm64", "gpu"] })).toEqual(await sweepOf());
  const turned = { arm64: [home.name], gpu: [home.name] };
  expect(await drainOf({ pools: turned })).toEqual(await drainOf());
});

test("lines of progress are shown, and the state keeps no output and no earlier one", async () => {
  for (const inputs of [await sweepOf(), await drainOf()])
    expect(inputs).toMatchObject({ logging: "stderr", addPreviousOutputInEnv: false });
});
