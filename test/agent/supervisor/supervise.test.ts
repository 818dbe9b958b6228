import { readFileSync } from "node:fs";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { leaveSecrets } from "../../../agent/cli/local/secrets.ts";
import { start } from "../../../agent/cli/local/start.ts";
import { stop } from "../../../agent/cli/local/stop.ts";
import { settingsText } from "../../../agent/cli/local/settings.ts";
import { realClock } from "../../../agent/supervisor/deps.ts";
import { writeAtomic } from "../../../agent/supervisor/folder.ts";
import { allProcesses } from "../../../agent/supervisor/process.ts";
import { Supervisor } from "../../../agent/supervisor/supervise.ts";
import { eventually, gone, makeRig, managerAlive, type Rig } from "./rig.ts";

let rig: Rig;
beforeEach(async () => {
  rig = await makeRig();
  await leaveSecrets(rig.paths.directory, '{"githubToken":"one"}', rig.deps);
});
afterEach(() => rig.remove());

const count = async (name: string) => (await rig.events()).filter(({ event }) => event === name).length;

test("a manager that is killed is started again with the same secrets", async () => {
  await start(rig.config, rig.deps);
  const pid = await rig.managerPid();
  process.kill(pid, "SIGKILL");
  await eventually("a second start", async () => (await count("start")) === 2);
  const [first, second] = (await rig.events()).filter(({ event }) => event === "start");
  expect(second!.secrets).toBe(first!.secrets);
  expect(second!.pid).not.toBe(pid);
});

test("the file with the secrets is private, read once, and gone", async () => {
  expect((await stat(rig.paths.secrets)).mode & 0o777).toBe(0o600);
  await start(rig.config, rig.deps);
  await expect(stat(rig.paths.secrets)).rejects.toThrow("ENOENT");
});

test("changed settings reach the running manager", async () => {
  await start(rig.config, rig.deps);
  const pid = await rig.managerPid();
  const pools = { local: { ...rig.config.pools.local!, max: 7 } };
  await start({ ...rig.config, pools }, rig.deps);
  expect((await rig.events()).findLast(({ event }) => event === "reload")!.pools!.local!.max).toBe(7);
  expect(await rig.managerPid()).toBe(pid);
});

test("changed secrets reach the running manager, and the next one too", async () => {
  await start(rig.config, rig.deps);
  await leaveSecrets(rig.paths.directory, '{"githubToken":"two"}', rig.deps);
  await eventually("the manager was told", async () => (await count("secrets")) === 1);
  process.kill(await rig.managerPid(), "SIGKILL");
  await eventually("a second start", async () => (await count("start")) === 2);
  const [first, second] = (await rig.events()).filter(({ event }) => event === "start");
  expect(second!.secrets).not.toBe(first!.secrets);
});

test("another bundle replaces the manager politely", async () => {
  await start(rig.config, rig.deps);
  const pid = await rig.managerPid();
  const manager = { ...rig.config.manager, managerBundle: await rig.otherBundle() };
  await start({ ...rig.config, manager }, rig.deps);
  expect(await rig.managerPid()).not.toBe(pid);
  expect((await rig.events()).map(({ event }) => event)).toEqual([
    "start",
    "undrain",
    "stop",
    "start",
    "undrain",
  ]);
});

test("a supervisor that is killed leaves the manager serving; the next one replaces it", async () => {
  await start(rig.config, rig.deps);
  const [supervisor, manager] = [await rig.supervisorPid(), await rig.managerPid()];
  process.kill(supervisor, "SIGKILL");
  await eventually("the supervisor is gone", () => gone(supervisor));
  expect(await managerAlive(rig)).toBe(true);
  await expect(start(rig.config, rig.deps)).rejects.toThrow("npm run pulumi -- up -s local");
  await leaveSecrets(rig.paths.directory, '{"githubToken":"one"}', rig.deps);
  await start(rig.config, rig.deps);
  expect(await rig.managerPid()).not.toBe(manager);
  expect(gone(manager)).toBe(true);
});

test("a manager that cannot start is tried again and again, ever more slowly, and comes back when it can", async () => {
  await writeFile(`${rig.paths.directory}.broken`, "");
  await expect(start(rig.config, rig.deps)).rejects.toThrow(/ended 3 times[^]*broken on purpose/);
  const { rm } = await import("node:fs/promises");
  await rm(`${rig.paths.directory}.broken`);
  await start(rig.config, rig.deps);
  expect(await managerAlive(rig)).toBe(true);
});

test("neither log nor settings nor record holds a secret", async () => {
  await start(rig.config, rig.deps);
  for (const file of [rig.paths.managerLog, rig.paths.supervisorLog, rig.paths.settings, rig.paths.record])
    expect(await readFile(file, "utf8")).not.toContain('"one"');
});

test("SIGTERM to the supervisor leaves no secret in the folder", async () => {
  await start(rig.config, rig.deps);
  const pid = await rig.supervisorPid();
  process.kill(pid, "SIGTERM");
  await eventually("the supervisor is gone", () => gone(pid));
  for (const entry of await readdir(rig.paths.directory, { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      expect(await readFile(join(entry.parentPath, entry.name), "utf8")).not.toContain('"one"');
});

test("a stop leaves no secret in the folder, and the next start says who has them", async () => {
  await start(rig.config, rig.deps);
  await stop(rig.paths.directory, rig.deps);
  await expect(stat(rig.paths.secrets)).rejects.toThrow("ENOENT");
  await expect(start(rig.config, rig.deps)).rejects.toThrow("npm run pulumi -- up -s local");
});

test("a stop before a new manager leaves the secrets as they were found, so that its start needs nobody", async () => {
  await start(rig.config, rig.deps);
  await stop(rig.paths.directory, rig.deps, { keepSecrets: true });
  expect((await stat(rig.paths.secrets)).mode & 0o777).toBe(0o600);
  await start(rig.config, rig.deps);
  const [first, second] = (await rig.events()).filter(({ event }) => event === "start");
  expect(second!.secrets).toBe(first!.secrets);
});

test("a manager that runs although its start failed is ended before the next one", async () => {
  await writeAtomic(rig.paths.settings, settingsText(rig.config));
  let failures = 0;
  const log = (event: string) => {
    if (event === "started the manager" && failures++ === 0) throw new Error("no room for a line");
  };
  const supervisor = new Supervisor(rig.paths, "{}", { clock: realClock, log, env: process.env });
  const run = supervisor.run();
  try {
    await eventually("the second one started", () => Promise.resolve(failures >= 2));
  } finally {
    await supervisor.stop();
    await run;
    // It names this process as the supervisor, which the clean-up would end.
    await rm(rig.paths.record);
  }
  expect(managersOf(rig.paths.settings)).toEqual([]);
});

/** Pids of living managers that were started with these settings. */
const managersOf = (settings: string) =>
  allProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => commandOf(pid).includes(settings));
const commandOf = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
};
