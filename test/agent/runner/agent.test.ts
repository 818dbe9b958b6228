import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { join } from "node:path";
import { eventually, Rig, runs } from "./agents.ts";
import { oneJob, says, scripted } from "./fake-runner.ts";

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig.close());

const run = (life: number, jitConfig: string) =>
  rig.manager.order(rig.machine, { do: "run", life, runnerName: `runner-${life}`, jitConfig });
const end = () => rig.manager.order(rig.machine, { do: "end", reason: "enough" });

describe("a machine that serves one job", () => {
  it("enrols, becomes ready, runs the job, reports its result and ends", async () => {
    const agent = rig.start();
    const ready = await rig.manager.phase("ready");
    expect(ready).toMatchObject({ sequence: 1, life: 0, lastLife: null, problem: null, done: 0 });
    expect(ready.usage?.memoryTotalMb).toBeGreaterThan(0);
    const [enrolment] = rig.manager.enrolments;
    expect(enrolment).toMatchObject({ machine: rig.machine, token: "one-time-token-of-this-machine" });
    expect(enrolment!.agent).toMatch(/^[0-9a-f]{64}$/);

    const id = run(1, oneJob("build", says.until(rig.path("go"))));
    const busy = await rig.manager.phase("busy");
    expect(busy).toMatchObject({ life: 1, job: "build", done: id, lastLife: null });
    writeFileSync(rig.path("go"), "");
    const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
    expect(over.lastLife).toEqual({ life: 1, code: 0, ranJob: true, result: "Succeeded" });
    const last = end();
    expect(await rig.manager.phase("ended")).toMatchObject({ done: last, problem: null });
    expect(await agent.exitCode).toBe(0);

    const sequences = rig.manager.syncs.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
  });

  it("reports a job's start although its sync is held", async () => {
    rig.start();
    await rig.manager.phase("ready");
    run(1, scripted(says.listening, says.until(rig.path("go")), says.running("late"), "sleep 600"));
    await rig.manager.phase("listening");
    const at = performance.now();
    writeFileSync(rig.path("go"), "");
    await rig.manager.phase("busy");
    expect(performance.now() - at).toBeLessThan(10_000);
  });

  it("gives the registration to the Listener in its environment, which holds nothing else of ours", async () => {
    rig.start("exit", {}, { ...process.env, PULUMI_CONFIG_PASSPHRASE: "planted", LANG: "C.UTF-8" });
    await rig.manager.phase("ready");
    const config = scripted("cat /proc/$$/environ > environ", says.idle);
    run(1, config);
    await rig.manager.phase("listening");
    expect(rig.read("runner", "listener.argv")).toBe(`${rig.path("runner/bin/Runner.Listener")} run\n`);
    const names = rig
      .read("runner", "environ")
      .split("\0")
      .filter(Boolean)
      .map((pair) => pair.split("=")[0]!);
    expect(names).toContain("ACTIONS_RUNNER_INPUT_JITCONFIG");
    expect(names).not.toContain("PULUMI_CONFIG_PASSPHRASE");
    expect(names.includes("RUNNER_ALLOW_RUNASROOT")).toBe(process.getuid?.() === 0);
    const environ = rig.read("runner", "environ");
    expect(environ).toContain(`HOME=${rig.path("home")}`);
    expect(environ).toContain(`TMPDIR=${rig.path("tmp")}`);
    expect(rig.read("runner", ".env")).toContain("LANG=C.UTF-8\n");
    expect(rig.read("runner", ".path")).toBe(`${process.env["PATH"]}\n`);
  });

  it("keeps no token and no registration in its folder", async () => {
    rig.start();
    await rig.manager.phase("ready");
    expect(readdirSync(rig.directory).filter((name) => name.startsWith("launch"))).toEqual([]);
    const config = oneJob("build");
    run(1, config);
    await rig.manager.report(({ phase, life }) => phase === "ready" && life === 1);
    const files = readdirSync(rig.directory, { recursive: true, withFileTypes: true }).filter((e) =>
      e.isFile(),
    );
    for (const file of files) {
      const text = readFileSync(join(file.parentPath, file.name), "utf8");
      expect(text).not.toContain("one-time-token");
      expect(text).not.toContain(config);
    }
  });
});

describe("instructions", () => {
  it("carries out an instruction once, however often it comes", async () => {
    rig.start();
    await rig.manager.phase("ready");
    run(1, scripted(`echo started >> ${rig.path("starts")}`, says.idle));
    await rig.manager.phase("listening");
    rig.manager.repeat(rig.machine);
    await rig.manager.report(({ phase }) => phase === "listening", { from: rig.manager.syncs.length });
    expect(rig.read("starts")).toBe("started\n");
  });

  it("refuses a run that is out of place, and says so", async () => {
    rig.start();
    await rig.manager.phase("ready");
    run(1, scripted(says.idle));
    await rig.manager.phase("listening");
    const id = run(2, scripted(`touch ${rig.path("second")}`));
    const refused = await rig.manager.report(({ done }) => done === id);
    expect(refused.problem).toMatch(/out of place/);
    expect(refused).toMatchObject({ phase: "listening", life: 1 });
    expect(existsSync(rig.path("second"))).toBe(false);
  });

  it("answers a sync that failed with the same report", async () => {
    const unavailable = { status: 503, body: { error: "busy", message: "later" } };
    rig.manager.refuse.sync.push(unavailable, unavailable);
    rig.start();
    await rig.manager.until(() => rig.manager.syncs.length >= 3);
    const [first, second, third] = rig.manager.syncs;
    expect(second).toEqual(first);
    expect(third).toEqual(first);
  });

  it("interrupts a running job when told to end", async () => {
    await rig.close();
    rig = await Rig.make({ syncSeconds: 0.2 });
    const agent = rig.start("exit", { interruptMs: 5_000 });
    await rig.manager.phase("ready");
    const cancelled = `trap '${says.completed("build", "Canceled")}; exit 0' INT`;
    run(1, scripted(cancelled, says.running("build"), "while :; do sleep 0.02; done"));
    await rig.manager.phase("busy");
    end();
    const ended = await rig.manager.phase("ended");
    expect(ended.lastLife).toEqual({ life: 1, code: 0, ranJob: true, result: "Canceled" });
    expect(await agent.exitCode).toBe(0);
  });

  it("kills the whole process group of a Listener that will not end", async () => {
    const agent = rig.start();
    await rig.manager.phase("ready");
    const deaf = `trap '' INT TERM; echo $$ >> ${rig.path("pids")}`;
    run(
      1,
      scripted(
        deaf,
        `sh -c '${deaf}; while :; do sleep 0.05; done' &`,
        says.listening,
        "while :; do wait; done",
      ),
    );
    await rig.manager.phase("listening");
    end();
    const ended = await rig.manager.phase("ended");
    expect(ended.lastLife).toMatchObject({ code: null, ranJob: false });
    expect(await agent.exitCode).toBe(0);
    const pids = rig.read("pids").trim().split("\n");
    expect(pids.length).toBeGreaterThan(0);
    await eventually(() => pids.every((pid) => !runs(pid)), "the group is gone");
  });
});

describe("draining", () => {
  const drain = (graceSeconds: number) => rig.manager.order(rig.machine, { do: "drain", graceSeconds });

  it("lets an idle Listener exit by itself within the grace", async () => {
    rig.start();
    await rig.manager.phase("ready");
    run(1, scripted(says.listening, `trap 'exit 9' INT`, says.until(rig.path("go")), "exit 0"));
    await rig.manager.phase("listening");
    drain(10);
    await rig.manager.phase("stopping");
    writeFileSync(rig.path("go"), "");
    const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
    expect(over.lastLife).toEqual({ life: 1, code: 0, ranJob: false, result: null });
  });

  it("interrupts it after the grace", async () => {
    rig.start();
    await rig.manager.phase("ready");
    run(1, scripted(says.idle));
    await rig.manager.phase("listening");
    drain(0.1);
    const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
    expect(over.lastLife).toMatchObject({ ranJob: false });
    await rig.manager.report(({ phase, lastLife }) => phase === "ready" && lastLife !== null);
  });

  it("lets a job that started meanwhile finish", async () => {
    rig.start();
    await rig.manager.phase("ready");
    const job = [says.until(rig.path("job")), says.running("late"), says.until(rig.path("go"))];
    run(1, scripted(`trap 'exit 9' INT TERM`, says.listening, ...job, says.completed("late"), "exit 0"));
    await rig.manager.phase("listening");
    drain(0.5);
    await rig.manager.phase("stopping");
    writeFileSync(rig.path("job"), "");
    await rig.manager.phase("busy");
    await new Promise((resolve) => setTimeout(resolve, 700)); // longer than the grace: nothing may happen then
    writeFileSync(rig.path("go"), "");
    const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
    expect(over.lastLife).toEqual({ life: 1, code: 0, ranJob: true, result: "Succeeded" });
  });
});

describe("a machine that serves job after job", () => {
  it("gives the next job a slot in which nothing of the last one is left", async () => {
    rig.start();
    await rig.manager.phase("ready");
    const traces = [
      "echo evil > $HOME/.bashrc",
      "echo evil > $TMPDIR/left",
      "mkdir -p _work/_tool _diag && echo evil > _work/_tool/gcc",
      "mkdir -p $HOME/mod && echo 1 > $HOME/mod/file && chmod -w $HOME/mod",
      "rm externals/node24/bin/node && echo evil > externals/node24/bin/node",
      `setsid sh -c 'echo $$ > ${rig.path("daemon")}; exec sleep 600' &`,
      says.until(rig.path("daemon")),
    ];
    run(1, oneJob("first", ...traces));
    await rig.manager.report(({ phase, life }) => phase === "ready" && life === 1);
    expect(runs(rig.read("daemon").trim())).toBe(false);
    const look =
      "find . $HOME $TMPDIR -type f -print | sort > ../seen; cat externals/node24/bin/node >> ../seen";
    run(2, oneJob("second", look));
    const over = await rig.manager.report(({ lastLife }) => lastLife?.life === 2);
    expect(over.lastLife).toMatchObject({ ranJob: true, result: "Succeeded" });
    const seen = rig.read("seen");
    expect(seen).not.toMatch(/evil|bashrc|left|_tool|mod/);
    expect(seen).toContain("./bin/Runner.Listener\n");
    expect(rig.manager.archiveDownloads).toBe(1);
  });

  it("keeps the output of the last lives", async () => {
    rig.start("exit", { outputsKept: 2 });
    for (let life = 1; life <= 3; life++) {
      await rig.manager.report(({ phase, life: before }) => phase === "ready" && before === life - 1);
      run(life, oneJob(`job ${life}`));
    }
    await rig.manager.report(({ phase, life }) => phase === "ready" && life === 3);
    expect(readdirSync(rig.path("logs")).sort()).toEqual(["runner-2.log", "runner-3.log"]);
    expect(rig.read("logs", "runner-3.log")).toContain("Running job: job 3");
  });
});

describe("exit codes of the Listener", () => {
  const outcome = async (script: string) => {
    rig.start();
    await rig.manager.phase("ready");
    run(1, script);
    return rig.manager.report(({ lastLife }) => lastLife !== null);
  };
  const count = `echo x >> ${"$HOME"}/../starts`;

  it("2 starts it again, a bounded number of times", async () => {
    const over = await outcome(scripted(count, "exit 2"));
    expect(over.lastLife).toEqual({ life: 1, code: 2, ranJob: false, result: null });
    expect(over.problem).toMatch(/exit code 2/);
    expect(rig.read("starts")).toBe("x\n".repeat(4));
  });

  it("3 starts it again when its update is finished", async () => {
    const update = `if [ -e updating ]; then exit 0; fi; touch updating; (sleep 0.1; touch update.finished) & exit 3`;
    const over = await outcome(scripted(count, update));
    expect(over.lastLife).toMatchObject({ code: 0 });
    expect(rig.read("starts")).toBe("x\nx\n");
  });

  it("7 is reported as a version that GitHub no longer serves", async () => {
    const over = await outcome(scripted("exit 7"));
    expect(over.lastLife).toMatchObject({ code: 7, ranJob: false });
    expect(over.problem).toMatch(/no longer serves this runner version/);
  });

  it("after a job none starts it again", async () => {
    const over = await outcome(scripted(count, says.running("build"), "exit 2"));
    expect(over.lastLife).toMatchObject({ code: 2, ranJob: true });
    expect(rig.read("starts")).toBe("x\n");
  });

  it("a Listener that cannot be started is a life that failed", async () => {
    rig.start();
    await rig.manager.phase("ready");
    rmSync(rig.path("runner/bin/Runner.Listener"));
    run(1, oneJob("never"));
    const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
    expect(over.lastLife).toEqual({ life: 1, code: null, ranJob: false, result: null });
    expect(over.problem).toMatch(/cannot be started/);
  });
});
