/**
 * What the queued-runs source must know after a restart, in a file beside the journal: runners that it registered (whose
 * records are ours to delete), jobs that it told of and whose end it owes, and pools whose scale set lost labels. No secret
 * is in it. Losing it loses those ends and leaves idle records to GitHub, which deletes them after a day.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { Deps } from "../../deps.ts";
import { parsed } from "../http.ts";
import { openNoteFile } from "../note-file.ts";

export const tellings = ["queued", "assigned", "started"] as const;
const runner = z.object({ name: z.string(), pool: z.string() });
const job = z.object({
  id: z.string(),
  repository: z.string(),
  run: z.int(),
  pool: z.string(),
  name: z.string(),
  workflowRef: z.string(),
  told: z.enum(tellings),
});
const lost = z.object({ pool: z.string(), mark: z.string(), labels: z.array(z.string()), atMs: z.number() });
const file = z.object({
  url: z.string(),
  runners: z.array(runner),
  jobs: z.array(job),
  lost: z.array(lost),
});
export type NotedRunner = z.infer<typeof runner>;
export type NotedJob = z.infer<typeof job>;
export type LostLabels = z.infer<typeof lost>;

export interface Notes {
  runners(): readonly NotedRunner[];
  /** Pool of a runner that was registered here; undefined for everybody else's. */
  poolOf(runner: string): string | undefined;
  registered(runner: NotedRunner): void;
  removed(name: string): void;
  jobs(): readonly NotedJob[];
  /** Writes only when they differ from those noted. */
  keepJobs(jobs: readonly NotedJob[]): void;
  lost(): readonly LostLabels[];
  keepLost(lost: LostLabels): void;
  /** Writes no more: another place's notes have taken the file. */
  close(): void;
}

/** Records of runners that nobody removed; a stack has at most 2,000 machines. */
const runnersMax = 10_000;

/** @param url the place; what the file says of another does not count. */
export function openNotes(directory: string, url: string, deps: Pick<Deps, "log">): Notes {
  const path = join(directory, "queued-runs.json");
  const known = readNotes(path, url);
  const runners = new Map(known.runners.map((one) => [one.name, one]));
  let { jobs, lost } = known;
  let jobsText = JSON.stringify(jobs);
  const file = openNoteFile(path, "what the queued-runs source must know cannot be noted down", deps);
  const save = () => file.save({ url, runners: [...runners.values()], jobs, lost });
  return {
    runners: () => [...runners.values()],
    poolOf: (name) => runners.get(name)?.pool,
    registered: (one) => {
      runners.set(one.name, one);
      if (runners.size > runnersMax) runners.delete(runners.keys().next().value!);
      save();
    },
    removed: (name) => {
      if (runners.delete(name)) save();
    },
    jobs: () => jobs,
    keepJobs: (wanted) => {
      const text = JSON.stringify(wanted);
      if (text === jobsText) return;
      jobs = [...wanted];
      jobsText = text;
      save();
    },
    lost: () => lost,
    keepLost: (one) => {
      lost = [...lost.filter(({ pool }) => pool !== one.pool), one];
      save();
    },
    close: file.close,
  };
}

function readNotes(path: string, url: string): z.infer<typeof file> {
  const none = { url, runners: [], jobs: [], lost: [] };
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return none;
  }
  const read = file.safeParse(parsed(text));
  return read.success && read.data.url === url ? read.data : none;
}
