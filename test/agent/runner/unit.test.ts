/** Jobs in a unit of root's: what the agent orders, and what it makes of what it is left. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, Rig } from "./agents.ts";
import { oneJob, says, scripted } from "./fake-runner.ts";
import { FakeUnit } from "./fake-unit.ts";

let rig: Rig;
let unit: FakeUnit;
beforeEach(async () => {
  rig = await Rig.make();
  unit = new FakeUnit(rig.folder);
  rig.launch = { units: { orders: unit.orders, results: unit.results } };
});
afterEach(async () => {
  unit.close();
  await rig.close();
});

const run = (life: number, jitConfig: string) =>
  rig.manager.order(rig.machine, { do: "run", life, runnerName: `runner-${life}`, jitConfig });
const end = () => rig.manager.order(rig.machine, { do: "end", reason: "enough" });
const order = () => join(unit.orders, "job.env");
const go = () => writeFileSync(rig.path("go"), "");

describe("a job in a unit", () => {
  it("is ordered with its registration and nothing of the agent's, followed line by line, and its end reported", async () => {
    const agent = rig.start();
    await rig.manager.phase("ready");
    const config = oneJob("build", says.until(rig.path("go")));
    run(1, config);
    expect(await rig.manager.phase("busy")).toMatchObject({ life: 1, job: "build" });
    expect(unit.taken).toEqual([
      "MUSTER_ORDER=1.1\n" +
        `MUSTER_RUNNER=${rig.archive.sha256}\nMUSTER_MACHINE=${rig.machine}\n` +
        `ACTIONS_RUNNER_INPUT_JITCONFIG=${config}\n`,
    ]);
    go();
    const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
    expect(over.lastLife).toEqual({ life: 1, code: 0, ranJob: true, result: "Succeeded" });
    end();
    expect(await rig.manager.phase("ended")).toMatchObject({ problem: null });
    expect(await agent.exitCode).toBe(0);
  });

  it("is in no file of the agent's once it was taken, and only its owner reads it before", async () => {
    unit.works = false;
    rig.start();
    await rig.manager.phase("ready");
    const config = scripted(says.idle);
    run(1, config);
    await eventually(() => existsSync(order()), "it is ordered");
    expect(statSync(order()).mode & 0o777).toBe(0o600);
    unit.works = true;
    await rig.manager.phase("listening");
    for (const folder of [unit.orders, unit.results, rig.directory])
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        expect(readFileSync(path, "utf8"), path).not.toContain(config);
      }
  });

  it("is asked to stop when the machine is drained, and the machine is ready again", async () => {
    rig.start();
    await rig.manager.phase("ready");
    run(1, scripted(says.idle));
    await rig.manager.phase("listening");
    rig.manager.order(rig.machine, { do: "drain", graceSeconds: 0 });
    const over = await rig.manager.report(({ phase, life }) => phase === "ready" && life === 1);
    expect(over).toMatchObject({ lastLife: { code: 0, ranJob: false }, problem: null });
    expect(unit.running).toBe(false);
    run(2, oneJob("next"));
    await rig.manager.report(({ lastLife }) => lastLife?.life === 2);
  });

  it("is taken back when the machine ends before anybody took it", async () => {
    unit.works = false;
    const agent = rig.start();
    await rig.manager.phase("ready");
    run(1, scripted(says.idle));
    await eventually(() => existsSync(order()), "it is ordered");
    end();
    expect(await agent.exitCode).toBe(0);
    expect(existsSync(order())).toBe(false);
    expect(unit.taken).toEqual([]);
  });

  it("that no unit takes is given up after a while, with what to ask", async () => {
    unit.works = false;
    rig.start("exit", { unitStartMs: 200, outputPollMs: 20 });
    await rig.manager.phase("ready");
    run(1, scripted(says.idle));
    const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
    expect(over).toMatchObject({ lastLife: { life: 1, code: null, ranJob: false } });
    expect(over.problem).toMatch(/muster-job.service did not start: .*systemctl status/);
    expect(existsSync(order())).toBe(false);
  });

  it("that could not be started says why, in the words of the unit", async () => {
    [unit.fails, unit.unclean] = [true, "mount: no such device"];
    const agent = rig.start();
    await rig.manager.phase("ready");
    run(1, scripted(says.idle));
    const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
    expect(over.problem).toContain("mount: no such device");
    await agent.exitCode;
  });

  it("that a signal ended is reported with it, and its result", async () => {
    rig.start();
    await rig.manager.phase("ready");
    run(1, scripted(says.listening, says.running("build"), "exec sleep 600"));
    await rig.manager.phase("busy");
    unit.kill("SIGKILL");
    const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
    expect(over.lastLife).toEqual({ life: 1, code: null, ranJob: true, result: null });
    expect(over.problem).toBe("the runner got SIGKILL (signal)");
  });

  it.each([2, 3, 4])("is ordered once more when the Listener ends with %i", async (code) => {
    rig.start();
    await rig.manager.phase("ready");
    const once = `if [ ! -e ${rig.path("go")} ]; then touch ${rig.path("go")}; exit ${code}; fi`;
    run(1, scripted(once, says.listening, says.running("build"), says.completed("build"), "exit 0"));
    const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
    expect(over.lastLife).toEqual({ life: 1, code: 0, ranJob: true, result: "Succeeded" });
    expect(unit.taken.map((text) => text.split("\n")[0])).toEqual(["MUSTER_ORDER=1.1", "MUSTER_ORDER=1.2"]);
  });

  it("leaves a slot that is not clean out of service, with the reason", async () => {
    const agent = rig.start("clean-slot");
    await rig.manager.phase("ready");
    unit.unclean = "the slot is not clean: processes stay: 77";
    run(1, oneJob("build"));
    const last = await rig.manager.phase("ended");
    expect(last.problem).toContain("processes stay: 77");
    expect(last.lastLife).toMatchObject({ code: 0, ranJob: true });
    expect(await agent.exitCode).toBe(0);
  });
});

describe("an agent that was started again", () => {
  const again = async (agent: ReturnType<Rig["spawn"]>) => {
    agent.kill("SIGKILL");
    await agent.ended;
  };

  it("goes on in its session with the job that runs, and starts no other", async () => {
    const first = rig.spawn();
    await rig.manager.phase("ready");
    run(1, oneJob("build", says.until(rig.path("go"))));
    await rig.manager.phase("busy");
    const { sequence } = rig.manager.last()!;
    await again(first);
    expect(unit.running).toBe(true);
    const second = rig.spawn();
    await rig.manager.report((sync) => sync.phase === "busy" && sync.sequence > sequence);
    go();
    const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
    expect(over).toMatchObject({
      life: 1,
      job: "build",
      lastLife: { life: 1, code: 0, ranJob: true, result: "Succeeded" },
    });
    expect(rig.manager.enrolments).toHaveLength(1);
    expect(unit.taken).toHaveLength(1);
    end();
    expect(await second.ended).toBe(0);
  });

  it("reports the end of a job that ended meanwhile", async () => {
    const first = rig.spawn();
    await rig.manager.phase("ready");
    run(1, oneJob("build", says.until(rig.path("go"))));
    await rig.manager.phase("busy");
    await again(first);
    go();
    await eventually(() => !unit.running, "the job has ended");
    rig.spawn();
    const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
    expect(over.lastLife).toEqual({ life: 1, code: 0, ranJob: true, result: "Succeeded" });
  });

  it("that waits for a job is ready for the next one", async () => {
    const first = rig.spawn();
    await rig.manager.phase("ready");
    run(1, oneJob("build"));
    await rig.manager.report(({ phase, life }) => phase === "ready" && life === 1);
    await again(first);
    rig.spawn();
    run(2, oneJob("next"));
    const over = await rig.manager.report(({ lastLife }) => lastLife?.life === 2);
    expect(over.lastLife).toMatchObject({ code: 0, ranJob: true });
  });

  it("stops what a unit runs that it knows nothing of", async () => {
    const first = rig.spawn();
    await rig.manager.phase("ready");
    run(1, scripted(says.idle));
    await rig.manager.phase("listening");
    await again(first);
    writeFileSync(join(unit.orders, "agent.json"), "torn");
    rig.spawn();
    await rig.manager.until(() => rig.manager.enrolments.length === 2);
    await eventually(() => !unit.running, "it was stopped");
    await rig.manager.report(({ phase, life }) => phase === "ready" && life === 0);
  });
});
