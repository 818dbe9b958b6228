import { describe, expect, it } from "vitest";
import { openHistory } from "../../../../agent/manager/history/history.ts";
import { fakeClock, quietDeps } from "../web/fake-deps.ts";
import { machine, now, world } from "../worlds.ts";
import { news, player } from "./facts.ts";

const open = () => openHistory({ path: ":memory:" }, quietDeps(fakeClock(now)));

describe("a job's way", () => {
  it("joins GitHub's news with the machine whose registration it names", () => {
    const history = open();
    const play = player([history]);
    play.seen(now + 20, news("assigned", "j1", { queuedMs: now, assignedMs: now + 10 }));
    play.boot("m1", now + 30, 100);
    play.synced("m1", now + 400, "listening");
    play.synced("m1", now + 500, "busy", "build");
    play.seen(now + 520, news("started", "j1", { queuedMs: now, assignedMs: now + 10, runner: "m1" }));
    play.seen(now + 9_000, news("completed", "j1", { runner: "m1", result: "succeeded" }));

    const job = history.job("j1")!;
    expect(job).toMatchObject({ machine: "m1", runner: "m1", state: "completed", result: "succeeded" });
    expect(job.times).toEqual({
      queued: now,
      assigned: now + 10,
      "launch asked": now + 30,
      started: now + 130,
      enrolled: now + 230,
      registered: now + 330,
      running: now + 500, // the agent said so before GitHub did
      done: now + 9_000,
    });
    expect(job.listeningMs).toBe(now + 400);
  });

  it("begins at the launch also where the backend names the machine itself, and a list tells of it before the answer", () => {
    const history = open();
    const play = player([history]);
    const request = { pool: "a", offer: "local", machines: ["a-l1-0"] };
    const launch = {
      ...{ id: "l1", backend: "local", request, worstMicros: 0, askedMs: now, sentMs: now, sends: 1 },
      is: "in-flight" as const,
    };
    const asked = { launch: "l1", askedMs: now, stageMs: now, startedMs: null };
    play.tell({ is: "launch-sent", launch, machines: [machine("a-l1-0", "asked", asked)] }, now);
    const listed = { id: "i-1", pool: "a", launch: "l1", offer: "local", startedMs: now + 50, running: true };
    play.tell({ is: "listed", backend: "local", machines: [listed], startedMs: now + 90 }, now + 100);
    play.tell({ is: "launched", launch: "l1", machines: ["i-1"], failures: [] }, now + 150);
    const host = { arch: "arm64", cores: 4, memoryMb: 1, diskFreeMb: 1, kernel: "" };
    play.tell({ is: "enrolled", machine: "i-1", host }, now + 200);
    play.tell({ is: "mint-asked", machine: "i-1", name: "i-1", life: 1 }, now + 250);
    play.tell({ is: "minted", machine: "i-1", life: 1, runnerId: 7, name: "i-1" }, now + 300);
    play.synced("i-1", now + 400, "busy", "build");
    play.seen(now + 420, news("started", "j1", { queuedMs: now - 10, runner: "i-1" }));
    expect(history.job("j1")).toMatchObject({
      machine: "i-1",
      times: { "launch asked": now, started: now + 50, enrolled: now + 200, registered: now + 300 },
    });
  });

  it("remembers the machine's moments when the news comes after the machine is gone", () => {
    const history = open();
    const play = player([history]);
    play.boot("m1", now, 100);
    play.synced("m1", now + 400, "busy", "build");
    play.tell({ is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" }, now + 5_000);
    for (const atMs of [now + 100_000, now + 115_000, now + 130_000]) {
      play.tell({ is: "listed", backend: "local", machines: [], startedMs: atMs }, atMs);
      play.tell({ is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" }, atMs + 1);
    }
    expect(play.world().machines["m1"]).toBeUndefined();

    play.seen(
      now + 140_000,
      news("completed", "j1", { queuedMs: now - 50, runner: "m1", result: "succeeded" }),
    );
    expect(history.job("j1")).toMatchObject({
      machine: "m1",
      times: { "launch asked": now, registered: now + 300 },
    });
  });

  it("tells two jobs on one reused machine apart by their registrations", () => {
    const history = open();
    const play = player([history]);
    play.boot("m1", now, 100, "m1-1");
    play.synced("m1", now + 400, "busy", "one");
    play.seen(now + 410, news("started", "j1", { queuedMs: now, runner: "m1-1" }));
    const before = play.world();
    const machine = before.machines["m1"]!;
    const second = { ...machine.registration!, name: "m1-2", life: 2, mintedMs: now + 60_000, gone: false };
    const again = world({
      machines: [
        {
          ...machine,
          stage: "busy",
          stageMs: now + 60_500,
          life: 2,
          registration: second,
          job: {
            name: "two",
            startedMs: now + 60_500,
            startedAtGitHub: false,
            completedMs: null,
            jobId: null,
            runner: "m1",
          },
        },
      ],
    });
    const later = player([history], again);
    later.seen(now + 60_600, news("started", "j2", { queuedMs: now + 59_000, runner: "m1-2" }));

    expect(history.job("j1")!.times).toMatchObject({ registered: now + 300, running: now + 400 });
    expect(history.job("j2")!.times).toMatchObject({
      "launch asked": now,
      registered: now + 60_000,
      running: now + 60_500,
    });
  });

  it("fills in a moment that is learned after the job started", () => {
    const history = open();
    const play = player([history]);
    play.boot("m1", now, 100);
    play.seen(now + 500, news("started", "j1", { queuedMs: now, runner: "m1" }));
    expect(history.job("j1")!.times.running).toBe(now + 500);
    play.synced("m1", now + 600, "busy", "build");
    expect(history.job("j1")!.listeningMs).toBe(now + 500);
  });

  it("starts over when GitHub takes a job back and assigns it anew", () => {
    const history = open();
    const play = player([history]);
    play.seen(now + 10, news("assigned", "j1", { queuedMs: now, assignedMs: now + 5 }));
    play.seen(now + 20, news("completed", "j1", { result: "canceled" }));
    expect(history.job("j1")).toMatchObject({ state: "completed", times: { done: now + 20 } });
    play.seen(now + 30, news("assigned", "j1"));
    expect(history.job("j1")).toMatchObject({
      state: "assigned",
      result: null,
      times: { queued: now, done: null },
    });
  });
});

describe("lists and figures", () => {
  it("lists what is open before what is completed, newest first", () => {
    const history = open();
    const play = player([history]);
    for (const [index, id] of ["old", "mid", "new"].entries()) {
      play.seen(now + index, news("queued", id, { queuedMs: now + index }));
    }
    play.seen(now + 50, news("completed", "old", { result: "succeeded" }));
    play.seen(now + 60, news("queued", "newest", { queuedMs: now + 60 }));
    play.seen(now + 70, news("completed", "newest", { result: "failed" }));
    expect(history.jobs(10).map(({ id }) => id)).toEqual(["new", "mid", "newest", "old"]);
    expect(history.jobs(2).map(({ id }) => id)).toEqual(["new", "mid"]);
  });

  it("counts each job's wait once, per pool", () => {
    const history = open();
    const play = player([history]);
    for (let index = 1; index <= 20; index++) {
      play.seen(now + 30_000, news("started", `j${index}`, { queuedMs: now + 30_000 - index * 1_000 }));
      play.seen(now + 31_000, news("completed", `j${index}`, { result: "succeeded" }));
    }
    expect(history.waits()).toEqual({ a: { jobs: 20, medianMs: 10_000, p95Ms: 19_000, maxMs: 20_000 } });
  });

  it("ends jobs that nobody will speak of again, and only those", () => {
    const history = open();
    const play = player([history]);
    play.boot("m1", now, 100);
    play.seen(now + 1_000, news("started", "kept", { queuedMs: now, runner: "m1" }));
    play.seen(now + 1_000, news("queued", "waits", { queuedMs: now }));
    const hour = 3_600_000;
    const gone = player([history], world());
    gone.seen(now + 15 * 60_000);
    expect(history.jobs(9).map(({ state }) => state)).not.toContain("completed");
    gone.seen(now + hour);
    expect(history.job("kept")).toMatchObject({ state: "completed", result: "unknown" });
    expect(history.job("waits")).toMatchObject({ state: "queued" });
    gone.seen(now + 26 * hour);
    expect(history.job("waits")).toMatchObject({ state: "completed", result: "unknown" });
  });
});
