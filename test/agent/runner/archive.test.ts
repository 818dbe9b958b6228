import { createServer } from "node:http";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Rig } from "./agents.ts";

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig.close());
const archives = () => join(rig.folder, "archives");

describe("the runner archive", () => {
  it("is unpacked once, read-only, and linked into the machine's own root", async () => {
    rig.start();
    await rig.manager.phase("ready");
    expect(readdirSync(archives())).toEqual([rig.archive.sha256]);
    const shared = statSync(join(archives(), rig.archive.sha256, "bin/Runner.Listener"));
    const own = statSync(rig.path("runner/bin/Runner.Listener"));
    expect(own.ino).toBe(shared.ino);
    expect(own.mode & 0o777).toBe(0o555);
    const folder = statSync(rig.path("runner/bin"));
    expect(folder.ino).not.toBe(statSync(join(archives(), rig.archive.sha256, "bin")).ino);
  });

  it("is never unpacked with another digest", async () => {
    rig.manager.archive.sha256 = "0".repeat(64);
    const agent = rig.start();
    const ended = await rig.manager.phase("ended");
    expect(ended.problem).toMatch(/SHA-256 is [0-9a-f]{64}, expected 0{64}/);
    expect(await agent.exitCode).toBe(0);
    expect(readdirSync(archives())).toEqual([]);
    expect(existsSync(rig.path("runner"))).toBe(false);
  });

  it("is never larger than the limit", async () => {
    rig.start("exit", { downloadBytesMax: 100 });
    expect((await rig.manager.phase("ended")).problem).toMatch(/more than 100 bytes/);
  });

  it("comes from the next address when one fails, and a slow one is left", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { port: number };
    rig.manager.archive.urls = [
      `http://127.0.0.1:${port}/`,
      `${rig.manager.url}/none`,
      ...rig.manager.archive.urls,
    ];
    rig.start("exit", { downloadIdleMs: 100 });
    await rig.manager.phase("ready");
    silent.closeAllConnections();
    silent.close();
  });

  it("is waited for without end by a slot, which says why it waits", async () => {
    await rig.close();
    rig = await Rig.make({ syncSeconds: 0.05 });
    rig.manager.archive.urls = [`${rig.manager.url}/none?secret=1`];
    rig.start("clean-slot");
    const waiting = await rig.manager.report(({ problem }) => problem !== null);
    expect(waiting.phase).toBe("preparing");
    expect(waiting.problem).toMatch(/HTTP 404/);
    expect(waiting.problem).not.toContain("secret");
    const { sequence } = rig.manager.last()!;
    await rig.manager.report((sync) => sync.phase === "preparing" && sync.sequence > sequence + 5);
  });

  it("can be had although the process that began to unpack it died", async () => {
    mkdirSync(archives(), { recursive: true });
    const lock = join(archives(), `${rig.archive.sha256}.lock`);
    writeFileSync(lock, JSON.stringify({ pid: process.pid, startTime: 1 })); // our pid, but not our start
    rig.start();
    await rig.manager.phase("ready");
    expect(existsSync(lock)).toBe(false);
  });

  it.each(["", "null", "{"])("can be had although a power failure left a lock of %j", async (left) => {
    mkdirSync(archives(), { recursive: true });
    const lock = join(archives(), `${rig.archive.sha256}.lock`);
    writeFileSync(lock, left);
    rig.start();
    await rig.manager.phase("ready");
    expect(existsSync(lock)).toBe(false);
  });
});
