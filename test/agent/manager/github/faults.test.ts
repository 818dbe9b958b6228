/** Every fault of the simulator, in both styles: what is lost on the way is made up for. */
import { expect, test } from "vitest";
import type { Fault } from "../../../github/core/faults.ts";
import { eventually } from "./harness.ts";
import { jobs, of, serve, styles, world } from "./world.ts";

const everywhere: Fault[] = [
  { kind: "session-conflict", count: 2 },
  { kind: "session-without-queue-url", count: 1 },
  { kind: "session-evicted", count: 1 },
  { kind: "queue-token-expired", count: 2 },
  { kind: "admin-token-expired", count: 2 },
  { kind: "poll-empty-body", count: 2 },
  { kind: "unknown-entry", count: 2 },
  { kind: "unknown-message", count: 2 },
  { kind: "scale-set-deleted", count: 1 },
  { kind: "jit-name-conflict", count: 2 },
  { kind: "bom", on: "scale-set.list", count: 1 },
  { kind: "bom", on: "session.create", count: 1 },
  { kind: "bom", on: "scale-set.jit", count: 3 },
  { kind: "status", on: "*", status: 500, count: 4 },
  { kind: "status", on: "queue.poll", status: 503, count: 5 },
  { kind: "status", on: "queue.delete", status: 500, count: 7 },
  { kind: "status", on: "scale-set.jit", status: 502, count: 2 },
  { kind: "reset", on: "scale-set.*", count: 3 },
  { kind: "lost-answer", on: "rest.*", count: 1 },
  { kind: "lost-answer", on: "scale-set.create", count: 1 },
  { kind: "lost-answer", on: "scale-set.jit", count: 2 },
  { kind: "lost-answer", on: "scale-set.acquire", count: 1 },
  { kind: "lost-answer", on: "queue.poll", count: 2 },
  { kind: "lost-answer", on: "queue.delete", count: 2 },
  { kind: "hang", on: "queue.poll", count: 1 },
  { kind: "hang", on: "scale-set.list", count: 1 },
];
const cases = styles.flatMap((style) =>
  everywhere.map((fault) => [style, JSON.stringify(fault), fault] as const),
);

test.each(cases)(
  "%s with %s: every job runs all the same, none is told twice as new",
  async (style, _name, fault) => {
    const made = await world({ style }, { timings: { pollTimeoutMs: 400, callTimeoutMs: 300 } });
    made.sim.control.setFault(fault);
    made.github.capacity("a", 5);
    await made.sim.control.dispatchJobs(jobs(3));
    await eventually(() => expect(made.lastStatistics()?.assigned).toBe(3));
    await serve(made, 3);
    await eventually(() =>
      expect(made.sim.control.jobs().every(({ conclusion }) => conclusion === "succeeded")).toBe(true),
    );
    await eventually(() => expect(made.lastStatistics()).toMatchObject({ assigned: 0 }));
    for (const id of of(made, "completed")) {
      expect(made.news().filter((item) => item.id === id && item.is === "completed")).toHaveLength(1);
    }
  },
);

test("statistics of 0 beside assigned jobs: the news still says so", async () => {
  const made = await world({});
  made.github.capacity("a", 5);
  await made.sim.control.wait({ what: "polling", count: 1 });
  made.sim.control.setFault({ kind: "statistics-zero", count: 1 });
  await made.sim.control.dispatchJobs(jobs(2));
  await eventually(() => expect(of(made, "assigned")).toHaveLength(2));
  expect(made.seen().find(({ news }) => news.length > 0)!.statistics.assigned).toBe(0);
});
