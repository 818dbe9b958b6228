/** `muster jobs [ID]`: the jobs of a stack, and one job's way with what each part of it was spent on. */
import type { JobView, ManagerState, Step, TimelineEntry } from "../../manager/view.ts";
import { CliError } from "../errors.ts";
import { duration, safe, table, wrap } from "../table.ts";
import type { Terminal } from "../terminal.ts";

export const jobsShownMax = 30;

const stateOf = ({ state, result }: JobView) =>
  state === "completed" ? safe(result ?? "completed", 40) : state;

const timeOf = ({ timeline }: JobView, step: Step): number | null =>
  timeline.find((entry) => entry.step === step)?.atMs ?? null;

/** Running to done, or to now; null before it ran. */
const ranMs = (job: JobView, now: number): number | null => {
  const running = timeOf(job, "running");
  if (running === null) return null;
  const end = timeOf(job, "done") ?? (job.state === "completed" ? null : now);
  return end === null ? null : Math.max(0, end - running);
};
const shown = (ms: number | null) => (ms === null ? "-" : duration(ms));

/** Ids are long; a beginning that names one job alone is enough for `muster jobs ID`. */
const shortIds = (jobs: readonly JobView[]): ((id: string) => string) => {
  const distinct = (length: number) =>
    new Set(jobs.map(({ id }) => id.slice(0, length))).size === jobs.length;
  const length = [8, 12, 16, 24].find(distinct) ?? 64;
  return (id) => id.slice(0, length);
};

/** Jobs that wait for a pool at GitHub: it says how many they are, and which only once it assigns them. */
export const heldBack = ({ pools }: Pick<ManagerState, "pools">): string[] =>
  pools.flatMap(({ name, available = 0, reasons = [] }) => {
    if (available === 0) return [];
    const many = available === 1 ? "1 job" : `${available} jobs`;
    const why = reasons[0] === undefined ? "" : `: ${safe(reasons[0].detail, 1024)}`;
    return [`${safe(name)}: GitHub holds back ${many}, which it does not name yet${why}`];
  });

/** Newest first, as the manager has them; then those that have no name yet. */
export const jobLines = (state: ManagerState, terminal: Terminal, most = jobsShownMax): string[] => {
  const held = heldBack(state).flatMap((line) => wrap(line, terminal.columns, "  "));
  if (state.jobs.length === 0) {
    if (held.length > 0) return held;
    const labels = state.pools[0]?.labels.map((label) => safe(label)).join(", ") ?? "LABELS";
    return [`No job yet. One that says runs-on: [${labels}] appears here.`];
  }
  const short = shortIds(state.jobs);
  const jobs = state.jobs.slice(0, most);
  const lines = table(
    [
      { title: "id" },
      { title: "job" },
      { title: "pool" },
      { title: "state" },
      { title: "waited", align: "right" },
      { title: "ran", align: "right" },
      { title: "machine or reason", gives: true },
    ],
    jobs.map((job) => [
      safe(short(job.id)),
      safe(job.name, 40),
      safe(job.pool),
      stateOf(job),
      shown(job.waitMs),
      shown(ranMs(job, state.atMs)),
      job.waitsFor === "" ? safe(job.machine ?? "-") : safe(job.waitsFor, 500),
    ]),
    { columns: terminal.columns },
  );
  const more = state.jobs.length - jobs.length;
  if (more > 0) lines.push(terminal.paint("quiet", `and ${more} more: --all`));
  return held.length > 0 ? [...lines, "", ...held] : lines;
};

/**
 * The job that an id, the beginning of one, or a part of a name means. @throws CliError when none or several do
 *
 * @param unnamed lines about jobs that are there and have no name yet
 */
export const findJob = (
  jobs: readonly JobView[],
  given: string,
  unnamed: readonly string[] = [],
): JobView => {
  const wanted = given.toLowerCase();
  const by = (test: (job: JobView) => boolean) => jobs.filter(test);
  const ways = [
    by(({ id }) => id.toLowerCase() === wanted),
    by(({ id }) => id.toLowerCase().startsWith(wanted)),
    by(({ name }) => name.toLowerCase() === wanted),
    by(({ name }) => name.toLowerCase().includes(wanted)),
  ];
  const found = ways.find((way) => way.length > 0) ?? [];
  if (found.length === 1) return found[0]!;
  if (found.length === 0)
    throw new CliError(
      `no job has the id or name "${safe(given, 100)}"; known are the open ones and the last that ended: npm run muster -- jobs --all${unnamed.map((line) => `\n  ${line}`).join("")}`,
    );
  const short = shortIds(jobs);
  const lines = table(
    [{ title: "id" }, { title: "job" }, { title: "state" }, { title: "run" }],
    found
      .slice(0, 20)
      .map((job) => [safe(short(job.id)), safe(job.name, 60), stateOf(job), String(job.workflowRun)]),
  );
  throw new CliError(
    `"${safe(given, 100)}" means ${found.length} jobs; name one by its id:\n${lines.map((line) => `  ${line}`).join("\n")}`,
  );
};

interface Gap {
  /** What went on after the step until the next one. */
  doing: string;
  /** Where it is explained. */
  page: string;
}
const why = "docs/reasons.md#why-jobs-wait-although-nothing-failed";
const failed = "docs/reasons.md#why-a-launch-or-a-call-failed";
const after: Readonly<Record<Exclude<Step, "done">, Gap>> = {
  queued: { doing: "at GitHub, not assigned yet", page: why },
  assigned: { doing: "waiting for a machine", page: why },
  "launch asked": { doing: "the backend starts it", page: failed },
  started: { doing: "booting, its agent reports", page: "docs/reasons.md#never-enrolled" },
  enrolled: { doing: "being registered at GitHub", page: failed },
  registered: { doing: "the runner starts, gets the job", page: "docs/reasons.md#registration-removed" },
  running: { doing: "the job ran", page: "" },
};
/** A part that took longer deserves to know where to read on. */
const longMs = 5_000;

interface Part extends TimelineEntry {
  /** Since the step before it that happened; null for the first, or where it lies before the job. */
  tookMs: number | null;
  before: boolean;
  gap: Gap | null;
}

const partsOf = (timeline: readonly TimelineEntry[]): Part[] => {
  let latest: { step: Step; atMs: number } | null = null;
  return timeline.map((entry) => {
    const { atMs, step } = entry;
    if (atMs === null) return { ...entry, tookMs: null, before: false, gap: null };
    const earlier = latest;
    const before = earlier !== null && atMs < earlier.atMs;
    if (!before) latest = { step, atMs };
    const tookMs = earlier === null || before ? null : atMs - earlier.atMs;
    const gap = earlier && !before && earlier.step !== "done" ? after[earlier.step] : null;
    return { ...entry, tookMs, before, gap };
  });
};

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const clockTime = (ms: number): string => new Date(ms).toISOString().slice(11, 23);

export const jobLine = (job: JobView, state: ManagerState, terminal: Terminal): string[] => {
  const ran = ranMs(job, state.atMs);
  const tone = job.result === "failed" ? "bad" : job.result === "succeeded" ? "good" : "strong";
  const first = job.timeline.find(({ atMs }) => atMs !== null)?.atMs ?? null;
  const indent = "         ";
  // GitHub names the workflow by its whole path, which begins with the repository.
  const workflow = job.workflowRef.replace(`${job.repository}/`, "");
  const line = (name: string, said: string) => wrap(`${name.padEnd(8)} ${said}`, terminal.columns, indent);
  const head = [
    ...wrap(terminal.paint("strong", safe(job.name)), terminal.columns, indent),
    ...line("state", terminal.paint(tone, stateOf(job))),
    ...line("id", safe(job.id)),
    ...line("from", `${safe(job.repository)}, run ${job.workflowRun}, ${safe(workflow)}`),
    ...line(
      "on",
      `pool ${safe(job.pool)}, ${job.machine === null ? "no machine yet" : `machine ${safe(job.machine)}`}`,
    ),
    ...line(
      "times",
      `${first === null ? "" : `from ${day(first)} (UTC), `}waited ${shown(job.waitMs)}, ran ${shown(ran)}`,
    ),
  ];
  if (job.waitsFor !== "") {
    const reason = state.pools.find(({ name }) => name === job.pool)?.reasons[0]?.reason;
    head.push(
      ...line("waits", safe(job.waitsFor, 1024)),
      `${indent}${terminal.paint("quiet", reason === undefined ? why : `docs/reasons.md#${reason}`)}`,
    );
  }
  if (job.rerun)
    head.push(
      ...line("lost", safe(job.rerun.detail, 1024)),
      `${indent}${terminal.paint("quiet", `docs/reasons.md#${safe(job.rerun.reason, 40)}`)}`,
    );
  const parts = partsOf(job.timeline);
  const lastKnown = parts.findLastIndex(({ atMs }) => atMs !== null);
  const rows = parts.map(({ step, atMs, tookMs, before, gap }, index) => {
    if (atMs === null)
      return [step, job.state === "completed" || index < lastKnown ? "not known" : "not yet", "", ""];
    const spent = before ? "was there before the job" : (gap?.doing ?? "");
    return [step, clockTime(atMs), tookMs === null ? "" : duration(tookMs), spent];
  });
  const long = parts.flatMap(({ gap, tookMs }) =>
    gap !== null && gap.page !== "" && tookMs !== null && tookMs > longMs
      ? [`${duration(tookMs)} ${gap.doing}: ${gap.page}`]
      : [],
  );
  const columns = [
    { title: "step" },
    { title: "at" },
    { title: "after", align: "right" as const },
    { title: "what the time went to", gives: true },
  ];
  return [
    ...head,
    "",
    ...table(columns, rows, { columns: terminal.columns }),
    ...(long.length > 0 ? ["", ...long] : []),
  ];
};
