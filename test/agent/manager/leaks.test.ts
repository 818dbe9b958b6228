// Goal: every end of a machine takes its runner record along, and a record that stays is seen. Method: the real loop and act
// in virtual time against a GitHub that refuses as long as the test says.
import { describe, expect, test } from "vitest";
import { makeAct } from "../../../agent/manager/act.ts";
import type { Fact } from "../../../agent/manager/facts.ts";
import { makeIdentity } from "../../../agent/manager/identity.ts";
import { leaks, watchLeaks } from "../../../agent/manager/leaks.ts";
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import { makeLoop } from "../../../agent/manager/loop.ts";
import type { Backend, GitHub } from "../../../agent/manager/ports.ts";
import { isAlive, type Machine } from "../../../agent/manager/world.ts";
import { virtualClock } from "../../simulation/clock.ts";
import { entry, listed } from "./facts.ts";
import { quietDeps } from "./web/fake-deps.ts";
import { config, demand, machine, now, registered, report, world } from "./worlds.ts";

const hour = 3_600_000;

/** A manager whose GitHub calls the runner busy until told otherwise; its backend shows what the test lists. */
function manage(machines: Machine[], { busy = true } = {}) {
  const clock = virtualClock(now);
  const deps = quietDeps(clock);
  const calls: { what: "mint" | "remove" | "launch"; name: string; atMs: number }[] = [];
  const github = {
    busy,
    mint: async (_pool: string, name: string) => {
      calls.push({ what: "mint", name, atMs: clock.now() - now });
      return { runnerId: 9, jitConfig: "config" };
    },
    remove: async (_pool: string, { name }: { name: string }) => {
      calls.push({ what: "remove", name, atMs: clock.now() - now });
      return github.busy ? "busy" : "gone";
    },
  };
  const launch: Backend["launch"] = async (_launch, request) => {
    for (const name of request.machines) calls.push({ what: "launch", name, atMs: clock.now() - now });
    return { machines: request.machines, failures: [] };
  };
  const backend = { launch, destroy: async () => {} } as unknown as Backend;
  const journal = { save: () => {}, heartbeat: () => {} };
  const settings = config({ a: { max: 2, idleTimeoutSeconds: 86_400 } });
  const loop = makeLoop({
    world: world({ config: settings, machines, demand: { a: demand(1) } }),
    journal,
    limits,
    deps,
    broken: (error) => expect.fail(String(error)),
  });
  loop.watch(watchLeaks(limits, deps));
  const configs = new Map<string, { life: number; jitConfig: string }>();
  let launches = 0;
  loop.start(
    makeAct({
      world: loop.world,
      report: loop.report,
      backends: new Map([["local", backend]]),
      github: github as unknown as GitHub,
      identity: makeIdentity(Buffer.alloc(32, 1)),
      configs,
      observe: () => {},
      limits,
      deps: { ...deps, id: () => `new${++launches}` },
    }),
  );
  const of = (what: string, name = "m1") => calls.filter((call) => call.what === what && call.name === name);
  /** GitHub and the backend go on saying the same. */
  const pass = async (ms: number) => {
    for (const untilMs = clock.now() + ms; clock.now() < untilMs;) {
      const { statistics } = demand(1);
      const seen: Fact = { is: "demand-seen", pool: "a", statistics, news: [], labelsDropped: [] };
      loop.report(seen);
      const alive = Object.values(loop.world().machines).filter(isAlive);
      loop.report(
        listed(
          alive.map(({ id }) => entry(id)),
          clock.now(),
        ),
      );
      await clock.advance(Math.min(30_000, untilMs - clock.now()));
    }
  };
  return { clock, loop, github, calls, of, pass, lines: deps.lines };
}

describe("the record of a machine that is finished with", () => {
  const ends: [string, Machine][] = [
    ["its job ended", registered("m1", "done", { ending: "its job ended" })],
    ["it was lost", registered("m1", "lost", { ending: "gone", gone: true })],
    [
      "its deadline passed",
      registered("m1", "done", { ending: "its job ran longer than maxJobTime (60 s)" }),
    ],
    ["nobody knew it", registered("m1", "done", { spent: true })],
  ];

  test.each(ends)(
    "%s: is deleted; refused as busy, again every 30 s until it is gone",
    async (_why, ended) => {
      const { github, of, pass, loop } = manage([ended]);
      await pass(10 * 60_000);
      const at = of("remove").map(({ atMs }) => Math.round(atMs / 1_000));
      expect(at.length).toBeGreaterThanOrEqual(19);
      for (const [index, second] of at.entries()) expect(second).toBe(index * 30);
      expect(loop.world().machines.m1, "it is not forgotten").toBeDefined();
      github.busy = false;
      await pass(60_000);
      expect(loop.world().machines.m1).toBeUndefined();
      const asked = of("remove").length;
      await pass(hour);
      expect(of("remove").length).toBe(asked);
    },
  );

  test("nothing is launched or registered in its name meanwhile, though a job waits", async () => {
    const { calls, of, pass } = manage([registered("m1", "done")]);
    await pass(hour);
    expect(of("mint")).toEqual([]);
    expect(of("launch")).toEqual([]);
    expect(calls.filter(({ what }) => what === "launch").length).toBeGreaterThan(0);
    expect(calls.some(({ what, name }) => what !== "remove" && name.startsWith("m1"))).toBe(false);
  });

  test("that stays for five minutes is called a leak, once, and once when it is over", async () => {
    const { clock, loop, github, pass, lines } = manage([registered("m1", "done", { stageMs: now })]);
    const said = () =>
      lines.filter((line) => line.includes('"runner":"m1"')).map((line) => /"msg":"([^"]+)/.exec(line)![1]);
    await pass(limits.leakMs - 30_000);
    expect([leaks(loop.world(), clock.now(), limits), said()]).toEqual([[], []]);
    await pass(hour);
    expect(leaks(loop.world(), clock.now(), limits)).toEqual([
      { machine: "m1", pool: "a", runner: "m1", sinceMs: now, heldBusy: true },
    ]);
    expect(said()).toHaveLength(1);
    github.busy = false;
    await pass(60_000);
    expect(said()).toEqual([expect.stringContaining("keeps"), expect.stringContaining("no record")]);
  });
});

describe("a registration that nobody uses", () => {
  test("is deleted at GitHub within the hour: three minutes after it was asked for", async () => {
    const waits = machine("m1", "enrolled", { stageMs: now });
    const { clock, loop, of, pass, github } = manage([waits], { busy: false });
    // Its agent syncs on and on, and starts nothing.
    const alive = () =>
      loop.report({
        is: "synced",
        machine: "m1",
        life: 0,
        done: 0,
        job: null,
        report: { ...report(), sequence: Math.round(clock.now() / 1_000) },
      });
    for (let minute = 0; minute < 60; minute++) {
      alive();
      await pass(60_000);
    }
    expect(github.busy).toBe(false);
    const [minted] = of("mint");
    const [removed] = of("remove");
    expect(of("mint")).toHaveLength(1);
    expect(removed!.atMs - minted!.atMs).toBeGreaterThanOrEqual(limits.registerDeadlineMs - 1_000);
    expect(removed!.atMs - minted!.atMs).toBeLessThan(limits.registerDeadlineMs + 60_000);
    expect(limits.registerDeadlineMs).toBeLessThan(hour);
  });

  test("is deleted also when the manager was away for that hour", async () => {
    const held = registered("m1", "registered");
    const old = {
      ...held,
      stageMs: now - hour,
      registration: { ...held.registration!, askedMs: now - hour },
    };
    const { of, pass } = manage([old], { busy: false });
    await pass(60_000);
    expect(of("remove").length).toBeGreaterThan(0);
  });
});
