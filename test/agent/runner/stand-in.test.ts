import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildRunnerArchive } from "../../github/runner/archive.ts";
import { startGitHub, type GitHubSimulator } from "../../github/server.ts";
import { Client } from "../../github/testing/client.ts";
import { Rig } from "./agents.ts";

let folder: string;
let archive: { path: string; sha256: string };
let github: GitHubSimulator;
let rig: Rig;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "muster-stand-in-"));
  archive = await buildRunnerArchive({ directory: folder });
  github = await startGitHub({});
});
afterAll(async () => {
  await rig.close();
  await github.stop();
  rmSync(folder, { recursive: true, force: true });
});

it("runs the stand-in runner, which ends by itself once GitHub has no registration of it", async () => {
  rig = await Rig.make({ archive: { file: archive.path, sha256: archive.sha256 } });
  const client = await new Client(github).login();
  rig.start();
  await rig.manager.phase("ready");

  const minted = await client.rest("POST", `${client.base}/actions/runners/generate-jitconfig`, {
    name: "runner-1",
    runner_group_id: 1,
    labels: ["self-hosted"],
  });
  const { runner, encoded_jit_config } = (await minted.json()) as {
    runner: { id: number };
    encoded_jit_config: string;
  };
  rig.manager.order(rig.machine, {
    do: "run",
    life: 1,
    runnerName: "runner-1",
    jitConfig: encoded_jit_config,
  });
  await rig.manager.phase("listening");

  const removed = await client.rest("DELETE", `${client.base}/actions/runners/${runner.id}`);
  expect(removed.status).toBe(204);
  rig.manager.order(rig.machine, { do: "drain", graceSeconds: 10 });
  const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
  expect(over.lastLife).toEqual({ life: 1, code: 0, ranJob: false, result: null });
  expect(over.problem).toBe(null);
});
