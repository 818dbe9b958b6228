import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { kill } from "node:process";
import { expect, test } from "vitest";
import { sessionMembers } from "../../agent/machine-processes.ts";
import { identify, processTable, type ProcessStat } from "../../agent/supervisor/process.ts";

const process = (pid: number, session: number, startTime: number, state = "S"): ProcessStat => ({
  pid,
  session,
  startTime,
  state,
  parent: 1,
  terminal: 0,
});
const leader = { pid: 100, startTime: 1_000 };
const pids = (
  table: ProcessStat[],
  known: number[] = [],
  leaders: Parameters<typeof sessionMembers>[0] = [leader],
) => sessionMembers(leaders, table, new Set(known)).map(({ pid }) => pid);

test("a leader that is there, or its zombie, vouches for its session", () => {
  const member = process(101, 100, 1_001);
  expect(pids([process(100, 100, 1_000), member])).toEqual([100, 101]);
  expect(pids([process(100, 100, 1_000, "Z"), member])).toEqual([101]);
});

test("a session whose leader only has the same number is left alone, also when that one is a zombie", () => {
  const member = process(101, 100, 2_001);
  expect(pids([process(100, 100, 2_000), member], [101])).toEqual([]);
  expect(pids([process(100, 100, 2_000, "Z"), member], [101])).toEqual([]);
});

test("without its leader a session counts only if one of its members is known as a machine's", () => {
  const table = [process(101, 100, 1_001), process(102, 100, 1_002)];
  expect(pids(table)).toEqual([]);
  expect(pids(table, [102])).toEqual([101, 102]);
});

test("what is older than the leader is not in its session", () => {
  expect(pids([process(101, 100, 999), process(102, 100, 1_001)], [102])).toEqual([102]);
});

test("a leader of an earlier boot names nobody", () => {
  const table = [process(100, 100, 1_000)];
  expect(pids(table, [], [{ ...leader, boot: "another boot" }])).toEqual([]);
});

test("the table also holds processes that have ended", async () => {
  const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const child = Number(line.toString());
  // As long as the parent is a shell it may collect its child; the program after it never does.
  const nameOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  await expect.poll(() => [parent.pid!, child].map(nameOf)).toEqual(["sleep", "sleep"]);
  kill(child, "SIGKILL");
  await expect.poll(() => processTable().find(({ pid }) => pid === child)?.state).toBe("Z");
  expect(identify(child)).not.toBeNull();
  parent.kill("SIGKILL");
  await once(parent, "exit");
});
