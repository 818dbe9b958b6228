/** place.sh and clean.sh with the real sh, mount and find, on a machine in namespaces of its own. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mayMount } from "../../agent/manager/small-disk.ts";
import { type Machine, startMachine } from "../../systemd/machine.ts";

const source = (name: string) =>
  readFileSync(join(import.meta.dirname, "../../../cloud-init/runner", name), "utf8");
const archive = "0a".repeat(32);

describe.skipIf(!mayMount)("the place of a job (namespaces of its own: needs root)", () => {
  let machine: Machine;
  /** Whether a clean-up takes longer than it may. */
  let slow: boolean;
  beforeEach(async () => {
    slow = false;
    const memory = ["/run", "/tmp", "/var/tmp", "/dev/shm"];
    machine = await startMachine({
      over: ["/etc", "/opt", "/var/lib", "/var/spool", "/home"],
      setUp: [
        ...memory.map((path) => `mount -t tmpfs -o mode=1777 tmpfs ${path}`),
        "mkdir /opt/muster && mount -t tmpfs -o mode=755 tmpfs /opt/muster",
      ],
      tools: { timeout: '[ ! -e /media/slow ] || exit 124\nexec /usr/bin/timeout "$@"' },
    });
    for (const name of ["place", "clean"])
      writeFileSync(`${machine.root}/opt/muster/${name}`, source(`${name}.sh`));
    await machine.inside(
      [
        "set -e",
        "id muster || useradd --system --shell /usr/sbin/nologin muster",
        "id runner || useradd --create-home --shell /bin/bash runner",
        "mkdir -p /run/muster /run/muster-job && chmod 750 /run/muster /run/muster-job",
        "chown muster: /run/muster && chown 0:muster /run/muster-job",
        `mkdir -p /opt/muster/runners/${archive}/bin`,
      ].join("\n"),
    );
  });
  afterEach(() => machine.stop());

  const order = (...lines: string[]) =>
    writeFileSync(
      `${machine.root}/run/muster/job.env`,
      ["MUSTER_ORDER=1.1", `MUSTER_RUNNER=${archive}`, "MUSTER_MACHINE=i-1", ...lines, ""].join("\n"),
    );
  const place = () => machine.inside("sh /opt/muster/place");
  /** @returns why there must be no other job; empty where the place is clean */
  const over = async () => {
    if (slow) await machine.inside("touch /media/slow");
    const said = { EXIT_CODE: "exited", EXIT_STATUS: "0", SERVICE_RESULT: "success" };
    await machine.inside("sh /opt/muster/place over", said);
    const [first, why] = (await machine.inside("cat /run/muster-job/exit")).split("\n");
    expect(first).toBe("1.1 exited 0 success");
    return why;
  };
  const asRunner = (command: string) =>
    machine.inside(`setpriv --reuid=runner --regid=runner --init-groups sh -c '${command}'`);

  it("gets of an order one value for each name, and no variable besides: root's commands would have it, too", async () => {
    order("MUSTER_MACHINE=LD_PRELOAD=/opt/muster/runners/mine.so", "ACTIONS_RUNNER_INPUT_JITCONFIG=e30=");
    await place();
    const names = (await machine.inside("cat /run/muster-job/env")).split("\n");
    expect(names).toEqual(
      expect.arrayContaining(["MUSTER_MACHINE=i-1", "ACTIONS_RUNNER_INPUT_JITCONFIG=e30="]),
    );
    expect(names.join()).not.toContain("LD_PRELOAD");
  });

  it("takes no link for an order, and carries the next one into no folder that the link named", async () => {
    await machine.inside("ln -s /etc /run/muster/job.env");
    await expect(place()).rejects.toThrow();
    order();
    await place();
    expect(await machine.inside("ls /etc/job.env 2>&1 || true")).toContain("No such file");
  });

  it("is clean after a job, whose home is a new folder: what the old one passes on to files in it is gone", async () => {
    order();
    await place();
    await asRunner("chmod g+s /home/runner && touch /home/runner/left /tmp/left");
    expect(await over()).toBe("");
    expect(await machine.inside("stat -c '%a %U' /home/runner; ls /tmp /home/runner")).not.toMatch(
      /^2|left/m,
    );
  });

  it("is not clean where something of a job's home cannot be removed", async () => {
    order();
    await place();
    await machine.inside("mkdir /home/runner/kept && mount -t tmpfs tmpfs /home/runner/kept");
    expect(await over()).toMatch(/^the slot is not clean: .*kept/);
  });

  it("says that it is not clean when clearing it takes too long, before systemd ends that without a word", async () => {
    order();
    await place();
    slow = true;
    expect(await over()).toMatch(/^the slot is not clean/);
  });
});
