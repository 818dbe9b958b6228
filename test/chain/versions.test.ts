// Goal: an upgrade of the manager loses no machine: agents of the version before and of the one after are served. Method: the
// real manager of today with a file of another version as its machines' agent.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type Chain, type ChainOptions, startChain } from "./chain.ts";

const linux = ["self-hosted", "linux", "small"];
const bundleOf = (path: string) => ({
  path,
  sha256: createHash("sha256").update(readFileSync(path)).digest("hex"),
});
const version2 = bundleOf(join(import.meta.dirname, "../agent/fixtures/runner-protocol-2.mjs"));
const version4 = bundleOf(join(import.meta.dirname, "protocol-4.mjs"));

let chain: Chain | null = null;
afterEach(async () => {
  await chain?.stop();
  chain = null;
});
const start = async (options: ChainOptions) => (chain = await startChain(options));
const job = (name: string, durationSeconds = 0) => ({ name, labels: linux, durationSeconds });

test("the fixture is the file that its note describes", () => {
  const note = readFileSync(join(import.meta.dirname, "../agent/fixtures/README.md"), "utf8");
  expect(note).toContain(version2.sha256);
});

test("an agent of protocol 2 enrols, runs its job, also across a manager's death, and ends; nothing is left", async () => {
  const at = await start({ pools: { small: { labels: linux } }, agent: version2 });
  const run = await at.github.control.dispatchJobs([job("old", 4)]);
  await at.github.control.wait({ what: "jobs", phase: "running", count: 1 }, 30_000);
  expect((await at.state()).machines).toMatchObject([{ stage: "busy" }]);
  await at.killManager();
  await at.startManager();
  await at.github.control.wait({ what: "run-completed", run: run.id }, 30_000);
  expect(at.github.control.jobs()).toMatchObject([{ conclusion: "succeeded" }]);
  await at.until("no machine is left", ({ machines }) => machines.length === 0, 40_000);
  await at.github.control.wait({ what: "runners", count: 0, exactly: true });
});

test("an agent of protocol 4, whose messages hold what nobody knows yet, is served and told to end", async () => {
  const at = await start({ pools: { small: { labels: linux, minIdle: 1 } }, agent: version4 });
  const { machines } = await at.until("its machine has reported", (state) =>
    state.machines.some(({ seenMs }) => seenMs !== null),
  );
  const answers = () =>
    JSON.parse(readFileSync(join(at.directory, "machines", machines[0]!.id, "answers.json"), "utf8")) as {
      status: number;
      body: Record<string, unknown>;
    }[];
  // What it words in its own way counts as not said; the rest is believed.
  expect(machines[0]).toMatchObject({ stage: "enrolled", gpus: null, usage: { cpuPercent: 1 } });
  expect(answers()[0]).toMatchObject({ status: 200, body: { protocol: 3, pool: "small" } });
  await at.changePools({ other: { labels: linux } });
  await at.until("it is gone", (state) => state.machines.length === 0, 30_000);
});
