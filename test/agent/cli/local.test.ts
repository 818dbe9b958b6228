import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { leaveSecrets } from "../../../agent/cli/local/secrets.ts";
import { start } from "../../../agent/cli/local/start.ts";
import { status } from "../../../agent/cli/local/status.ts";
import { stop } from "../../../agent/cli/local/stop.ts";
import { sweep } from "../../../agent/cli/local/sweep.ts";
import { identify } from "../../../agent/supervisor/process.ts";
import { eventually, gone, makeRig, type Rig } from "../supervisor/rig.ts";

let rig: Rig;
beforeEach(async () => {
  rig = await makeRig({
    ...process.env,
    AWS_SECRET_ACCESS_KEY: "planted",
    PULUMI_CONFIG_PASSPHRASE: "planted",
  });
});
afterEach(() => rig.remove());

/** The agents of these tests do not listen. */
const impatient = { politeMs: 300, killedMs: 5_000 };
const secrets = '{"githubToken":"planted-token"}';
const up = async () => {
  await leaveSecrets(rig.paths.directory, secrets, rig.deps);
  await start(rig.config, rig.deps);
};

test("start is safe to repeat", async () => {
  await up();
  const [supervisor, manager] = [await rig.supervisorPid(), await rig.managerPid()];
  await start(rig.config, rig.deps);
  expect([await rig.supervisorPid(), await rig.managerPid()]).toEqual([supervisor, manager]);
  expect(await status(rig.paths.directory, rig.deps)).toMatchObject({ supervisor, manager, problem: null });
});

test("the daemon's environment holds only the named list, and no argument a secret", async () => {
  await up();
  for (const pid of [await rig.supervisorPid(), await rig.managerPid()]) {
    const environ = await readFile(`/proc/${pid}/environ`, "utf8");
    expect(environ).not.toContain("planted");
    expect(environ).toContain("PATH=");
    expect(await readFile(`/proc/${pid}/cmdline`, "utf8")).not.toContain("planted");
  }
});

test("start ends a draining that an interrupted destroy left", async () => {
  await up();
  await start(rig.config, rig.deps);
  expect((await rig.events()).filter(({ event }) => event === "undrain")).toHaveLength(2);
});

test("a port that another program has is named with the cure", async () => {
  const other = createServer((_, response) => response.end("{}")).listen(
    rig.config.manager.port,
    "127.0.0.1",
  );
  await once(other, "listening");
  await expect(up()).rejects.toThrow(`pulumi config set --path muster:manager.port`);
  other.close();
});

test("stop drains, then ends manager and supervisor", async () => {
  await up();
  const pids = [await rig.supervisorPid(), await rig.managerPid()];
  await stop(rig.paths.directory, rig.deps);
  expect((await rig.events()).slice(-2).map(({ event }) => event)).toEqual(["drain", "stop"]);
  expect(pids.every(gone)).toBe(true);
  expect(rig.said.join("\n")).toContain("draining: 1 machines left: 1 busy");
});

test("stop succeeds on what is gone, killed or never was", async () => {
  await stop(rig.paths.directory, rig.deps);
  await up();
  const [supervisor, manager] = [await rig.supervisorPid(), await rig.managerPid()];
  process.kill(supervisor, "SIGKILL");
  process.kill(manager, "SIGKILL");
  await eventually("both are gone", () => gone(supervisor) && gone(manager));
  await stop(rig.paths.directory, rig.deps);
  expect(rig.said.at(-1)).toBe("no manager runs");
});

test("stop leaves alone a process that only has the same number", async () => {
  await up();
  await stop(rig.paths.directory, rig.deps);
  const other = spawn("sleep", ["60"]);
  await once(other, "spawn");
  const id = identify(other.pid!)!;
  await writeFile(
    rig.paths.record,
    JSON.stringify({ supervisor: { ...id, startTime: id.startTime - 5 }, manager: null, crashes: 0 }),
  );
  await stop(rig.paths.directory, rig.deps);
  expect(gone(other.pid!)).toBe(false);
  other.kill("SIGKILL");
});

/** A shell that ignores SIGTERM and has started a child in a session of its own, as an agent and its job may be. */
const startAgent = async (machine: string) => {
  const directory = join(rig.paths.machines, machine);
  await mkdir(directory, { recursive: true });
  const child = spawn("sh", ["-c", `trap '' TERM; setsid sleep 61 & echo $! > job.pid; sleep 62`], {
    cwd: directory,
    detached: true,
    stdio: "ignore",
  });
  await once(child, "spawn");
  await eventually("the job runs", () =>
    stat(join(directory, "job.pid")).then(
      ({ size }) => size > 0,
      () => false,
    ),
  );
  await writeFile(join(directory, "agent.json"), JSON.stringify(identify(child.pid!)));
  return { agent: child.pid!, job: Number(await readFile(join(directory, "job.pid"), "utf8")) };
};

test("sweep ends runner agents with all they started, clears up at GitHub and removes the folder", async () => {
  await up();
  const pids = [await rig.supervisorPid(), await rig.managerPid()];
  const { agent, job } = await startAgent("m1");
  await sweep(rig.paths.directory, secrets, rig.deps, impatient);
  await eventually("all are gone", () => [...pids, agent, job].every(gone));
  expect((await rig.events()).at(-1)!.event).toBe("forget");
  await expect(stat(rig.paths.directory)).rejects.toThrow("ENOENT");
});

test("sweep without a manager ends what an agent that was killed left behind", async () => {
  await up();
  await stop(rig.paths.directory, rig.deps);
  const { agent, job } = await startAgent("m1");
  process.kill(agent, "SIGKILL");
  await sweep(rig.paths.directory, secrets, rig.deps, impatient);
  await eventually("the job is gone", () => gone(job));
});

test("sweep names what GitHub would not remove, and goes on", async () => {
  await up();
  await writeFile(`${rig.paths.directory}.refuse-forget`, "");
  await sweep(rig.paths.directory, secrets, rig.deps, impatient);
  expect(rig.said.join("\n")).toMatch(/not everything could be removed[^]*scale set muster-local-leftover/);
  await expect(stat(rig.paths.directory)).rejects.toThrow("ENOENT");
});

test("sweep on nothing succeeds", async () => {
  await sweep(rig.paths.directory, secrets, rig.deps, impatient);
});

test("a socket outside the folder lies in a private folder of its own, which sweep removes", async () => {
  const parent = `${rig.paths.directory}-socket`;
  const manager = { ...rig.config.manager, socket: join(parent, "control.sock") };
  rig.config = { ...rig.config, manager };
  await up();
  expect((await stat(parent)).mode & 0o777).toBe(0o700);
  await sweep(rig.paths.directory, secrets, rig.deps, impatient);
  await expect(stat(parent)).rejects.toThrow("ENOENT");
});

test("secrets that are not right are refused without repeating them", async () => {
  const wrong = leaveSecrets(rig.paths.directory, '{"githubToken": 12345678}', rig.deps);
  await expect(wrong).rejects.toThrow("standard input must be JSON");
  await expect(wrong).rejects.not.toThrow("12345678");
});
