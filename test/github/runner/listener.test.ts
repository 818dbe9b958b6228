import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { answers, FakeBroker, isAlive, jobMessage, runStepMessage, until } from "./fake-broker.ts";
import { Installed, type Running } from "./installed.ts";

let broker: FakeBroker;
let runner: Installed;

beforeEach(async () => {
  broker = await new FakeBroker().start();
  runner = await Installed.make();
});
afterEach(async () => {
  runner.remove();
  await broker.close();
});

const start = (env: Record<string, string> = {}, settings = {}) =>
  runner.start("bin/Runner.Listener", ["run"], {
    ACTIONS_RUNNER_INPUT_JITCONFIG: broker.jitConfig(settings),
    ...env,
  });
const listening = (running: Running) =>
  until("Listening", () => running.output().includes("Listening for Jobs"));
const inRoot = (...path: string[]) => join(runner.root, ...path);
const configured = () =>
  [".runner", ".credentials", ".credentials_rsaparams"].map((file) => existsSync(inRoot(file)));
const children = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
/** The process that a step wrote into `pid`, once it has. */
async function stepPid(): Promise<string> {
  const written = () => (existsSync(inRoot("pid")) ? readFileSync(inRoot("pid"), "utf8").trim() : "");
  await until("the step", () => written() !== "");
  return written();
}
const commandLine = (pid: string) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ");

test("it prints the real runner's lines, runs one job, forgets its registration and ends with 0", async () => {
  broker.offer(jobMessage({ jobDisplayName: "build (arm64)" }));
  const running = start();
  expect(await running.ended).toBe(0);
  const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`;
  expect(running.output()).toMatch(
    new RegExp(
      [
        "",
        "√ Connected to GitHub",
        "",
        String.raw`Current runner version: '2\.336\.0'`,
        `${time}: Listening for Jobs`,
        String.raw`${time}: Running job: build \(arm64\)`,
        String.raw`${time}: Job build \(arm64\) completed with result: Succeeded`,
        String.raw`√ Removed \.credentials`,
        String.raw`√ Removed \.runner`,
        "",
      ].join("\n"),
    ),
  );
  expect(configured()).toEqual([false, false, false]);
  expect(broker.results).toMatchObject([{ conclusion: "succeeded" }]);
  expect(broker.count("DELETE", "/broker/session")).toBe(1);
});

test("it takes the JIT config as --jitconfig too, also through run.sh, which hides the exit code", async () => {
  broker.offer(jobMessage({}, "exit 3"));
  const running = runner.start("run.sh", ["--jitconfig", broker.jitConfig()], {
    RUNNER_ALLOW_RUNASROOT: "1",
  });
  expect(await running.ended).toBe(0);
  expect(running.output()).toContain("Job build completed with result: Failed");
  expect(running.output()).toContain(
    "Runner listener exit with 0 return code, stop the service, no retry needed.",
  );
});

test("it writes the three files of the JIT config at its start, for its owner alone", async () => {
  const running = start();
  await listening(running);
  expect(configured()).toEqual([true, true, true]);
  expect(JSON.parse(readFileSync(inRoot(".runner"), "utf8"))).toMatchObject({ AgentName: "runner-7" });
});

test("without a configuration it refuses with code 1 and the real words", async () => {
  const running = runner.start("bin/Runner.Listener", ["run"]);
  expect(await running.ended).toBe(1);
  expect(running.output()).toContain("Runner is not configured.");
});

test("a broken JIT config is refused with code 1", async () => {
  const running = runner.start("bin/Runner.Listener", ["run", "--jitconfig", "bm90IGpzb24="]);
  expect(await running.ended).toBe(1);
});

test("an unknown argument is named, and the runner goes on", async () => {
  const running = runner.start("bin/Runner.Listener", ["run", "--fast", "--jitconfig", broker.jitConfig()]);
  await listening(running);
  expect(running.output()).toContain("Unrecognized command-line input arguments for command run: '--fast'.");
});

test("run.sh refuses root unless RUNNER_ALLOW_RUNASROOT is set", async () => {
  // The script asks `id -u`, so anybody can be root here.
  mkdirSync(inRoot("fakes"));
  writeFileSync(inRoot("fakes", "id"), "#!/bin/sh\necho 0\n", { mode: 0o755 });
  const running = runner.start("run.sh", [], { PATH: `${inRoot("fakes")}:${process.env["PATH"]}` });
  expect(await running.ended).toBe(0);
  expect(running.output()).toBe("Must not run interactively with sudo\nExiting runner...\n");
  const allowed = runner.start("run.sh", [], { RUNNER_ALLOW_RUNASROOT: "1" });
  await allowed.ended;
  expect(allowed.output()).toContain("Runner is not configured.");
});

test("config.sh says that the stand-in registers by a JIT config only", async () => {
  const running = runner.start("config.sh", ["--url", "x", "--token", "y"], { RUNNER_ALLOW_RUNASROOT: "1" });
  expect(await running.ended).toBe(1);
  expect(running.output()).toContain("registers by a JIT config only");
});

test("the job runs in a child `Runner.Worker spawnclient` that the process table shows", async () => {
  broker.offer(jobMessage({}, "while [ ! -e done ]; do sleep 0.02; done"));
  const running = start();
  await until("the worker", () => children(running.child.pid!).length > 0);
  const [worker = ""] = children(running.child.pid!);
  // Between fork and exec a child still has its parent's command line.
  await until("its name", () => /Runner\.Worker spawnclient \d+/.test(commandLine(worker)));
  await until("its short name", () => readFileSync(`/proc/${worker}/comm`, "utf8") === "Runner.Worker\n");
  await until("the workspace", () => existsSync(inRoot("_work/widgets/widgets")));
  writeFileSync(inRoot("_work/widgets/widgets/done"), "");
  expect(await running.ended).toBe(0);
});

test("work, temporary files, tools and logs lie where the real runner has them", async () => {
  broker.offer(jobMessage({}, 'echo "$GITHUB_WORKSPACE $RUNNER_TEMP $RUNNER_TOOL_CACHE" > "$HOME/places"'));
  await start().ended;
  expect(readFileSync(inRoot("places"), "utf8").trim().split(" ")).toEqual([
    inRoot("_work/widgets/widgets"),
    inRoot("_work/_temp"),
    inRoot("_work/_tool"),
  ]);
  const logs = readdirSync(inRoot("_diag"));
  expect(logs.some((name) => /^Runner_\d{8}-\d{6}-utc\.log$/.test(name))).toBe(true);
  expect(logs.some((name) => /^Worker_\d{8}-\d{6}-utc\.log$/.test(name))).toBe(true);
});

test(".env is the job's environment, the JIT config is not", async () => {
  writeFileSync(inRoot(".env"), "FROM_DOTENV=a=b\nLANG=C.UTF-8\n");
  broker.offer(jobMessage({}, 'env > "$HOME/seen"'));
  await start().ended;
  const seen = readFileSync(inRoot("seen"), "utf8");
  expect(seen).toContain("FROM_DOTENV=a=b\n");
  expect(seen).not.toContain("JITCONFIG");
});

test("a record that is deleted while it listens ends it with 0 and the real words, configuration removed", async () => {
  const running = start();
  await listening(running);
  broker.bend("/broker/message", answers.notFound);
  expect(await running.ended).toBe(0);
  expect(running.output()).toContain(
    "The runner no longer exists on the server. Cleaning up local configuration.",
  );
  expect(configured()).toEqual([false, false, false]);
});

test("a registration that was deleted before the start ends it with 1 and the real words", async () => {
  broker.bend("/token", { status: 400, body: { error: "invalid_client" } });
  const running = start();
  expect(await running.ended).toBe(1);
  expect(running.output()).toContain(
    "The runner registration has been deleted from the server, please re-configure.",
  );
});

test("a deprecated version ends it with 1, or with 7 when that is asked for", async () => {
  broker.bend("/broker/message", answers.tooOld, answers.tooOld);
  const plain = start();
  expect(await plain.ended).toBe(1);
  expect(plain.output()).toContain("Runner version v2.336.0 is deprecated and cannot receive messages.");
  expect(await start({ ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE: "1" }).ended).toBe(7);
});

test("ACTIONS_RUNNER_RETURN_JOB_RESULT_FOR_HOSTED turns the job's result into the exit code", async () => {
  broker.offer(jobMessage({}, "exit 1"));
  expect(await start({ ACTIONS_RUNNER_RETURN_JOB_RESULT_FOR_HOSTED: "true" }).ended).toBe(102);
  broker.offer(jobMessage());
  expect(await start({ ACTIONS_RUNNER_RETURN_JOB_RESULT_FOR_HOSTED: "true" }).ended).toBe(100);
});

test("a runner that is not ephemeral takes one job after another", async () => {
  broker.offer(jobMessage({ jobDisplayName: "first" }));
  const running = start({}, { Ephemeral: false });
  const idle = () =>
    broker.seen
      .filter(({ path }) => path === "/broker/message")
      .at(-1)
      ?.query.get("status") === "Online";
  await until("the first job", () => running.output().includes("Job first completed") && idle());
  broker.offer(jobMessage({ jobDisplayName: "second" }));
  await until("the second job", () =>
    running.output().includes("Job second completed with result: Succeeded"),
  );
  running.child.kill("SIGINT");
  expect(await running.ended).toBe(0);
  expect(configured()).toEqual([true, true, true]);
});

test.for(["SIGINT", "SIGTERM"] as const)(
  "%s while it listens ends it with 0 and closes its session",
  async (signal) => {
    const running = start();
    await listening(running);
    running.child.kill(signal);
    expect(await running.ended).toBe(0);
    expect(broker.count("DELETE", "/broker/session")).toBe(1);
    expect(configured()).toEqual([true, true, true]);
  },
);

test.for(["SIGINT", "SIGTERM"] as const)(
  "%s in a job ends the job, says why, and leaves no process",
  async (signal) => {
    broker.offer(jobMessage({}, 'echo $$ > "$HOME/pid"; exec sleep 300'));
    const running = start();
    const pid = await stepPid();
    running.child.kill(signal);
    expect(await running.ended).toBe(0);
    expect(running.output()).toContain("Job build completed with result: Canceled");
    expect(broker.results).toMatchObject([{ conclusion: "failed" }]);
    expect(broker.log).toContain("The runner has received a shutdown signal.");
    expect(isAlive(pid)).toBe(false);
  },
);

test("a job that is canceled at GitHub ends as canceled; steps that always run still run", async () => {
  const job = jobMessage({
    steps: [
      runStepMessage('echo $$ > "$HOME/pid"; exec sleep 300', { id: "long" }),
      runStepMessage("true", { id: "skipped" }),
      runStepMessage("true", { id: "clean", condition: "always()" }),
    ],
  });
  broker.offer(job);
  const running = start();
  await stepPid();
  broker.cancel(job.jobId);
  expect(await running.ended).toBe(0);
  expect(running.output()).toContain("Job build completed with result: Canceled");
  const [result] = broker.results;
  expect(result!.conclusion).toBe("canceled");
  expect(result!.stepResults.map(({ id, conclusion }) => [id, conclusion])).toEqual([
    ["long", "canceled"],
    ["skipped", "skipped"],
    ["clean", "succeeded"],
  ]);
});

test("a worker that dies fails its job at GitHub", async () => {
  broker.offer(jobMessage({}, "kill -9 $PPID; sleep 5"));
  const running = start();
  expect(await running.ended).toBe(0);
  expect(running.output()).toContain("Job build completed with result: Failed");
  expect(broker.results).toMatchObject([{ conclusion: "failed" }]);
});

test("the worker ends its job when the listener dies", async () => {
  broker.offer(jobMessage({}, 'echo $$ > "$HOME/pid"; exec sleep 300'));
  const running = start();
  const pid = await stepPid();
  running.child.kill("SIGKILL");
  await until("the report", () => broker.results.length === 1);
  expect(isAlive(pid)).toBe(false);
  expect(broker.results).toMatchObject([{ conclusion: "failed" }]);
});
