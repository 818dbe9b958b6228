/**
 * The manager's machine as a whole: the rendered user data run by sh and curl, the real updater, the real manager, an AWS
 * of moto and IMDSv2. Only devices and systemd are played. The tests follow each other on one machine.
 */
import { statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fileKey } from "../../agent/manager-host.ts";
import { mayMount } from "../agent/manager/small-disk.ts";
import { type Programs, sha256, variant } from "./manager-host/cloud.ts";
import { type Host, startHost } from "./manager-host/rig.ts";

const hash = (programs: Programs) => sha256(programs["manager.mjs"]);

describe.skipIf(!mayMount)("the manager's machine (namespaces of its own: needs root)", () => {
  let host: Host;
  /** What runs. */
  let programs: Programs;
  beforeAll(async () => {
    host = await startHost();
    programs = host.programs;
    await host.cloud.up(host.config(), programs);
  });
  afterAll(() => host?.stop());

  const runs = (wanted: Programs) =>
    host.status("it runs", ({ manager, healthy }) => healthy && manager === hash(wanted));
  const kept = (wanted: Programs) =>
    host.until("it is kept", () =>
      Promise.resolve(
        host.machine.log("muster-updater.service.log").includes(`"kept","manager":"${hash(wanted)}"`),
      ),
    );

  test("the first boot makes the file system and ends with a healthy manager", async () => {
    const said = await host.boot();
    expect(said).toContain("volume is blank: making");
    expect((await runs(programs)).problem).toBe(null);
    expect(statSync(`${host.machine.root}/run/muster-updater/secrets.json`).mode & 0o777).toBe(0o600);
    expect(await host.machine.inside("cat /etc/fstab")).toMatch(
      /^UUID=\S+ \/var\/lib\/muster \w+ \S*nofail/m,
    );
    await kept(programs);
  });

  test("the manager is the user muster, and neither secret nor credential is an argument or in its environment", async () => {
    const { pid } = await host.health();
    const processes = await host.machine.inside(
      "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'",
    );
    expect(processes).toContain("/opt/muster/manager.mjs");
    for (const secret of ["role/secret", "session/token", "ghp_"]) expect(processes).not.toContain(secret);
    const uid = await host.machine.inside("stat -c %U /proc/$(pgrep -f '[m]anager.mjs' | head -1)");
    expect([uid.trim(), pid > 0]).toEqual(["muster", true]);
  });

  test("a changed max is live in the same process", async () => {
    const { pid } = await host.health();
    await host.cloud.up(host.config({ max: 7 }), programs);
    await host.until("max is 7", async () => (await host.state()).pools[0]?.max === 7);
    expect((await host.health()).pid).toBe(pid);
  });

  test("settings that the manager cannot read change nothing and are named", async () => {
    const { pid } = await host.health();
    const config = host.config({ max: 7 });
    await host.cloud.currentSays(
      { ...config, pools: { default: { ...config.pools["default"]!, max: -1 } } },
      programs,
    );
    await host.status("refused settings", ({ problem }) => problem?.includes("pools.default.max") === true);
    await host.cloud.up(config, programs);
    await host.status("well again", ({ problem }) => problem === null);
    expect((await host.health()).pid).toBe(pid);
  });

  test("a new bundle takes over with the journal kept", async () => {
    const before = await host.health();
    programs = { ...programs, "manager.mjs": variant(programs["manager.mjs"], "two") };
    await host.cloud.up(host.config({ max: 7 }), programs);
    await runs(programs);
    const after = await host.health();
    expect(after.pid).not.toBe(before.pid);
    expect(after.managerBundle).toBe(hash(programs));
    await kept(programs);
    expect(host.machine.log("muster-manager.service.log").match(/"whole":\w+/g)).toEqual([
      '"whole":false',
      '"whole":true',
    ]);
  });

  test("a broken bundle is taken back, said, and not tried again", async () => {
    const broken = { ...programs, "manager.mjs": Buffer.from("process.exit(3);\n") };
    await host.cloud.up(host.config({ max: 7 }), broken);
    const { refused, manager } = await host.status(
      "rolled back",
      (found) => found.refused !== null && found.healthy,
    );
    expect(refused).toEqual({ manager: hash(broken), reason: expect.stringMatching(/red for \d+ s/) });
    expect(manager).toBe(hash(programs));
    // Its settings reach the one that runs.
    const { pid } = await host.health();
    await host.cloud.up(host.config({ max: 9 }), broken);
    await host.until("max is 9", async () => (await host.state()).pools[0]?.max === 9);
    expect((await host.health()).pid).toBe(pid);
    const starts =
      host.machine.log("muster-updater.service.log").split(`"manager":"${hash(broken)}","why"`).length - 1;
    expect(starts).toBe(1);
    await host.cloud.up(host.config({ max: 7 }), programs);
    await host.status("nothing is refused", (found) => found.healthy && found.refused === null);
  });

  test("a swapped file does not start: what lies in the bucket is not what its name says", async () => {
    const { pid } = await host.health();
    const wanted = { ...programs, "manager.mjs": variant(programs["manager.mjs"], "three") };
    await host.cloud.upload(wanted);
    await host.cloud.put(fileKey(hash(wanted), "manager.mjs"), "console.log('not what was built');");
    await host.cloud.parameterSays(wanted);
    await host.cloud.currentSays(host.config({ max: 7 }), wanted);
    await host.status("refused", ({ problem }) => problem?.includes("it is not run") === true);
    expect((await host.health()).pid).toBe(pid);
  });

  test("a swapped bundle does not start: the bucket alone cannot say what runs", async () => {
    const { pid } = await host.health();
    await host.cloud.parameterSays(programs);
    const swapped = { ...programs, "manager.mjs": Buffer.from("console.log('somebody else');") };
    await host.cloud.upload(swapped);
    await host.cloud.currentSays(host.config({ max: 7 }), swapped);
    await host.status("refused", ({ problem }) => problem?.includes("until they agree") === true);
    await host.cloud.up(host.config({ max: 7 }), programs);
    await host.status("well again", ({ problem }) => problem === null);
    expect((await host.health()).pid).toBe(pid);
  });

  test("a drain order is taken up, acknowledged, and taken back", async () => {
    await host.cloud.drain({ id: "order-1", pools: null, timeoutSeconds: 20 });
    const { drain } = await host.status("drained", (found) => found.drain?.done === true);
    expect(drain).toEqual({ id: "order-1", left: 0, done: true });
    expect((await host.state()).draining).toBe(true);
    await host.cloud.takeBackDrain();
    await host.status("taken back", (found) => found.drain === null);
    expect((await host.state()).draining).toBe(false);
  });

  test("an order for one pool drains that pool, and not the stack", async () => {
    await host.cloud.drain({ id: "order-2", pools: ["default"], timeoutSeconds: 20 });
    await host.status("drained", (found) => found.drain?.id === "order-2" && found.drain.done);
    expect((await host.state()).draining).toBe(false);
    await host.cloud.takeBackDrain();
    await host.status("taken back", (found) => found.drain === null);
  });

  test("alarms get their figures", async () => {
    await host.until("metrics", async () => (await host.cloud.metrics("muster/test"))?.length === 2);
    expect(await host.cloud.metrics("muster/test")).toEqual(["DataUsed", "Heartbeat"]);
  });

  test("what manager and updater say is in the log group, once, and no secret", async () => {
    const lines = (unit: string) => host.machine.log(`muster-${unit}.service.log`).split("\n").slice(0, -1);
    for (const unit of ["manager", "updater"]) {
      const said = lines(unit).filter((line) => line.trim() !== "");
      const logged = await host.until(`the log of the ${unit}`, async () => {
        const found = await host.cloud.logged(unit);
        return found !== null && found.length >= said.length && found;
      });
      expect(logged.slice(0, said.length)).toEqual(said);
      expect(logged.join("\n")).not.toMatch(/ghp_|session\/token|role\/secret/);
    }
  });

  test("a new updater looks first, then takes over; one that cannot look does not", async () => {
    const { pid } = await host.health();
    const broken = { ...programs, "updater.mjs": Buffer.from("process.exit(1);\n") };
    await host.cloud.up(host.config({ max: 7 }), broken);
    await host.status("refused", ({ problem }) => problem?.includes("did not work") === true);
    programs = { ...programs, "updater.mjs": variant(programs["updater.mjs"], "two") };
    await host.cloud.up(host.config({ max: 8 }), programs);
    await host.until("max is 8", async () => (await host.state()).pools[0]?.max === 8);
    expect(await host.machine.inside("readlink /opt/muster/updater.mjs")).toContain(
      sha256(programs["updater.mjs"]),
    );
    await host.status("well again", ({ problem }) => problem === null);
    expect((await host.health()).pid).toBe(pid);
  });

  test("an updater that passed its look and then keeps ending makes room for the one before", async () => {
    const bad = {
      ...programs,
      "updater.mjs": Buffer.from('if (!process.argv.includes("--look")) process.exit(1);\n'),
    };
    await host.cloud.up(host.config({ max: 8 }), bad);
    await host.status(
      "refused",
      ({ problem }) => problem?.includes(`${sha256(bad["updater.mjs"])} did not work`) === true,
    );
    await host.cloud.up(host.config({ max: 7 }), programs);
    await host.until("max is 7", async () => (await host.state()).pools[0]?.max === 7);
  });

  test("an object of a newer version is said, and what runs goes on", async () => {
    const { pid } = await host.health();
    await host.cloud.currentSays(host.config({ max: 7 }), programs, 2);
    await host.status(
      "said",
      ({ problem }) => problem?.includes("has version 2, this updater reads 1") === true,
    );
    await host.cloud.up(host.config({ max: 7 }), programs);
    await host.status("well again", ({ problem }) => problem === null);
    expect((await host.health()).pid).toBe(pid);
  });

  test("an updater that is killed comes back and leaves the manager alone", async () => {
    const { pid } = await host.health();
    await host.machine.inside("kill -9 $(pgrep -f '[u]pdater.mjs')");
    await host.cloud.up(host.config({ max: 5 }), programs);
    await host.until("max is 5", async () => (await host.state()).pools[0]?.max === 5);
    expect((await host.health()).pid).toBe(pid);
  });

  test("a manager that is killed comes back", async () => {
    const { pid } = await host.health();
    await host.machine.inside("kill -9 $(pgrep -f '[m]anager.mjs')");
    await host.until("it is back", async () => (await host.health()).pid !== pid);
    await runs(programs);
  });

  test("after a boot everything comes back, and the file system is as it was", async () => {
    await host.machine.inside(
      "systemctl stop muster-updater.service && systemctl stop muster-manager.service",
    );
    // What was in memory is gone.
    await host.machine.inside("rm -rf /run/muster /run/muster-updater");
    const said = await host.boot();
    expect(said).toContain("updater is there");
    expect(said).not.toContain("blank");
    await host.until("it is back", async () => (await host.health()).managerBundle === hash(programs));
    await host.status("healthy", ({ healthy, problem }) => healthy && problem === null);
  });
});
