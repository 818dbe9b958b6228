import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { realDeps } from "./common/deps.ts";
import { isAlive, until } from "./fake-broker.ts";
import { run, scripts, startJob, temporary } from "./job-harness.ts";

test("a step that takes longer than timeout-minutes is ended and fails", async () => {
  const { steps, log } = await run({
    steps: scripts({
      slow: { script: "exec sleep 300", timeoutMinutes: "0.005", continueOnError: true },
      after: "true",
    }),
  });
  expect(steps).toEqual({ slow: "succeeded", after: "succeeded" });
  expect(log).toContain("has timed out after 0.005 minutes.");
});

test("a job that takes longer than its timeout-minutes is canceled", async () => {
  const { result, log } = await run({
    timeoutMinutes: 0.005,
    steps: scripts({ slow: "exec sleep 300", next: "true" }),
  });
  expect(result.conclusion).toBe("canceled");
  expect(log).toContain("has exceeded the maximum execution time of 0.005 minutes.");
});

test("a canceled step gets SIGINT, 7.5 s later SIGTERM, 2.5 s later it and its children are killed", async () => {
  const root = temporary();
  const workspace = join(root, "_work", "widgets", "widgets");
  const said = () =>
    existsSync(join(workspace, "said")) ? readFileSync(join(workspace, "said"), "utf8") : "";
  const pauses: number[] = [];
  // Each pause lasts until the step has felt the signal before it.
  const sleep: typeof realDeps.sleep = async (ms, signal) => {
    const felt = { 7_500: "got-int\n", 2_500: "got-int\ngot-term\n" }[ms];
    if (felt === undefined) return realDeps.sleep(ms, signal);
    pauses.push(ms);
    await until(felt, () => said() === felt);
  };
  const script = `
    trap 'echo got-int >> said' INT
    trap 'echo got-term >> said' TERM
    # Not found by its tracking id: it is stopped as the step's child.
    RUNNER_TRACKING_ID= sleep 300 & echo $! > child
    echo ready > ready
    while true; do sleep 0.02; done`;
  const job = startJob({ message: { steps: scripts({ stubborn: script }) }, deps: { sleep }, root });
  await until("the step", () => existsSync(join(workspace, "ready")));
  job.cancel.abort(new Error("canceled"));
  const { result } = await job.done;
  expect(result.conclusion).toBe("canceled");
  expect(pauses).toEqual([7_500, 2_500]);
  const child = readFileSync(join(workspace, "child"), "utf8").trim();
  await until("the child's end", () => !isAlive(child));
});

test("a step with if: always() is not ended by a cancellation", async () => {
  const script = "touch started; while [ ! -e go ]; do sleep 0.02; done; echo cleaned up";
  const job = startJob({ message: { steps: scripts({ clean: { script, condition: "always()" } }) } });
  const workspace = join(job.root, "_work", "widgets", "widgets");
  await until("the step", () => existsSync(join(workspace, "started")));
  job.cancel.abort(new Error("canceled"));
  writeFileSync(join(workspace, "go"), "");
  const { steps, log, result } = await job.done;
  expect(steps).toEqual({ clean: "succeeded" });
  expect(log).toContain("cleaned up");
  expect(result.conclusion).toBe("canceled");
});

test("processes that a job leaves behind are ended by their RUNNER_TRACKING_ID, others are not", async () => {
  const root = temporary();
  const { log } = await run(
    {
      steps: scripts({
        a: `(sleep 301 > /dev/null 2>&1 & echo $! > ${root}/mine)
            (RUNNER_TRACKING_ID= setsid sleep 302 > /dev/null 2>&1 & echo $! > ${root}/kept)`,
      }),
    },
    { root },
  );
  const [mine, kept] = ["mine", "kept"].map((name) => readFileSync(join(root, name), "utf8").trim());
  expect(log).toContain(`Terminate orphan process: pid (${mine}) (sleep)`);
  await until("the end of the leftover", () => !isAlive(mine!));
  expect(isAlive(kept!)).toBe(true);
  process.kill(Number(kept), "SIGKILL");
});

test("a step whose background child holds its output open ends 5 s after it at the latest", async () => {
  const pauses: number[] = [];
  const sleep: typeof realDeps.sleep = (ms, signal) => {
    if (ms !== 5_000) return realDeps.sleep(ms, signal);
    pauses.push(ms);
    return realDeps.sleep(20, signal);
  };
  const { steps } = await run(
    { steps: scripts({ a: "sleep 300 & echo done", b: "true" }) },
    { deps: { sleep } },
  );
  expect(steps).toEqual({ a: "succeeded", b: "succeeded" });
  expect(pauses).toContain(5_000);
});

test("the temporary folder is empty at the start of a job and gone at its end; the workspace stays", async () => {
  const root = temporary();
  mkdirSync(join(root, "_work", "_temp"), { recursive: true });
  writeFileSync(join(root, "_work", "_temp", "old"), "");
  const { log } = await run(
    { steps: scripts({ a: 'ls "$RUNNER_TEMP"; touch "$RUNNER_TEMP/mine" kept' }) },
    { root },
  );
  expect(log).not.toMatch(/^old$/m);
  expect(existsSync(join(root, "_work", "_temp"))).toBe(false);
  expect(existsSync(join(root, "_work", "widgets", "widgets", "kept"))).toBe(true);
});
