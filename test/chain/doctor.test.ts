import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { examine } from "../../agent/cli/doctor/doctor.ts";
import { claim } from "../../agent/supervisor/marker.ts";
import { folder } from "../../agent/supervisor/folder.ts";
import { identify } from "../../agent/supervisor/process.ts";
import { factsOf } from "../agent/cli/doctor/rig.ts";
import { muster } from "../agent/cli/verbs/rig.ts";
import { type Chain, startChain } from "./chain.ts";

let chain: Chain;
beforeAll(async () => {
  chain = await startChain({ pools: { local: { labels: ["self-hosted", "linux"], max: 1 } } });
  // The chain has no supervisor of its own: the test stands for it.
  const { directory } = chain;
  await claim(directory, null);
  const record = { supervisor: identify(process.pid), manager: identify(chain.pid()), crashes: 0 };
  await writeFile(folder(directory).record, JSON.stringify(record));
});
afterAll(() => chain.stop());

const doctor = async () => {
  const { port } = new URL(chain.address);
  const pulumi = {
    values: {
      github: { url: chain.github.repositoryUrl },
      pools: { local: { labels: ["self-hosted", "linux"], max: 1 } },
      manager: { port: Number(port) },
    },
    secrets: { githubToken: chain.github.token },
  };
  return examine(factsOf({ stack: "dev", directory: chain.directory, pulumi }));
};

test("a stack that runs is in order in every line, and its own scale set is no rival", async () => {
  await chain.until("GitHub is heard", ({ pools }) => pools.every(({ github }) => github.is === "fresh"));
  const findings = await doctor();
  const machine = ["disk", "capacity", "isolation"];
  const wrong = findings.filter(({ level, id }) => level !== "ok" && !machine.includes(id));
  expect(wrong).toEqual([]);
  expect(findings.find(({ id }) => id === "version")?.found).toContain("the one of this checkout");
  expect(findings.find(({ id }) => id === "manager")?.found).toMatch(/^well, runs for/);
});

test("the verbs show a job's whole way, drain, and take it back", async () => {
  const at = ["--directory", chain.directory];
  const run = await chain.github.control.dispatchJobs([
    { name: "hello there", labels: ["self-hosted", "linux"], durationSeconds: 0 },
  ]);
  await chain.github.control.wait({ what: "run-completed", run: run.id }, 30_000);
  await chain.until("the job's end is known", ({ jobs }) => jobs.some(({ state }) => state === "completed"));
  expect((await muster(["jobs", ...at])).stdout).toMatch(/hello there +local +succeeded +\d/);
  const way = (await muster(["jobs", "hello", ...at])).stdout;
  expect(way).toMatch(/^running +\d\d:\d\d:\d\d\.\d{3} +\d.* s +the runner starts, gets the job$/m);
  expect(way).not.toMatch(/not (yet|known)/);

  const drained = await muster(["drain", "--timeout", "30s", ...at]);
  expect(drained).toMatchObject({ code: 0 });
  expect((await muster(["status", ...at])).stdout).toContain("draining");
  expect((await doctor()).find(({ id }) => id === "manager")).toMatchObject({ level: "warning" });
  expect((await muster(["drain", "--undo", ...at])).code).toBe(0);
  expect((await chain.state()).draining).toBe(false);
});
