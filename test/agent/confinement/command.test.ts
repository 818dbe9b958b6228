// Real namespaces: what the agent relies on when it starts, tells and ends a confined program.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it as anyIt } from "vitest";
import { buildView } from "../../../agent/confinement/build.ts";
import { confinedCommand, jobLeader, notConfined } from "../../../agent/confinement/command.ts";
import { jobUid } from "../../../agent/confinement/kind.ts";
import { realSystem } from "../../../agent/confinement/system.ts";
import { planView } from "../../../agent/confinement/view.ts";
import { processTable } from "../../../agent/supervisor/process.ts";
import { eventually } from "../runner/agents.ts";
import { given, testable } from "./given.ts";

const { kind, refused } = given;
const it = anyIt.runIf(testable);
let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "muster-command-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const start = (script: string, table?: string, path = process.env.PATH) => {
  if (kind === "none") throw new Error(refused.join("; "));
  const place = (name: string) => {
    mkdirSync(join(directory, name));
    return join(directory, name);
  };
  const uid = jobUid(kind, process.pid, 1);
  const places = { root: place("runner"), home: place("home"), tmp: place("tmp"), varTmp: place("var-tmp") };
  if (kind === "own-uid") for (const path of Object.values(places)) chownSync(path, uid, uid);
  const planned = planView({ machines: directory, readable: [], hidden: [] }, realSystem());
  const view = buildView(join(directory, "view"), uid, planned, places, []);
  const command = ["/bin/sh", "-c", script];
  const { file, args } = confinedCommand(
    kind,
    { ...view, table: table ?? view.table },
    uid,
    "/runner",
    command,
  );
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, PATH: path },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (part: Buffer) => (said += part.toString()));
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { child, ended, said: () => said };
};

it.each([0, 1, 7, 105])("an exit code of %i comes through", async (code) => {
  expect(await start(`exit ${code}`).ended).toBe(code);
});

it("a PATH without the sbin folders, as plain users have it, is enough, and is the job's", async () => {
  const job = start('echo "PATH is $PATH"', undefined, "/usr/local/bin:/usr/bin:/bin");
  expect([await job.ended, job.said()]).toEqual([0, "PATH is /usr/local/bin:/usr/bin:/bin\n"]);
});

it("a program that ends as if it had not been confined is not believed", async () => {
  expect(await start(`exit ${notConfined}`).ended).toBe(1);
});

it("a program that a signal ends gives a number that no runner gives", async () => {
  expect(await start("kill -KILL $$").ended).toBe(128 + 9);
});

it.each(["SIGINT", "SIGTERM"] as const)(
  "%s reaches the program itself, which ends as it likes",
  async (name) => {
    const started = start(`trap 'echo told; exit 3' INT TERM; echo ready; while :; do sleep 0.02; done`);
    await eventually(() => started.said().includes("ready"), "it runs");
    process.kill(jobLeader(started.child.pid!)!.pid, name);
    expect(await started.ended).toBe(3);
    expect(started.said()).toContain("told");
  },
);

it("killing its process group ends all that it started: daemons in sessions of their own too", async () => {
  const mark = `daemon-${process.pid}`;
  const daemon = `(setsid env -i /bin/bash -c 'trap "" TERM INT HUP; exec -a ${mark} sleep 600' &) &`;
  const started = start(`${daemon} ${daemon} echo ready; sleep 600`);
  const group = () => processTable().filter(({ session }) => session === started.child.pid);
  const below = (pids: readonly number[]): number[] => {
    const next = processTable().filter(({ parent, pid }) => pids.includes(parent) && !pids.includes(pid));
    return next.length === 0 ? [...pids] : below([...pids, ...next.map(({ pid }) => pid)]);
  };
  await eventually(
    () => started.said().includes("ready") && below([started.child.pid!]).length >= 5,
    "all run",
  );
  const all = below([started.child.pid!]);
  expect(group().length).toBeLessThan(all.length);
  process.kill(-started.child.pid!, "SIGKILL");
  await started.ended;
  const alive = () => processTable().filter(({ pid, state }) => all.includes(pid) && state !== "Z");
  await eventually(() => alive().length === 0, "none is left");
});

it("a view that cannot be mounted starts nothing and says so", async () => {
  const started = start("echo started", "/nonexistent");
  expect(await started.ended).toBe(notConfined);
  expect(started.said()).toContain("the job cannot be confined");
  expect(started.said()).not.toContain("started\n");
});
