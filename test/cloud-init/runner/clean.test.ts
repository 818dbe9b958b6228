/** What clears a slot away between two jobs, on a machine whose users, mounts and processes are its own. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mayMount } from "../../agent/manager/small-disk.ts";
import { playedMachine, type PlayedMachine } from "./played.ts";

const script = (name: string) =>
  readFileSync(join(import.meta.dirname, "../../../cloud-init/runner", name), "utf8");
const limitMs = 60_000;

describe.skipIf(!mayMount)("a slot after a job (namespaces of its own: needs root)", () => {
  let machine: PlayedMachine;
  beforeEach(async () => {
    machine = await playedMachine({ id: "i-0123456789abcdef0" });
    await machine.inside(
      "useradd --system muster && useradd --create-home --shell /bin/bash runner && mkdir -p /run/muster /run/muster-job /run/lock",
    );
    writeFileSync(`${machine.root}/opt/muster/clean`, script("clean.sh"));
    writeFileSync(`${machine.root}/opt/muster/place`, script("place.sh"));
  });
  afterEach(() => machine.stop());

  const asRunner = (command: string) =>
    machine.inside(`setpriv --reuid=runner --regid=runner --init-groups sh -c '${command}'`, {
      HOME: "/home/runner",
    });
  /** What muster-job.service runs when the job has ended. */
  const over = async () => {
    await machine.inside("echo 1.1 >/run/muster-job/taken");
    await machine.inside("sh /opt/muster/place over", {
      EXIT_CODE: "exited",
      EXIT_STATUS: "0",
      SERVICE_RESULT: "success",
    });
    return machine.inside("cat /run/muster-job/exit");
  };

  it(
    "has nothing of what it planted in files and processes, and the home is as at first",
    async () => {
      const first = await machine.inside("ls -A /home/runner");
      await asRunner(
        "for at in $HOME /tmp /var/tmp /dev/shm /run/lock; do mkdir -p $at/planted 2>/dev/null && echo x >$at/planted/file; done; " +
          "mkdir $HOME/sealed && touch $HOME/sealed/file && chmod 0 $HOME/sealed; echo planted >>$HOME/.bashrc; " +
          // Neither its session nor its environment tells whose it is.
          'trap "" TERM HUP INT; (env -i setsid sleep 600 >/dev/null 2>&1 &)',
      );
      // Where cron, at and logind keep what a user has asked them for.
      await machine.inside(
        "mkdir -p /var/spool/cron/crontabs /var/spool/cron/atjobs /var/lib/systemd/linger && cd /var/spool/cron && " +
          "echo planted >crontabs/runner && echo planted >atjobs/a0001 && chown runner crontabs/runner atjobs/a0001 && " +
          "touch /var/lib/systemd/linger/runner",
      );
      expect(await machine.inside("pgrep -c -U runner")).toBe("1\n");
      expect(await over()).toBe("1.1 exited 0 success\n\n");
      const left = "find /tmp /var/tmp /dev/shm /run/lock /var/spool /var/lib/systemd/linger -xdev";
      expect(await machine.inside(`${left} -name planted -o -user runner -o -name runner`)).toBe("");
      expect(await machine.inside("pgrep -c -U runner || true")).toBe("0\n");
      expect(await machine.inside("ls -A /home/runner")).toBe(first);
      expect(await machine.inside("cat /home/runner/.bashrc")).not.toContain("planted");
    },
    limitMs,
  );

  it(
    "where something stays says what, in the words that the agent reports",
    async () => {
      // A mount cannot be removed.
      await machine.inside("mkdir /tmp/held && mount -t tmpfs -o uid=$(id -u runner) tmpfs /tmp/held");
      expect(await over()).toMatch(/^1\.1 exited 0 success\nthe slot is not clean: .*\/tmp\/held\b/);
    },
    limitMs,
  );
});
