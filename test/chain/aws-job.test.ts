// Goal: a job that reaches a machine of AWS runs there, with the rights that its unit says, and the machine is gone after it.
// Method: the real manager, GitHub's simulator with a queue, the real user data, and its units played (test/systemd): the real
// agent as its user, the job as its own. Stand-ins: the runner itself, systemd, and the cloud that launched the machine.
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { PoolConfig } from "../../agent/manager-config.ts";
import { control as controlManager } from "../../agent/supervisor/control.ts";
import { runnerUserData } from "../../cloud-init/runner.ts";
import { mayMount } from "../agent/manager/small-disk.ts";
import { machineId } from "../cloud-init/runner/machine.ts";
import { playedMachine, type PlayedMachine } from "../cloud-init/runner/played.ts";
import { type AwsStack, labels, pool, startAwsStack } from "./enrol/stack.ts";

const limitMs = 120_000;

describe.skipIf(!mayMount)("a job on a machine of AWS (namespaces of its own: needs root)", () => {
  let aws: AwsStack;
  let machine: PlayedMachine;
  afterEach(async () => {
    await machine?.stop();
    await aws?.stop();
  });

  const boot = async (settings: Partial<PoolConfig> = {}) => {
    aws = await startAwsStack({ minIdle: 0, ...settings });
    machine = await playedMachine({ id: machineId, metadata: aws.metadata.url, trusted: aws.web.ca });
    await machine.boot(runnerUserData({ managers: aws.managers, ca: aws.stack.ca, pool, end: "power-off" }));
  };
  const control = () => aws.chain.github.control;
  const dispatch = async (script: string) => (await control().dispatchJobs([{ labels, script }])).id;
  /** The only job. */
  const job = () => control().jobs()[0]!;
  /** What went on, for a failure. */
  const told = (error: Error) => {
    const agent = machine.log("muster-agent.service.log").split("\n").slice(-15).join("\n");
    throw new Error(`${error.message}\nagent:\n${agent}\nunits:\n${machine.log("failed.log")}`);
  };
  const completed = (id: number) => control().wait({ what: "run-completed", run: id }, limitMs).catch(told);
  const running = () => control().wait({ what: "jobs", phase: "running", count: 1 }, limitMs).catch(told);
  const poweredOff = async () => {
    await machine.off;
    expect(machine.poweredOff()).toBe(true);
  };
  /** In a job: until the test says go. */
  const wait = "until [ -e /tmp/go ]; do sleep 0.1; done";
  const go = () => machine.inside("touch /tmp/go");

  test(
    "it is queued, the machine that booted gets it, it succeeds, and the machine switches itself off",
    async () => {
      await boot();
      // A program like sudo: it works where nothing forbids new rights.
      await machine.inside("cp /usr/bin/id /media/like-sudo && chmod 4755 /media/like-sudo");
      const look = [
        'echo "I am $(id -un), in $PWD at home in $HOME"',
        'echo "rights: $(/media/like-sudo -u)"',
        'echo "machine: $MUSTER_MACHINE, registration: $ACTIONS_RUNNER_INPUT_JITCONFIG."',
        "cat /run/muster/job.env /run/muster-job/env /run/muster-job/taken || echo kept from jobs",
      ];
      const id = await dispatch([...look, wait].join("\n"));
      await running();
      const sudoers = await machine.inside("cat /etc/sudoers.d/muster");
      expect(sudoers).toBe("runner ALL=(ALL) NOPASSWD:ALL\n");
      await go();
      await completed(id);
      expect(job()).toMatchObject({ conclusion: "succeeded" });
      const { log } = job();
      expect(log).toMatch(/Z I am runner, in \/opt\/muster\/job\/_work\/\S+ at home in \/home\/runner$/m);
      expect(log).toMatch(/Z rights: 0$/m);
      expect(log).toContain(`Z machine: ${machineId}, registration: .`);
      expect(log).toMatch(/Z kept from jobs$/m);
      await poweredOff();
    },
    limitMs,
  );

  test(
    "its registration lies in no file but the runner's own, in memory, where other users do not read",
    async () => {
      await boot();
      const id = await dispatch(wait);
      await running();
      const environments = await machine.inside("cat /proc/[0-9]*/environ | tr '\\0' '\\n'");
      const [, config] = /^ACTIONS_RUNNER_INPUT_JITCONFIG=(\S+)$/m.exec(environments)!;
      expect(config!.length).toBeGreaterThan(100);
      const with_ = await machine.inside(
        'grep -rlF -e "$CONFIG" /run /etc /home /opt/muster /tmp /var/tmp /dev/shm /var/lib /media/logs || true',
        { CONFIG: config },
      );
      expect(with_).toBe("");
      expect(await machine.inside("ls -A /run/muster-job/up /run/muster")).toContain(".credentials");
      expect(await machine.inside("stat -f -c %T /run/muster-job/up")).toBe("tmpfs\n");
      const others = "setpriv --reuid=65534 --regid=65534 --clear-groups";
      for (const file of [".credentials", ".credentials_rsaparams", ".runner"])
        expect(
          await machine.inside(
            `${others} cat /opt/muster/job/${file} /run/muster-job/up/${file} 2>&1 || true`,
          ),
        ).toMatch(/^(.*Permission denied\n){2}$/);
      await go();
      await completed(id);
      await poweredOff();
    },
    limitMs,
  );

  test(
    "it is cancelled at GitHub: its steps end, the machine says so and switches itself off",
    async () => {
      await boot();
      const id = await dispatch(wait);
      await running();
      control().cancelRun(id);
      await completed(id);
      expect(job()).toMatchObject({ conclusion: "canceled" });
      await poweredOff();
      const ended = /"event":"listener-ended".*$/m.exec(machine.log("muster-agent.service.log"))![0];
      expect(ended).toContain('"ranJob":true,"result":"Canceled"');
    },
    limitMs,
  );

  test(
    "its agent is killed meanwhile: the next one goes on with it, and no second runner is started",
    async () => {
      await boot();
      const id = await dispatch(`echo begun\n${wait}`);
      await running();
      await machine.inside("kill -KILL $(pgrep -f '[a]gent.mjs')");
      const seenMs = async () => (await aws.chain.state()).machines[0]?.seenMs ?? 0;
      const before = await seenMs();
      await aws.chain
        .until("the next agent syncs", ({ machines }) => (machines[0]?.seenMs ?? 0) > before, limitMs)
        .catch(told);
      expect(await machine.inside("pgrep -c -f '[R]unner.Listener'")).toBe("1\n");
      await go();
      await completed(id);
      expect(job()).toMatchObject({ conclusion: "succeeded" });
      await poweredOff();
      const events = machine.log("muster-agent.service.log").match(/"event":"(enrolled|run)"/g);
      expect(events).toEqual(['"event":"enrolled"', '"event":"run"']);
    },
    limitMs,
  );

  test(
    "none has come yet, and the stack is drained: the runner that listens goes, and the machine switches itself off",
    async () => {
      await boot();
      // Nobody takes orders until the job is gone.
      await aws.chain.until("it has enrolled", ({ machines }) => machines[0]?.stage === "enrolled", limitMs);
      await machine.inside("systemctl stop muster-job.path");
      const id = await dispatch("echo too late");
      const ordered = "until [ -e /run/muster/job.env ]; do sleep 0.1; done";
      await machine.inside(ordered).catch(told);
      control().cancelRun(id);
      await completed(id);
      await machine.inside("systemctl start muster-job.path");
      const listens = "until grep -q '^.*Listening for Jobs' /run/muster-job/out; do sleep 0.1; done";
      await machine.inside(listens).catch(told);
      const socket = join(aws.directory, "control.sock");
      const drain = JSON.stringify({ timeoutSeconds: 1 });
      expect((await controlManager(socket, "/control/drain", drain, limitMs)).status).toBe(200);
      await poweredOff();
      const [, ended] = /"event":"listener-ended",(.*)\}$/m.exec(machine.log("muster-agent.service.log"))!;
      expect(ended).toBe('"life":1,"code":0,"ranJob":false,"result":null');
    },
    limitMs,
  );

  test(
    "it runs longer than it may: root's unit stops the runner at the agent's word, which cancels the job, and the machine is off",
    async () => {
      await boot({ maxJobSeconds: 3 });
      const id = await dispatch(`trap 'echo interrupted; exit 1' INT TERM\n${wait}`);
      await completed(id);
      expect(job().log).toMatch(/Z interrupted$/m);
      await poweredOff();
      expect(machine.calls("systemctl")).toContain("stop muster-job.service");
      expect(machine.log("muster-agent.service.log")).toContain("its job ran longer than maxJobTime");
    },
    limitMs,
  );
});
