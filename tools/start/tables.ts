/** The tables of `npm start`: jobs while they run, and their waits at the end. Pure. */
import { steps, type Step } from "../../agent/manager/view.ts";
import { duration, shorten, table, type Column } from "../../agent/cli/table.ts";
import { atOf, type Change, type Job } from "./jobs.ts";

const nameWidth = 28;
const right = (title: string): Column => ({ title, align: "right" });
const name = (job: Job) => shorten(job.name, nameWidth);

/**
 * Time from the step before it that happened. A machine that was there already made its steps before the job was
 * queued: that costs the job nothing.
 */
export const gap = (job: Job, step: Step): string => {
  const atMs = atOf(job, step);
  if (atMs === null) return "-";
  const before = steps
    .slice(0, steps.indexOf(step))
    .flatMap((earlier) => atOf(job, earlier) ?? [])
    .reduce((latest, ms) => Math.max(latest, ms), -Infinity);
  if (before === -Infinity) return "0.0 s";
  return atMs < before ? "before" : duration(atMs - before);
};

/** One line for a change: `   3.2 s  lint (local): launch asked, started`. */
export const changeLine = (change: Change, sinceStartMs: number): string => {
  const { job } = change;
  const done = change.steps.includes("done") ? ` (${job.result ?? "no result"})` : "";
  return `${duration(sinceStartMs).padStart(10)}  ${job.name} on ${job.pool}: ${change.steps.join(", ")}${done}`;
};

const lastStep = (job: Job): Step | null => steps.findLast((step) => atOf(job, step) !== null) ?? null;

const progress = (job: Job): string => steps.map((step) => (atOf(job, step) === null ? "·" : "●")).join("");

const stateOf = (job: Job): string => {
  if (job.state === "completed") return job.result ?? "done";
  const step = lastStep(job) ?? "queued";
  return job.waitsFor === "" ? step : `${step}: ${job.waitsFor}`;
};

/** The table that is drawn again and again on a terminal: at most `rows` lines of at most `columns` characters. */
export const liveTable = (jobs: readonly Job[], nowMs: number, rows: number, columns: number): string[] => {
  const room = Math.max(1, rows - 2);
  const waiting = jobs.filter((job) => job.state !== "completed");
  const done = jobs.filter((job) => job.state === "completed");
  // When they do not all fit, the finished ones go first.
  const shown = [...done, ...waiting].slice(-room);
  const lines = table(
    [{ title: "job" }, { title: "pool" }, { title: "way" }, right("wait"), right("ran"), { title: "now" }],
    shown.map((job) => [
      name(job),
      job.pool,
      progress(job),
      job.waitMs === null ? "-" : duration(job.waitMs),
      ran(job, nowMs),
      stateOf(job),
    ]),
  );
  const hidden = jobs.length - shown.length;
  const more = hidden > 0 ? [`... and ${hidden} more`] : [];
  return [...lines, ...more].map((line) => shorten(line, columns));
};

const ran = (job: Job, nowMs: number | null): string => {
  const startedMs = atOf(job, "running");
  if (startedMs === null) return "-";
  const endMs = atOf(job, "done") ?? nowMs;
  return endMs === null ? "-" : duration(endMs - startedMs);
};

/** Waits per job: the whole, then the part of each step since the one before it, then how long the job ran. */
export const waitsTable = (jobs: readonly Job[]): string[] => {
  const between = steps.filter((step) => step !== "queued" && step !== "done");
  const columns = [{ title: "job" }, { title: "pool" }, { title: "result" }, right("wait")];
  return table(
    [...columns, ...between.map(right), right("ran")],
    jobs.map((job) => [
      name(job),
      job.pool,
      job.result ?? job.state,
      job.waitMs === null ? "-" : duration(job.waitMs),
      ...between.map((step) => gap(job, step)),
      ran(job, null),
    ]),
  );
};
