/** GitHub's figures and job messages; GitHub is believed for when a job starts and ends. */
import type { Limits } from "../limits.ts";
import type { Fact, JobNews } from "../facts.ts";
import type { Job, Machine, Ms, Registration, World } from "../world.ts";
import { isAlive } from "../world.ts";
import { fromOf, newsOfLosses } from "./losses.ts";
import { at } from "./machine.ts";

type Seen = Extract<Fact, { is: "demand-seen" }>;

export function demandSeen(world: World, fact: Seen, now: Ms, limits: Limits): World {
  if (!world.config.pools[fact.pool]) return world;
  const { statistics, news } = fact;
  const over = new Set(news.filter(({ is }) => is === "started" || is === "completed").map(({ id }) => id));
  const fresh = news.filter(
    ({ is, id }) =>
      is === "assigned" &&
      !over.has(id) &&
      !started(Object.hasOwn(world.jobs, id) ? world.jobs[id] : undefined),
  ).length;
  const uncounted = Math.max(0, fresh - Math.max(0, statistics.assigned - statistics.running));
  const old = world.demand[fact.pool];
  const { labelsDropped, source = old?.source ?? null } = fact;
  const demand =
    old && news.length === 0 && JSON.stringify(old.statistics) === JSON.stringify(statistics)
      ? { ...old, labelsDropped, source }
      : { statistics, uncounted, labelsDropped, source };
  // Another source names the same jobs by other ids: those that wait are told of anew.
  const moved = old?.source != null && source !== null && old.source.is !== source.is;
  const known = moved ? withoutWaiting(world.jobs, fact.pool) : world.jobs;
  return {
    ...world,
    demand: { ...world.demand, [fact.pool]: demand },
    jobs: bounded(
      news.reduce((jobs, item) => withNews(jobs, fact.pool, item, now), known),
      now,
      limits,
    ),
    machines: news.reduce((machines, item) => withRunner(world, machines, item, now), world.machines),
    losses: newsOfLosses(world.losses, news, now, limits),
  };
}

const withoutWaiting = (jobs: World["jobs"], pool: string): World["jobs"] =>
  Object.fromEntries(
    Object.entries(jobs).filter(
      ([, job]) => job.pool !== pool || job.state === "running" || job.state === "completed",
    ),
  );

const started = (job: Job | undefined) => job?.state === "running" || job?.state === "completed";

const rank = { queued: 0, assigned: 1, running: 2, completed: 3 } as const;
const stateOf = {
  queued: "queued",
  assigned: "assigned",
  started: "running",
  completed: "completed",
} as const;

function withNews(jobs: World["jobs"], pool: string, news: JobNews, now: Ms): World["jobs"] {
  // An id comes from outside: `__proto__` is one like any other.
  const old = Object.hasOwn(jobs, news.id) ? jobs[news.id] : undefined;
  const said = stateOf[news.is];
  // Messages repeat and cross; a state is left backwards only by a new assignment of a job that GitHub took back.
  const reassigned = old?.state === "completed" && news.is === "assigned" && old.startedMs === null;
  const state = !old || reassigned || rank[said] > rank[old.state] ? said : old.state;
  const job: Job = {
    id: news.id,
    pool,
    name: news.name,
    repository: news.repository,
    workflowRun: news.workflowRun,
    workflowRef: news.workflowRef,
    state,
    queuedMs: news.queuedMs ?? old?.queuedMs ?? null,
    assignedMs: news.assignedMs ?? old?.assignedMs ?? (news.is === "assigned" ? now : null),
    startedMs: old?.startedMs ?? (news.is === "started" ? now : null),
    completedMs: reassigned ? null : (old?.completedMs ?? (news.is === "completed" ? now : null)),
    result: reassigned ? null : (news.result ?? old?.result ?? null),
    runner: news.runner ?? old?.runner ?? null,
    seenMs: now,
  };
  return { ...jobs, [job.id]: job };
}

/** The machine whose registration GitHub names. */
function withRunner(
  { config }: World,
  machines: World["machines"],
  news: JobNews,
  now: Ms,
): World["machines"] {
  if (news.runner === null || (news.is !== "started" && news.is !== "completed")) return machines;
  const machine = Object.values(machines).find(
    ({ registration, job }) => registration?.name === news.runner || job?.runner === news.runner,
  );
  if (!machine) return machines;
  const job = machine.job?.jobId === news.id || machine.job?.jobId === null ? machine.job : null;
  const from = fromOf(news) ?? job?.from;
  const known = {
    name: news.name,
    startedMs: job?.startedMs ?? now,
    startedAtGitHub: true,
    completedMs: job?.completedMs ?? (news.is === "completed" ? now : null),
    jobId: news.id,
    runner: news.runner,
    ...(from ? { from } : {}),
  };
  const stages = ["registered", "listening", "retiring"];
  // A machine for one job that says it waits for it: its agent hides the job. One for several may be through with it.
  const several = machine.slot === true || config.pools[machine.pool]?.reuse === true;
  if (!several && machine.registration !== null) stages.push("enrolled");
  const serves = isAlive(machine) && news.is === "started" && stages.includes(machine.stage);
  const next: Machine = {
    ...(serves ? at(machine, "busy", now) : machine),
    job: known,
    registration:
      news.is === "completed" ? released(machine.registration, news.runner) : machine.registration,
  };
  return { ...machines, [machine.id]: next };
}

/** What GitHub refused to delete because of this job is asked for again at once. */
const released = (registration: Registration | null, runner: string | null): Registration | null =>
  registration?.heldBusy && registration.name === runner
    ? { ...registration, heldBusy: false, removeMs: null }
    : registration;

function bounded(jobs: World["jobs"], now: Ms, limits: Limits): World["jobs"] {
  const keep = (job: Job) =>
    job.state === "completed" ? now - job.seenMs < limits.jobKeptMs : now - job.seenMs < limits.jobSilentMs;
  const all = Object.values(jobs);
  const kept = all.filter(keep);
  if (kept.length === all.length && all.length <= limits.mapsMax) return jobs;
  const newest = kept.sort((a, b) => b.seenMs - a.seenMs).slice(0, limits.mapsMax);
  return Object.fromEntries(newest.map((job) => [job.id, job]));
}
