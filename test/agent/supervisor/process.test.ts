import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { identify, isAlive, parseProcessId, signal, statOf } from "../../../agent/supervisor/process.ts";

test("a process is known by pid and start time", async () => {
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  const id = identify(child.pid!)!;
  expect(isAlive(id)).toBe(true);
  const other = { ...id, startTime: id.startTime - 1 };
  expect(isAlive(other)).toBe(false);
  expect(signal(other, "SIGKILL")).toBe(false);
  expect(isAlive(id)).toBe(true);
  expect(signal(id, "SIGKILL")).toBe(true);
  await once(child, "exit");
  expect(isAlive(id)).toBe(false);
});

test("what was written down before the computer was started again names nobody", () => {
  const id = identify(process.pid)!;
  expect(id.boot).toMatch(/^[0-9a-f-]{36}$/);
  expect(parseProcessId(JSON.parse(JSON.stringify(id)))).toEqual(id);
  expect(isAlive(id)).toBe(true);
  expect(isAlive({ ...id, boot: "another boot" })).toBe(false);
});

test("the fields are those of /proc/PID/stat", () => {
  const stat = statOf(process.pid)!;
  expect(stat.parent).toBe(process.ppid);
  expect(stat.startTime).toBeGreaterThan(0);
  expect(statOf(2 ** 30)).toBeNull();
});
