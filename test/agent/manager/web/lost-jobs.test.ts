import { pino } from "pino";
import { expect, test } from "vitest";
import { jobLine } from "../../../../agent/cli/verbs/jobs.ts";
import { terminalOf } from "../../../../agent/cli/terminal.ts";
import { logLosses } from "../../../../agent/manager/log-losses.ts";
import { makeMetrics } from "../../../../agent/manager/web/metrics.ts";
import { renderJobs } from "../../../../agent/manager/web/page/jobs.ts";
import { stateView } from "../../../../agent/manager/web/state.ts";
import type { World } from "../../../../agent/manager/world.ts";
import { news, player } from "../history/facts.ts";
import { loss, now, world } from "../worlds.ts";
import { fakeClock, quietDeps } from "./fake-deps.ts";

const withLosses = (...all: ReturnType<typeof loss>[]): World => ({
  ...world(),
  losses: Object.fromEntries(all.map((each) => [each.id, each])),
});
const stateOf = (believed: World) =>
  stateView(
    {
      ...{ world: believed, refusals: {}, capacity: {}, history: { jobs: () => [], waits: () => ({}) } },
      meta: { startedMs: now, managerBundle: "b", healthy: true, problem: null },
    },
    now,
  );
const lost = loss("m1", { detail: "it is run again once its workflow run has ended" });
const told = (() => {
  const play = player([], withLosses(lost));
  play.seen(now, news("started", "j1", { runner: "m1" }));
  return play.world();
})();

test("a lost job says what took its machine and what becomes of its re-run: in the state, on the page, in muster jobs", async () => {
  const state = stateOf(told);
  const said = "EC2 took the spot instance back; it is run again once its workflow run has ended";
  expect(state.jobs[0]!.rerun).toEqual({ reason: "rerun-waits", detail: `interrupted: ${said}` });
  expect(String(await renderJobs(state))).toContain(said);
  const lines = jobLine(state.jobs[0]!, state, { ...terminalOf({ write: () => {} }, {}), columns: 200 });
  expect(lines.join("\n")).toContain(said);
  expect(lines.join("\n")).toContain("docs/reasons.md#rerun-waits");
});

test("a refusal is a warning of the pool", () => {
  const refused = loss("m1", { reason: "rerun-refused", detail: "403. Give it the right" });
  expect(stateOf(withLosses(refused)).pools[0]!.warnings).toEqual([
    "1 lost job is not run again: 403. Give it the right",
  ]);
});

test("metrics count losses and what came of them, and show those that wait", async () => {
  const metrics = makeMetrics(quietDeps(fakeClock(now)));
  const steps = [
    withLosses(),
    withLosses(lost, loss("m2")),
    withLosses({ ...lost, reason: "rerun-made" }, loss("m2", { reason: "rerun-refused" })),
    withLosses({ ...lost, reason: "rerun-made" }, loss("m2", { reason: "rerun-left" })),
  ];
  const fact = { is: "rerun-made", losses: [] } as const;
  const lines = async () =>
    (await metrics.text()).split("\n").filter((line) => /^muster_.*(lost|rerun)/.test(line));
  metrics.observeWorld(steps[2]!, {}, now);
  for (let step = 1; step < steps.length; step++)
    metrics.observeFact(fact, steps[step - 1]!, steps[step]!, now);
  expect(await lines()).toEqual([
    'muster_jobs_lost_total{pool="a"} 2',
    'muster_reruns_total{pool="a",outcome="made"} 1',
    'muster_reruns_total{pool="a",outcome="left"} 1',
    'muster_lost_jobs{pool="a",reason="rerun-waits"} 0',
    'muster_lost_jobs{pool="a",reason="rerun-refused"} 1',
  ]);
});

test("the log tells of a loss and of each turn of its re-run, once", () => {
  const lines: string[] = [];
  const watcher = logLosses({
    log: pino({ base: null }, { write: (line: string) => void lines.push(line) }),
  });
  const fact = { is: "rerun-made", losses: [] } as const;
  const steps = [
    withLosses(),
    withLosses(lost),
    withLosses({ ...lost, looks: 1 }),
    withLosses({ ...lost, reason: "rerun-made" }),
  ];
  for (let step = 1; step < steps.length; step++) watcher.fact!(fact, steps[step - 1]!, steps[step]!, now);
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { level: 40, msg: "a job lost its machine", run: 7, repository: "acme/widgets", job: "job m1" },
    { level: 30, msg: "a lost job", reason: "rerun-made" },
  ]);
});
