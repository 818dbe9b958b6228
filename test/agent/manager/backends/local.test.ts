import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { makeBackends } from "../../../../agent/manager/backends/index.ts";
import { classifyLocal } from "../../../../agent/manager/backends/local/classify.ts";
import { makeLocalBackend } from "../../../../agent/manager/backends/local/local.ts";
import { isAlive } from "../../../../agent/supervisor/process.ts";
import { eventually, runs } from "../../runner/agents.ts";
import { says, scripted } from "../../runner/fake-runner.ts";
import { backendContract } from "./contract.ts";
import {
  signal,
  deps,
  makeRig,
  none,
  processOf,
  prepare,
  clearAway,
  rigFolder,
  type LocalRig,
} from "./local-rig.ts";

beforeAll(prepare);
afterAll(clearAway);

backendContract("local", makeRig);

describe("the local backend", () => {
  const id = "pool-a-l1-0";
  let rig: LocalRig;
  beforeEach(async () => {
    rig = await makeRig();
  });
  afterEach(() => rig.close());

  const launch = (machines = [id], backend = rig.backend) =>
    backend.launch(
      "l1",
      { pool: "pool-a", offer: "local", machines },
      machines.map((machine) => ({ machine, token: `one-time-token-of-${machine}` })),
      signal,
    );
  const running = async () => (await rig.backend.list(signal)).map(({ running }) => running);
  const order = (jitConfig: string, machine = id) =>
    rig.manager.order(machine, { do: "run", life: 1, runnerName: machine, jitConfig });

  it("is what makeBackends gives for settings", () => {
    expect([...makeBackends(() => rig.settings, deps).keys()]).toEqual(["local"]);
  });

  it("gives the agent a folder that only its owner may enter, and no secret stays in it", async () => {
    await launch();
    expect(statSync(rig.path(id)).mode & 0o777).toBe(0o700);
    await rig.manager.phase("ready");
    expect(rig.manager.enrolments[0]!.token).toBe(`one-time-token-of-${id}`);
    expect(existsSync(rig.path(id, "launch.json"))).toBe(false);
    const record = readFileSync(rig.path(id, "machine.json"), "utf8");
    expect(JSON.parse(record)).toMatchObject({ id, pool: "pool-a", launch: "l1", offer: "local" });
    expect(record).not.toContain("token");
    expect(isAlive(processOf(rig.path(id, "agent.json")))).toBe(true);
  });

  it("sends no token to whoever has the manager's port", async () => {
    await launch();
    await rig.manager.phase("ready");
    expect(rig.impostor.enrolments).toEqual([]);
    expect(rig.impostor.syncs).toEqual([]);
  });

  it.each(["", "{", "null", '{"id":7}'])("lists a machine whose record is %j, without tags", async (left) => {
    await launch([id, "pool-a-l1-1"]);
    await rig.manager.phase("ready");
    writeFileSync(rig.path(id, "machine.json"), left);
    const list = await rig.backend.list(signal);
    expect(list).toHaveLength(2);
    expect(list).toContainEqual({ id, pool: "", launch: "", offer: "", startedMs: 0, running: true });
    expect(list).toContainEqual(expect.objectContaining({ id: "pool-a-l1-1", pool: "pool-a" }));
  });

  it("destroys a machine whose record a job replaced by a folder", async () => {
    await launch();
    await rig.manager.phase("ready");
    rmSync(rig.path(id, "machine.json"));
    mkdirSync(rig.path(id, "machine.json", "inner"), { recursive: true });
    expect(await rig.backend.list(signal)).toMatchObject([{ id, pool: "" }]);
    await rig.backend.destroy([id], signal);
    await eventually(() => !existsSync(rig.path(id)), "it is destroyed");
  });

  it("starts agents in sessions of their own, with an environment from an allow list", async () => {
    const env = { PATH: process.env["PATH"], AWS_SECRET_ACCESS_KEY: "planted", LANG: "C.UTF-8" };
    await launch(
      [id],
      makeLocalBackend(() => rig.settings, deps, env),
    );
    await rig.manager.phase("ready");
    const { pid } = processOf(rig.path(id, "agent.json"));
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
    expect(environment).toContain(`MUSTER_MACHINE=${id}\0`);
    expect(environment).toContain("LANG=C.UTF-8");
    expect(environment).not.toContain("planted");
    expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).not.toContain("one-time-token");
    const session = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")[3];
    expect(Number(session)).toBe(pid);
  });

  it("asks no proxy for what is on this computer", async () => {
    const proxy = "http://127.0.0.1:1";
    const env = { PATH: process.env["PATH"], HTTP_PROXY: proxy, http_proxy: proxy, NO_PROXY: "example.org" };
    await launch(
      [id],
      makeLocalBackend(() => rig.settings, deps, env),
    );
    await rig.manager.phase("ready");
    const { pid } = processOf(rig.path(id, "agent.json"));
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toContain(
      "NO_PROXY=example.org,127.0.0.1,localhost",
    );
  });

  it("unpacks one archive for all machines that start together", async () => {
    const machines = ["a", "b", "c", "d"].map((name) => `pool-a-l1-${name}`);
    await launch(machines);
    await rig.manager.until(() => rig.manager.syncs.filter(({ phase }) => phase === "ready").length === 4);
    expect(rig.manager.archiveDownloads).toBe(1);
  });

  it("starts the agent of a machine whose manager died before it could", async () => {
    await launch();
    await rig.manager.phase("ready");
    // As a crash between folder and process leaves it.
    const agent = processOf(rig.path(id, "agent.json"));
    process.kill(agent.pid, "SIGKILL");
    await eventually(() => !isAlive(agent), "the agent is dead");
    for (const name of ["agent.json", "runner", "home", "tmp"])
      rmSync(rig.path(id, name), { recursive: true, force: true });
    const managers = [rig.manager.address];
    const [directory, archives] = [rig.path(id), join(rig.settings.manager.directory, "archives")];
    const token = `one-time-token-of-${id}`;
    const file = { managers, machine: id, token, directory, archives, end: "exit" };
    writeFileSync(rig.path(id, "launch.json"), JSON.stringify(file));
    expect(await running()).toEqual([false]);
    const before = rig.manager.syncs.length;
    await launch([id], rig.another());
    await launch();
    await rig.manager.phase("ready", before);
    expect(rig.enrolled(id)).toBe(2);
    expect(await running()).toEqual([true]);
  });

  it("adopts an agent that was started but not yet written down", async () => {
    // It writes that down itself, first thing: here only when it may go.
    const { runnerBundle } = rig.settings.manager;
    const path = join(rigFolder(), "slow-agent.mjs");
    const waits = "while (!existsSync('go')) await new Promise((done) => setTimeout(done, 10));";
    const program = `import { existsSync } from "node:fs";\n${waits}\nawait import(${JSON.stringify(runnerBundle.path)});`;
    writeFileSync(path, program);
    Object.assign(rig.settings.manager, { runnerBundle: { ...runnerBundle, path } });
    await launch();
    rmSync(rig.path(id, "agent.json"));
    await launch([id], rig.another());
    writeFileSync(rig.path(id, "go"), "");
    await rig.manager.phase("ready");
    expect(rig.enrolled(id)).toBe(1);
    expect(await running()).toEqual([true]);
  });

  it("is not taken in by another process with the agent's pid", async () => {
    await launch();
    await rig.manager.phase("ready");
    const agent = processOf(rig.path(id, "agent.json"));
    process.kill(agent.pid, "SIGKILL");
    await eventually(async () => (await running())[0] === false, "it is seen to have ended");
    writeFileSync(rig.path(id, "agent.json"), JSON.stringify({ pid: process.pid, startTime: 1 }));
    expect(await running()).toEqual([false]);
    await rig.backend.destroy([id], signal); // and this test goes on
  });

  it("counts a machine as running while a runner works that lost its agent", async () => {
    await launch();
    await rig.manager.phase("ready");
    const go = rig.path(id, "go");
    order(scripted(says.listening, says.running("job"), says.until(go), says.completed("job"), "exit 0"));
    await rig.manager.phase("busy");
    process.kill(processOf(rig.path(id, "agent.json")).pid, "SIGKILL");
    await eventually(() => !isAlive(processOf(rig.path(id, "agent.json"))), "the agent is dead");
    expect(await running()).toEqual([true]);
    writeFileSync(go, "");
    await eventually(async () => (await running())[0] === false, "its runner ended");
    expect(readFileSync(rig.path(id, "logs/runner-1.log"), "utf8")).toContain(
      "completed with result: Succeeded",
    );
  });

  it("destroys everything of a machine: strayed processes and read-only files too", async () => {
    await launch();
    await rig.manager.phase("ready");
    const mark = rig.path(id, "pids");
    const stray = `setsid sh -c 'trap "" TERM; echo $$ >> ${mark}; while :; do sleep 0.05; done' &`;
    const locked = "mkdir -p $HOME/go/mod && touch $HOME/go/mod/file && chmod -w $HOME/go/mod $HOME/go";
    order(
      scripted(
        stray,
        locked,
        `trap '' INT TERM; echo $$ >> ${mark}`,
        says.running("job"),
        "while :; do sleep 0.05; done",
      ),
    );
    await rig.manager.phase("busy");
    await eventually(
      () => existsSync(mark) && readFileSync(mark, "utf8").split("\n").length === 3,
      "both run",
    );
    const pids = readFileSync(mark, "utf8").trim().split("\n");
    process.kill(processOf(rig.path(id, "agent.json")).pid, "SIGKILL");
    await rig.backend.destroy([id], signal);
    await eventually(() => !existsSync(rig.path(id)), "the folder is gone");
    for (const pid of pids) expect(runs(pid)).toBe(false);
  });

  it("goes on listing a machine that cannot be removed, and says why", async () => {
    await launch();
    await rig.manager.phase("ready");
    mkdirSync(rig.path(id, "stuck"));
    const immutable = spawnSync("chattr", ["+i", rig.path(id, "stuck")]).status === 0;
    if (!immutable) return; // needs root and a file system with attributes
    try {
      await eventually(
        () =>
          rig.backend.destroy([id], signal).then(
            () => false,
            (error: Error) => /stuck/.test(error.message),
          ),
        "destroy rejects",
      );
      expect(await running()).toEqual([false]);
    } finally {
      execFileSync("chattr", ["-i", rig.path(id, "stuck")]);
    }
  });

  it("reports a missing bundle as a failure and leaves no machine behind", async () => {
    const { manager } = rig.settings;
    const runnerBundle = { ...manager.runnerBundle, path: join(rigFolder(), "none.mjs") };
    const answer = await launch(
      [id],
      makeLocalBackend(
        () => ({ ...rig.settings, manager: { ...manager, runnerBundle } }),
        deps,
        process.env,
        none,
      ),
    );
    expect(answer.machines).toEqual([]);
    expect(answer.failures).toMatchObject([{ reason: "bad-request", scope: { on: "offer", key: "local" } }]);
    expect(await rig.backend.list(signal)).toEqual([]);
  });

  it("refuses ids that could leave its folder", async () => {
    const answer = await launch(["../evil"]);
    expect(answer.failures).toHaveLength(1);
    await rig.backend.destroy(["../../evil", ".."], signal);
    expect(existsSync(rig.settings.manager.directory)).toBe(true);
  });

  it.each([
    ["ENOSPC", "no-capacity"],
    ["EMFILE", "no-capacity"],
    ["ENOMEM", "no-capacity"],
    ["EAGAIN", "no-capacity"],
    ["EACCES", "denied"],
    ["ENOENT", "bad-request"],
  ])("takes %s for %s", (code, reason) => {
    const error = Object.assign(new Error(`${code}: no`), { code });
    expect(classifyLocal(error, "local")).toMatchObject({ reason, scope: { on: "offer", key: "local" } });
    expect(classifyLocal(new Error("launch failed", { cause: error }))).toMatchObject({ reason });
  });
});
