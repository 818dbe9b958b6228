/** A job's way as lengths to draw: until it ran, and while it ran. Pure. */
import type { JobView, Step } from "../../view.ts";

export interface Segment {
  step: Step;
  /** What was going on, for people. */
  doing: string;
  /** Since the first known moment. */
  fromMs: number;
  toMs: number;
}

/** What goes on after each step, until the next one; also the order of the legend. */
export const doing: Readonly<Partial<Record<Step, string>>> = {
  queued: "at GitHub",
  assigned: "waiting for a machine",
  "launch asked": "launching",
  started: "booting",
  enrolled: "registering",
  registered: "runner starting",
};

/**
 * Queued to running, or to now. Steps that lie before the job (a machine that was already there) and clocks that
 * disagree shrink to nothing instead of running backwards.
 */
export function waitSegments(job: JobView, now: number): Segment[] {
  const at = timesOf(job);
  const points = job.timeline.filter(({ step, atMs }) => step in doing && atMs !== null);
  const origin = at.get("queued") ?? at.get("assigned") ?? at.get("running");
  if (origin === undefined) return [];
  const over = job.state === "completed" ? (at.get("done") ?? origin) : now;
  const end = Math.max(origin, at.get("running") ?? over);
  let reached = origin;
  const starts = points.map(({ step, atMs }) => {
    reached = Math.min(end, Math.max(reached, atMs!));
    return { step, fromMs: reached };
  });
  return starts
    .map(({ step, fromMs }, index) => ({
      step,
      doing: doing[step]!,
      fromMs: fromMs - origin,
      toMs: (starts[index + 1]?.fromMs ?? end) - origin,
    }))
    .filter(({ fromMs, toMs }) => toMs > fromMs);
}

/** Running to done, or to now; null before it ran. */
export function ranMs(job: JobView, now: number): number | null {
  const at = timesOf(job);
  const running = at.get("running");
  if (running === undefined) return null;
  return Math.max(0, (at.get("done") ?? (job.state === "completed" ? running : now)) - running);
}

const timesOf = ({ timeline }: JobView): Map<Step, number> =>
  new Map(timeline.flatMap(({ step, atMs }) => (atMs === null ? [] : [[step, atMs] as const])));

/**
 * The length that fills a bar, shared by all rows so that they can be compared. One job that waited for hours does
 * not flatten the others: what is beyond is cut off and marked.
 */
export function scaleMs(lengths: readonly number[]): number {
  const sorted = lengths.toSorted((a, b) => a - b);
  const most = sorted.at(-1) ?? 0;
  const usual = sorted[Math.floor((sorted.length - 1) * 0.8)] ?? 0;
  return Math.max(1, Math.min(most, usual * 4 || most));
}
