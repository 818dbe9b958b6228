// Goal: on a real chain, a pool that wants a graphics processor which this computer lacks says so and stops trying; jobs of
// other pools are none the worse. Method: the vendor is one that this computer's own bus does not show.
import { afterEach, expect, test } from "vitest";
import { gpuVendors } from "../../agent/protocol.ts";
import { pciGpus, realPlaces } from "../../agent/runner/gpu/pci.ts";
import { type Chain, startChain } from "./chain.ts";

let chain: Chain | null = null;
afterEach(async () => {
  await chain?.stop();
  chain = null;
});

test("no such device: nothing is registered, two machines end, launches pause with the reason, other jobs run", async () => {
  const here = pciGpus(realPlaces).map(({ vendor }) => vendor);
  // NVIDIA's may be there without a bus.
  const vendor = gpuVendors.find((each) => each !== "nvidia" && !here.includes(each))!;
  const [gpu, plain] = [
    ["self-hosted", "gpu"],
    ["self-hosted", "plain"],
  ];
  chain = await startChain({
    pools: { gpu: { labels: gpu, gpu: vendor, max: 1 }, plain: { labels: plain } },
  });
  await chain.github.control.dispatchJobs([
    { name: "train", labels: gpu!, durationSeconds: 0 },
    { name: "lint", labels: plain!, durationSeconds: 0 },
  ]);
  const { pools, jobs } = await chain.until("launches pause", (state) =>
    state.pools.some(({ reasons }) => reasons.some(({ reason }) => reason === "no-gpu")),
  );
  const sentence = new RegExp(
    `^local: it has no GPU of ${vendor}.*: a GPU machine without a working GPU is replaced, not registered; tried again in \\d+ s\\.$`,
  );
  expect(pools.find(({ name }) => name === "gpu")?.reasons).toMatchObject([
    { reason: "no-gpu", jobs: 1, detail: expect.stringMatching(sentence) },
  ]);
  await chain.until("the job says why it waits", (state) =>
    state.jobs.some(({ name, waitsFor }) => name === "train" && sentence.test(waitsFor)),
  );
  await chain.github.control.until(
    () =>
      chain!.github.control
        .jobs()
        .some(({ name, conclusion }) => name === "lint" && conclusion === "succeeded"),
    "the other pool's job ran",
    30_000,
  );
  expect(jobs.map(({ name }) => name).sort()).toEqual(["lint", "train"]);
  expect(chain.github.control.calls()["scale-set.jit"]).toBe(1);
});

test("the way to GitHub is measured by the manager and by its machines, to both hosts", async () => {
  chain = await startChain({ pools: { plain: { labels: ["self-hosted", "plain"], minIdle: 1 } } });
  const { connect, machines } = await chain.until("both have measured", (state) => {
    const measured = [state.connect, ...state.machines.map((machine) => machine.connect)];
    return measured.length === 2 && measured.every((times) => times.length === 2);
  });
  const { host } = new URL(chain.github.repositoryUrl);
  for (const times of [connect, machines[0]!.connect])
    expect(times).toMatchObject([
      { is: "api", host, ms: expect.any(Number), problem: null },
      { is: "broker", host, ms: expect.any(Number), problem: null },
    ]);
  const metrics = await (await fetch(`${chain.address}/metrics`)).text();
  for (const from of ["manager", "machine"])
    expect(metrics).toMatch(
      new RegExp(`muster_github_connect_seconds\\{host="api",from="${from}"\\} [0-9.]+`),
    );
});
