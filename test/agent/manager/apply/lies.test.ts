// Goal: a job that owns its machine can make the agent say anything; it brings about the machine's own end and nothing
// else. Method: every field of a report with every lie, on every stage, through the real apply and plan.
import { describe, expect, test } from "vitest";
import { apply } from "../../../../agent/manager/apply.ts";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { plan } from "../../../../agent/manager/plan.ts";
import type { Machine, World } from "../../../../agent/manager/world.ts";
import { phases } from "../../../../agent/protocol.ts";
import { after, entry, listed, news, said, seen, synced } from "../facts.ts";
import { actionsOf } from "../planning.ts";
import { config, demand, machine, now, registered, world } from "../worlds.ts";

const job = (over: Partial<Machine["job"]> = {}): Machine["job"] => ({
  name: "build",
  startedMs: now - 10_000,
  startedAtGitHub: true,
  completedMs: null,
  jobId: "j1",
  runner: "m1",
  ...over,
});
const minutes = (n: number) => now + n * 60_000;
const decided = (at: World, atMs: number) => {
  const views = Object.fromEntries(
    Object.keys(at.views).map((key) => [key, { is: "fresh" as const, atMs: atMs - 1_000 }]),
  );
  const heard = Object.fromEntries(
    Object.entries(at.reports).map(([id, report]) => [id, { ...report, atMs: atMs - 1_000 }]),
  );
  return plan({ ...at, views, reports: heard }, atMs, limits).actions;
};

describe("every report of a machine whose job GitHub calls started", () => {
  const lives = [null, 0, 1, 2].map((life) =>
    life === null ? null : { life, code: 0, ranJob: false, result: "Succeeded" },
  );
  const lies = phases.flatMap((phase) =>
    lives.flatMap((lastLife) =>
      [0, 1, 7].flatMap((life) =>
        [0, 99].flatMap((done) =>
          [null, "no disk"].map((problem) => ({ phase, lastLife, life, done, problem })),
        ),
      ),
    ),
  );

  test.each([...phases])("%s: no registration, no launch, no circuit; at most its own end", (phase) => {
    const other = registered("m2", "busy", { job: job({ runner: "m2", jobId: "j2" }) });
    for (const stage of ["registered", "listening", "busy", "retiring"] as const) {
      const own = registered("m1", stage, { job: job(), life: 1 });
      const start = world({
        machines: [own, other],
        demand: { a: demand(5, 2) },
        config: config({ a: { max: 2 } }),
      });
      for (const lie of lies.filter((each) => each.phase === phase)) {
        const { life, done, ...rest } = lie;
        const report = { sequence: 2, usage: null, ...rest };
        const told = after(start, synced("m1", { life, done, job: "another", report }));
        const what = JSON.stringify({ stage, lie });
        expect(told.machines.m2, what).toBe(start.machines.m2);
        expect(Object.keys(told.machines), what).toEqual(["m1", "m2"]);
        expect(told.circuits, what).toEqual({});
        expect(told.demand, what).toBe(start.demand);
        const actions = decided(told, minutes(1));
        expect(
          actions.filter(
            (action) => action.do === "mint" || (action.do === "end" && action.machine === "m2"),
          ),
          what,
        ).toEqual([]);
        // Its place is another's only once it is finished with.
        const launches = actions.filter((action) => action.do === "launch");
        expect(launches.length, what).toBe(told.machines.m1?.stage === "done" ? 1 : 0);
      }
    }
  });
});

describe("a machine for one job", () => {
  test("that claims after its job to be new is not registered again; it ends", () => {
    const claims = machine("m1", "enrolled", { job: job(), life: 1 });
    const at = world({ machines: [claims], demand: { a: demand(3) } });
    expect(actionsOf(at, "mint")).toEqual([]);
    expect(actionsOf(at, "end")).toMatchObject([{ machine: "m1", why: "its job ended" }]);
  });

  test("that says it never got its registration, and has a job of GitHub's, is busy", () => {
    // The manager was restarted before it heard that the config arrived; its agent pretends that it did not.
    const restarted = after(world({ machines: [registered("m1", "registered")] }), {
      is: "config-lost",
      machine: "m1",
      life: 1,
    });
    expect(restarted.machines.m1?.stage).toBe("enrolled");
    const byMessage = after(restarted, seen([news("started", { runner: "m1" })], 1, 1));
    expect(byMessage.machines.m1).toMatchObject({ stage: "busy", job: { startedAtGitHub: true } });
    const byRefusal = after(restarted, { is: "runner-removed", machine: "m1", name: "m1", outcome: "busy" });
    expect(byRefusal.machines.m1).toMatchObject({ stage: "busy", registration: { name: "m1" } });
  });
});

describe("a machine that says it works and has no job at GitHub", () => {
  const at = after(
    world({ machines: [registered("m1", "listening")] }),
    synced("m1", { ...said("busy"), job: "x" }),
  );
  const remove = { do: "remove-runner", machine: "m1" };

  test("is looked up there after five minutes, by asking for what GitHub refuses while a job runs", () => {
    expect(decided(at, minutes(4))).toEqual([]);
    expect(decided(at, minutes(5))).toMatchObject([remove]);
  });
  test("ends when GitHub had no job for it", () => {
    const gone = apply(
      at,
      { is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" },
      minutes(5),
      limits,
    );
    expect(decided(gone, minutes(6))).toMatchObject([{ do: "end", machine: "m1" }]);
  });
  test("works on when GitHub refuses, and is looked up again only after as long", () => {
    const asked = apply(at, { is: "remove-asked", machine: "m1" }, minutes(5), limits);
    const busy = apply(
      asked,
      { is: "runner-removed", machine: "m1", name: "m1", outcome: "busy" },
      minutes(5),
      limits,
    );
    expect(busy.machines.m1?.stage).toBe("busy");
    expect(decided(busy, minutes(9))).toEqual([]);
    expect(decided(busy, minutes(10))).toMatchObject([remove]);
  });
  test("is left alone once GitHub has called its job started", () => {
    const started = after(at, seen([news("started", { runner: "m1" })], 1, 1));
    expect(decided(started, minutes(60))).toEqual([]);
  });
});

describe("a machine that nobody remembers", () => {
  const adopted = after(world(), listed([entry("m1", { launch: "forgotten" })]));

  test.each([0, 1, 3])(
    "and claims %i registrations: its record is looked for before it is forgotten",
    (life) => {
      const told = after(adopted, synced("m1", { ...said("ready"), life }));
      const ended = after(told, { is: "end-asked", machine: "m1", why: "spent", failedBoot: false });
      const name = life < 2 ? "m1" : `m1-${life}`;
      expect(actionsOf(ended, "remove-runner")).toMatchObject([{ runner: { id: null, name } }]);
    },
  );

  test("works on until GitHub no longer calls it busy, and is registered never again", () => {
    const busy = after(adopted, synced("m1", { ...said("busy"), job: "long" }));
    expect(busy.machines.m1).toMatchObject({ stage: "busy", spent: true });
    const asked = decided(busy, minutes(5));
    expect(asked).toMatchObject([{ do: "remove-runner", machine: "m1" }]);
    const gone = apply(
      busy,
      { is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" },
      minutes(5),
      limits,
    );
    const [end] = decided(gone, minutes(6));
    expect(end).toMatchObject({ do: "end", machine: "m1" });
    const waiting = { ...gone, demand: { a: demand(5) } };
    expect(decided(waiting, minutes(6)).filter((action) => action.do === "mint")).toEqual([]);
  });
});

describe("what an agent says of its end", () => {
  test("closes no pool to others when its machine had come as far as a job", () => {
    const machines = ["m1", "m2", "m3"].map((id) => registered(id, "busy", { job: job({ runner: id }) }));
    const report = { sequence: 2, phase: "ended" as const, lastLife: null, problem: "no disk", usage: null };
    const at = after(world({ machines }), ...machines.map(({ id }) => synced(id, { report })));
    expect(at.circuits).toEqual({});
    expect(Object.values(at.machines).map(({ stage }) => stage)).toEqual(["done", "done", "done"]);
  });
});
