// Goal: what a machine knows of its graphics processors and of the way to GitHub reaches the manager soon, and nothing waits for
// it. Method: the real agent against a manager of the test's; a tree of files for /sys, a script for nvidia-smi.
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Rig } from "./agents.ts";

let rig: Rig;
afterEach(() => rig.close());

const put = (path: string, text = "") => {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
};
/** A machine with a T4G whose nvidia-smi does what `body` says. */
const withGpu = (body: string) => {
  const device = join(rig.places.sys, "bus/pci/devices/0000:00:1e.0");
  for (const [name, text] of Object.entries({ vendor: "0x10de", device: "0x1eb4", class: "0x030200" }))
    put(join(device, name), `${text}\n`);
  put(join(rig.places.dev, "nvidia0"));
  const tool = join(rig.folder, "bin/nvidia-smi");
  put(tool, `#!/bin/sh\n${body}\n`);
  chmodSync(tool, 0o755);
  return { PATH: `${rig.folder}/bin:${process.env["PATH"]}` };
};
const answer = "echo '0, NVIDIA T4G, 15360, 311, 7, 41, 0, Default, 595.71.05'";

describe("graphics processors", () => {
  it("a machine without any says so, and starts nothing", async () => {
    rig = await Rig.make();
    rig.start();
    expect((await rig.manager.phase("ready")).usage?.gpus).toEqual([]);
    expect(rig.manager.enrolments[0]?.host.gpus).toEqual([]);
  });

  it("what is known within a second goes into the enrolment", async () => {
    rig = await Rig.make();
    rig.start("exit", { gpuFirstLookMs: 20_000 }, withGpu(answer));
    await rig.manager.phase("ready");
    expect(rig.manager.enrolments[0]?.host.gpus).toMatchObject([{ model: "NVIDIA T4G", health: "ok" }]);
  });

  it("a slow tool holds up neither the enrolment nor the first reports; its answer is told at once, although a sync is held", async () => {
    rig = await Rig.make();
    const env = withGpu(`while [ ! -e ${rig.folder}/go ]; do sleep 0.05; done; ${answer}`);
    rig.start("exit", { gpuFirstLookMs: 10 }, env);
    const ready = await rig.manager.phase("ready");
    const checking = [{ model: "NVIDIA T4G", health: "checking" }];
    expect(rig.manager.enrolments[0]?.host.gpus).toMatchObject(checking);
    expect(ready.usage?.gpus).toMatchObject(checking);
    const startMs = performance.now();
    writeFileSync(join(rig.folder, "go"), "");
    const told = await rig.manager.report(({ usage }) => usage?.gpus?.[0]?.health === "ok");
    expect(told.usage?.gpus).toMatchObject([{ memoryMb: 15_360, utilizationPercent: 7 }]);
    // The fake manager holds a sync for 25 s.
    expect(performance.now() - startMs).toBeLessThan(15_000);
  });

  it("one that fails is told with the reason", async () => {
    rig = await Rig.make();
    rig.start("exit", {}, withGpu("echo 'No devices were found'; exit 6"));
    const told = await rig.manager.report(({ usage }) => usage?.gpus?.[0]?.health === "failed");
    expect(told.usage?.gpus?.[0]?.problem).toBe("nvidia-smi says: No devices were found");
  });
});

describe("the way to GitHub", () => {
  it("is measured to the hosts that the manager names, and told with a later report", async () => {
    const server = createServer((socket) => socket.on("error", () => {}));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    rig = await Rig.make({
      holdMs: 50,
      github: { api: `http://${host}/api`, broker: "http://127.0.0.1:1/q" },
    });
    rig.start();
    const told = await rig.manager.report(({ usage }) => usage?.connect !== undefined);
    server.close();
    expect(told.usage?.connect).toEqual({
      api: { host, ms: expect.any(Number), proxy: null, problem: null },
      broker: { host: "127.0.0.1:1", ms: null, proxy: null, problem: "the connection was refused" },
    });
  });

  it("is not measured where none is named, and a host that does not answer holds up nothing", async () => {
    rig = await Rig.make({ holdMs: 50 });
    rig.start();
    await rig.manager.phase("ready");
    expect((await rig.manager.report(({ sequence }) => sequence > 3)).usage?.connect).toBeUndefined();
    await rig.close();

    const silent = createServer((socket) => socket.on("error", () => {}));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    rig = await Rig.make({ holdMs: 50, github: { api: `https://127.0.0.1:${port}`, broker: null } });
    rig.start("exit", { connectTimeoutMs: 60_000 });
    expect((await rig.manager.report(({ sequence }) => sequence > 3)).usage?.connect).toBeUndefined();
    silent.close();
  });
});

it("today's agent works with a manager of protocol 2, which reads and answers what it knew then", async () => {
  rig = await Rig.make({ version2: true });
  const agent = rig.start();
  await rig.manager.phase("ready");
  expect(rig.manager.enrolments).toHaveLength(1);
  const { oneJob } = await import("./fake-runner.ts");
  rig.manager.order(rig.machine, { do: "run", life: 1, runnerName: "r", jitConfig: oneJob("build", "true") });
  const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
  expect(over.lastLife).toMatchObject({ ranJob: true, result: "Succeeded" });
  rig.manager.order(rig.machine, { do: "end", reason: "enough" });
  expect(await agent.exitCode).toBe(0);
});
