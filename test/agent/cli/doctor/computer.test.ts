import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { capacityFindings, diskFindings } from "../../../../agent/cli/doctor/computer.ts";
import { leaveSecrets } from "../../../../agent/cli/local/secrets.ts";
import { start } from "../../../../agent/cli/local/start.ts";
import { stop } from "../../../../agent/cli/local/stop.ts";
import { ensureFolder } from "../../../../agent/supervisor/folder.ts";
import { identify } from "../../../../agent/supervisor/process.ts";
import { eventually, gone, makeRig, type Rig } from "../../supervisor/rig.ts";
import { look, temporary } from "./rig.ts";

const gigabyte = 1024 ** 3;
const disk = (free: number, ffree = 1e6, files = 2e6) =>
  diskFindings({ bsize: 4096, bavail: (free * gigabyte) / 4096, files, ffree }, "/data")[0]!;

describe("room on the disk", () => {
  it.each([
    [75, 1e6, 2e6, "ok"],
    [12, 1e6, 2e6, "warning"],
    [0.5, 1e6, 2e6, "blocker"],
    [75, 50_000, 2e6, "warning"],
    [75, 10, 2e6, "blocker"],
    // btrfs counts no inodes.
    [75, 0, 0, "ok"],
  ])("%d GB and %d of %d inodes are %s", (free, ffree, files, level) => {
    expect(disk(free, ffree, files)).toMatchObject({ id: "disk", level });
  });
});

describe("cores and memory", () => {
  const pools = (...max: number[]) =>
    Object.fromEntries(max.map((one, index) => [`p${index}`, { max: one, backends: [{ kind: "local" }] }]));
  const computer = { cores: 8, memory: 32 * gigabyte };
  it("suffice for as many jobs as there are cores", () => {
    expect(capacityFindings(pools(4, 4), computer, "local")[0]).toMatchObject({ level: "ok" });
  });
  it.each([
    [pools(20, 2), "p0.max 6"],
    [pools(30), "p0.max 8"],
  ])("are too few: a warning with a max that fits", (given, cure) => {
    const finding = capacityFindings(given, computer, "local")[0]!;
    expect(finding.level).toBe("warning");
    expect(finding.cure).toContain(`muster:pools.${cure} -s local`);
  });
  it("memory counts as well", () => {
    expect(capacityFindings(pools(4), { cores: 8, memory: 4 * gigabyte }, "local")[0]).toMatchObject({
      level: "warning",
    });
  });
});

describe("the folder", () => {
  it("of something else is a blocker", async () => {
    const directory = await temporary();
    await writeFile(join(directory, "thesis.txt"), "");
    expect((await look(["folder"], { directory })).one("folder")).toMatchObject({ level: "blocker" });
  });
  it("that is ours, or not there yet, is fine", async () => {
    const directory = join(await temporary(), "new");
    expect((await look(["folder"], { directory })).one("folder").found).toBe(`${directory}, which up makes`);
    await ensureFolder(directory, { project: "muster", name: "dev" });
    expect((await look(["folder"], { directory })).one("folder").found).toContain("marked as this manager's");
  });
  it("in which nothing can be written is a blocker", async () => {
    // Nobody can make a file there, root included.
    expect((await look(["folder"], { directory: "/proc/muster" })).one("folder")).toMatchObject({
      level: "blocker",
    });
  });
});

describe("a manager that was started", () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await makeRig();
    await leaveSecrets(rig.paths.directory, '{"githubToken":"x"}', rig.deps);
    await start(rig.config, rig.deps);
  });
  afterEach(() => rig.remove());
  const seen = (...ids: Parameters<typeof look>[0]) =>
    look(ids, { directory: rig.paths.directory, pulumi: { configError: "none" } });

  it("holds its own port, and its supervisor runs", async () => {
    const found = await seen("port", "supervisor", "journal", "set-aside");
    expect(found.one("port")).toMatchObject({
      level: "ok",
      found: `${rig.config.manager.port}, held by this stack's manager`,
    });
    expect(found.one("supervisor").found).toBe(`runs (pid ${await rig.supervisorPid()})`);
    expect(found.all.every(({ level }) => level === "ok")).toBe(true);
  });

  it("that was killed with its supervisor is a blocker with the command that starts it, and its machines are named", async () => {
    const pids = [await rig.supervisorPid(), await rig.managerPid()];
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await eventually("both are gone", () => pids.every(gone));
    const machine = join(rig.paths.machines, "m1");
    await mkdir(machine);
    const agent = spawn("sleep", ["64"], { cwd: machine, detached: true, stdio: "ignore" });
    await once(agent, "spawn");
    await writeFile(join(machine, "agent.json"), JSON.stringify(identify(agent.pid!)));
    const found = await seen("supervisor", "manager", "leftovers", "port");
    expect(found.one("supervisor")).toMatchObject({ level: "blocker", cure: "npm run pulumi -- up -s dev" });
    expect(found.one("manager").level).toBe("blocker");
    expect(found.one("leftovers").found).toBe("without a manager there are 1 machines with 1 processes");
    expect(found.one("leftovers").cure).toContain("npm run muster -- sweep");
    expect(found.one("port").level).toBe("ok");
  });

  it("whose port another program took is a blocker with another port", async () => {
    await stop(rig.paths.directory, rig.deps);
    const { port } = rig.config.manager;
    const other = createServer().listen(port, "127.0.0.1");
    await once(other, "listening");
    const finding = (await seen("port")).one("port");
    other.close();
    expect(finding.level).toBe("blocker");
    expect(finding.cure).toBe(`npm run pulumi -- config set --path muster:manager.port ${port + 1} -s dev`);
  });

  it("files of other versions that were set aside are a warning that names them", async () => {
    await writeFile(join(rig.paths.directory, "journal.sqlite.aside-1700000000000"), "");
    await writeFile(join(rig.paths.directory, "history.sqlite.newer-schema-9"), "");
    await writeFile(join(rig.paths.directory, "history.sqlite.newer-schema-9-wal"), "");
    const finding = (await seen("set-aside")).one("set-aside");
    expect(finding.level).toBe("warning");
    expect(finding.found).toContain("history.sqlite.newer-schema-9, journal.sqlite.aside-1700000000000");
    expect(finding.found).not.toContain("-wal");
  });
});
