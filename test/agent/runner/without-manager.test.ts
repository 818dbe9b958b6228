import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, program, Rig } from "./agents.ts";
import { oneJob, says, scripted } from "./fake-runner.ts";

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.make({ deadManSeconds: 0.3, syncSeconds: 0.2, holdMs: 150 });
});
afterEach(() => rig.close());

const run = (life: number, jitConfig: string) =>
  rig.manager.order(rig.machine, { do: "run", life, runnerName: `runner-${life}`, jitConfig });
const logged = (event: string) => eventually(() => rig.events.some((e) => e.event === event), event);

describe("enrolling", () => {
  it("goes on until a manager answers", async () => {
    await rig.manager.down();
    rig.start();
    await logged("enrol-failed");
    await rig.manager.up();
    await rig.manager.phase("ready");
  });

  it("waits as long as a busy manager asks for", async () => {
    const busy = { status: 503, body: { error: "busy", message: "later" }, headers: { "retry-after": "1" } };
    rig.manager.refuse.enroll.push(busy);
    const startMs = performance.now();
    rig.start();
    await rig.manager.phase("ready");
    expect(performance.now() - startMs).toBeGreaterThan(1_000);
    expect(rig.manager.enrolments[1]).toEqual(rig.manager.enrolments[0]);
  });

  it.each(["unknown-machine", "session-over", "already-enrolled"])(
    "ends when refused as %s",
    async (error) => {
      rig.manager.refuse.enroll.push({ status: 409, body: { error, message: "no" } });
      expect(await rig.start().exitCode).toBe(1);
      expect(rig.manager.enrolments).toHaveLength(1);
    },
  );

  it("does not take another server's 404 for the manager's word", async () => {
    rig.manager.refuse.enroll.push({ status: 404, body: "<html>not here</html>" });
    rig.start();
    await rig.manager.phase("ready");
  });
});

describe("a manager on a Unix socket", () => {
  it("serves its agents there, also after the socket was gone for a while", async () => {
    await rig.close();
    rig = await Rig.make({ unix: true, deadManSeconds: 30, syncSeconds: 0.2, holdMs: 150 });
    await rig.manager.down();
    rig.start();
    await logged("enrol-failed");
    await rig.manager.up();
    await rig.manager.phase("ready");
    await rig.manager.down();
    await logged("manager-silent");
    const from = rig.manager.syncs.length;
    await rig.manager.up();
    await rig.manager.phase("ready", from);
    expect(rig.manager.enrolments).toHaveLength(1);
  });
});

describe("a manager that is gone", () => {
  it("does not disturb a running job, which is reported when it is back", async () => {
    rig.start();
    await rig.manager.phase("ready");
    const steps = [`trap 'exit 9' INT TERM`, says.until(rig.path("go"))];
    run(1, oneJob("long", ...steps));
    await rig.manager.phase("busy");
    await rig.manager.down();
    await logged("manager-silent");
    await new Promise((resolve) => setTimeout(resolve, 600)); // twice the dead man's time
    writeFileSync(rig.path("go"), "");
    await logged("listener-ended");
    await rig.manager.up();
    const over = await rig.manager.report(({ lastLife }) => lastLife !== null);
    expect(over.lastLife).toEqual({ life: 1, code: 0, ranJob: true, result: "Succeeded" });
  });

  it.each(["exit", "clean-slot"] as const)(
    "(%s) idle runners stop, and the agent keeps trying",
    async (end) => {
      rig.start(end);
      await rig.manager.phase("ready");
      run(1, scripted(says.idle));
      await rig.manager.phase("listening");
      const before = rig.manager.syncs.length;
      await rig.manager.down();
      await logged("idle-runner-stopped");
      await logged("listener-ended");
      await rig.manager.up();
      const back = await rig.manager.phase("ready", before);
      expect(back.lastLife).toMatchObject({ life: 1, ranJob: false });
      expect(back.problem).toMatch(/no manager/);
      run(2, oneJob("next"));
      await rig.manager.report(({ lastLife }) => lastLife?.life === 2);
      expect(rig.poweredOff).toBe(0);
    },
  );

  it("(power-off) an idle machine powers off, after a pause", async () => {
    const agent = rig.start("power-off");
    await rig.manager.phase("ready");
    await rig.manager.down();
    expect(await agent.exitCode).toBe(0);
    expect(rig.poweredOff).toBe(1);
  });

  it("(power-off) a machine that never found one powers off", async () => {
    await rig.manager.down();
    const agent = rig.start("power-off", { deadManMs: 200 });
    expect(await agent.exitCode).toBe(1);
    expect(rig.poweredOff).toBe(1);
  });
});

describe("a session that is over", () => {
  const over = { status: 401, body: { error: "session-over", message: "this session's machine is gone" } };

  it("ends an idle machine", async () => {
    const agent = rig.start();
    await rig.manager.phase("ready");
    run(1, scripted(says.idle));
    await rig.manager.phase("listening");
    rig.manager.refuse.sync.push(over);
    expect(await agent.exitCode).toBe(1);
  });

  it("lets a job finish first", async () => {
    const agent = rig.start();
    await rig.manager.phase("ready");
    run(1, oneJob("last", `trap 'exit 9' INT TERM`, says.until(rig.path("go")), `touch ${rig.path("done")}`));
    await rig.manager.phase("busy");
    rig.manager.refuse.sync.push(over);
    await logged("over");
    expect(existsSync(rig.path("done"))).toBe(false);
    writeFileSync(rig.path("go"), "");
    expect(await agent.exitCode).toBe(1);
    expect(existsSync(rig.path("done"))).toBe(true);
  });
});

describe("as a process", () => {
  /** Programs that switch a computer off, on PATH before all others; each leaves a trace when called. */
  const poison = () => {
    const folder = join(rig.folder, "poison");
    mkdirSync(folder);
    for (const name of ["poweroff", "shutdown", "halt", "reboot", "systemctl", "sudo"]) {
      writeFileSync(join(folder, name), `#!/bin/sh\necho "$0" >> ${rig.folder}/poisoned\n`);
      chmodSync(join(folder, name), 0o755);
    }
    return { PATH: `${folder}:${process.env["PATH"]}` };
  };
  const poisoned = () => existsSync(join(rig.folder, "poisoned"));

  it.each(["exit", "clean-slot"] as const)("%s never switches the computer off", async (end) => {
    const agent = rig.spawn(end, poison());
    await rig.manager.phase("ready");
    run(1, scripted(says.idle));
    await rig.manager.phase("listening");
    const before = rig.manager.syncs.length;
    await rig.manager.down();
    await eventually(() => existsSync(rig.path("listener.json")), "the listener is known");
    await new Promise((resolve) => setTimeout(resolve, 500)); // longer than the dead man's time
    await rig.manager.up();
    await rig.manager.phase("ready", before);
    rig.manager.order(rig.machine, { do: "end", reason: "enough" });
    expect(await agent.ended).toBe(0);
    expect(poisoned()).toBe(false);
    if (end === "clean-slot") expect(existsSync(rig.path("runner"))).toBe(false);
  });

  it("power-off does, with the computer's own program", async () => {
    const agent = rig.spawn("power-off", poison());
    await rig.manager.phase("ready");
    rig.manager.order(rig.machine, { do: "end", reason: "enough" });
    expect(await agent.ended).toBe(0);
    await eventually(poisoned, "poweroff was called");
  });

  it("SIGTERM interrupts the runner, reports the end and powers nothing off", async () => {
    const agent = rig.spawn("power-off", poison());
    await rig.manager.phase("ready");
    run(1, scripted(says.idle));
    await rig.manager.phase("listening");
    agent.kill("SIGTERM");
    const ended = await rig.manager.phase("ended");
    expect(ended.lastLife).toEqual({ life: 1, code: 0, ranJob: false, result: null });
    expect(await agent.ended).toBe(0);
    expect(poisoned()).toBe(false);
  });

  it("a second agent for the same machine finds no launch file and ends", async () => {
    const first = rig.spawn();
    await rig.manager.phase("ready");
    const second = spawnSync(process.execPath, [program, rig.path("launch.json")], { encoding: "utf8" });
    expect(second.status).toBe(1);
    expect(second.stdout).toMatch(/another agent has it/);
    expect(first.exitCode).toBe(null);
  });
});
