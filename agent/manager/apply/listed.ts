/** A backend's complete list: who exists, who stopped, who is gone, who was nobody's. */
import { tripped } from "../circuit.ts";
import type { Limits } from "../limits.ts";
import type { Fact, Failure, ListedEnd, ListedMachine } from "../facts.ts";
import type { Loss } from "../losses.ts";
import type { Machine, Ms, World } from "../world.ts";
import { isAlive, livesBefore, newMachine } from "../world.ts";
import { at, booted, forgotten, lose } from "./machine.ts";
import { lossOf, withLosses } from "./losses.ts";
import { seated } from "./places.ts";

type Listed = Extract<Fact, { is: "listed" }>;

export function listed(before: World, fact: Listed, now: Ms, limits: Limits): World {
  const view = before.views[`backend:${fact.backend}`];
  if (view?.is === "fresh" && view.atMs > fact.startedMs) return before; // an older list that came late
  // A cloud's clock may be ahead of ours: nothing began in the future.
  const entries = fact.machines.map((entry) => ({ ...entry, startedMs: Math.min(entry.startedMs, now) }));
  const seen = new Map(entries.map((machine) => [machine.id, machine]));
  const world = entries.reduce((next, { launch, id }) => seated(next, launch, id, seen), before);
  const machines: Record<string, Machine> = { ...world.machines };
  const failedBoots: Machine[] = [];
  const taken: Failure[] = [];
  const lost: Loss[] = [];
  for (const machine of Object.values(world.machines)) {
    if (machine.backend !== fact.backend) continue;
    const entry = seen.get(machine.id);
    // One that always exists and stands still is there, but nothing of this start is.
    const here = entry && !(entry.slot && entry.end?.gone) ? entry : null;
    const next = here
      ? present(machine, here, now, limits, world)
      : absent(machine, fact, now, limits, world, entry?.end?.why);
    const interrupted = entry?.end?.interrupted === true;
    // Its agent's last words may have come before the backend's.
    const isNews = next.stage === "lost" ? isAlive(machine) : next.gone && !machine.gone;
    if (interrupted && isNews) {
      taken.push(interruption(machine, entry.end!));
      const loss = lossOf(machine, entry.end!.why, world, now, limits);
      if (loss !== null) lost.push(loss);
    }
    const failedBoot =
      next.stage === "lost" && machine.stage !== "lost" && machine.enrolledMs === null && !interrupted;
    // Of a pool that nobody knows there is no recipe to blame.
    if (failedBoot && world.config.pools[machine.pool]) failedBoots.push(next);
    machines[machine.id] = next;
  }
  for (const entry of entries) {
    if (entry.end?.gone !== true) machines[entry.id] ??= adopt(world, fact.backend, entry, now, limits);
  }
  return failedBoots.reduce(
    (next, machine) =>
      booted(
        next,
        machine,
        { ok: false, reason: "never-enrolled", detail: machine.ending ?? "" },
        { boot: null, now, limits },
      ),
    { ...withLosses(world, lost), machines, circuits: tripped(world.circuits, taken, now, limits) },
  );
}

const interruption = ({ offer }: Machine, { why }: ListedEnd): Failure => ({
  reason: "interrupted",
  scope: { on: "offer", key: offer },
  detail: why,
  retryAfterMs: null,
});

function present(machine: Machine, entry: ListedMachine, now: Ms, limits: Limits, world: World): Machine {
  const gone = entry.end?.gone === true;
  if (!isAlive(machine)) return shown(machine, gone);
  const here = shown(machine, false);
  if (isAnotherStart(here, entry, limits))
    return { ...lose(here, "its instance was started anew", now), gone: true };
  if (here.stage === "asked" && !gone) return { ...at(here, "starting", now), startedMs: entry.startedMs };
  if (entry.running) return here;
  // It stopped by itself. Its agent's last words may still be on their way.
  const heardMs = Math.max(here.stageMs, world.reports[here.id]?.atMs ?? 0);
  if (now - heardMs < limits.stoppedGraceMs) return here;
  return { ...lose(here, entry.end?.why ?? "the machine stopped by itself", now), gone };
}

/** Who enrolled in an earlier start has no part in this one. */
const isAnotherStart = (machine: Machine, { slot, startedMs }: ListedMachine, limits: Limits): boolean =>
  slot === true &&
  machine.stage !== "asked" &&
  startedMs > (machine.startedMs ?? machine.askedMs) + limits.clockSkewMs;

const shown = (machine: Machine, gone: boolean): Machine =>
  machine.missing === null && machine.gone === gone ? machine : { ...machine, missing: null, gone };

function absent(
  machine: Machine,
  fact: Listed,
  now: Ms,
  limits: Limits,
  world: World,
  why = "the machine is gone from its backend",
): Machine {
  const next = counted(machine, fact, limits);
  const { lists, sinceMs } = next.missing!;
  const missed = lists >= limits.lostAfterLists && fact.startedMs - sinceMs >= limits.lostAfterMs;
  if (!isAlive(machine)) {
    // What was finished with before this list began, and is not in it, is gone; its price is free then. Where a list may lack
    // what exists, one alone does not free it.
    const settled = machine.destroyAskedMs !== null || machine.missing !== null;
    const proven = settled && machine.stageMs <= fact.startedMs && (fact.consistent !== false || missed);
    return proven ? { ...machine, gone: true } : next;
  }
  if (!mayBeMissed(machine, fact, limits, world)) return machine;
  return missed ? { ...lose(next, why, now), gone: true } : next;
}

/** Lists that failed in between would have shown it or not: what an old one lacked is not held against it any more. */
function counted(machine: Machine, { startedMs }: Listed, limits: Limits): Machine {
  const last = machine.missing;
  // Older journals do not have the field.
  const inRow = last !== null && startedMs - (last.lastMs ?? last.sinceMs) <= limits.listFreshMs;
  const { lists, sinceMs } = inRow ? last : { lists: 0, sinceMs: startedMs };
  return { ...machine, missing: { lists: lists + 1, sinceMs, lastMs: startedMs } };
}

/** A machine may be missing from lists while its call is out, in doubt, or young. */
function mayBeMissed(machine: Machine, fact: Listed, limits: Limits, world: World): boolean {
  const launch = world.launches[machine.launch];
  if (launch?.is === "in-flight") return false;
  if (launch?.is === "unknown") {
    return fact.startedMs - launch.sentMs >= limits.unknownSettleMs + limits.visibilityGraceMs;
  }
  return fact.startedMs - (machine.startedMs ?? machine.askedMs) >= limits.visibilityGraceMs;
}

/** Ours by its tags, but not in our memory: a restarted manager adopts; plan ends what nobody may use. */
function adopt(world: World, backend: string, entry: ListedMachine, now: Ms, limits: Limits): Machine {
  const launch = world.launches[entry.launch];
  // Also one whose launch an older copy of the journal remembers. One that always exists needs no launch of ours: when this
  // start of it began, its backend says, by a clock of its own.
  const spent = entry.slot
    ? entry.startedMs < world.completeSinceMs + limits.clockSkewMs
    : !launch || launch.askedMs < world.completeSinceMs;
  const known = newMachine({
    id: entry.id,
    pool: entry.pool,
    backend,
    offer: entry.offer,
    launch: entry.launch,
    priceMicros:
      launch?.worstMicros ??
      world.offers[entry.pool]?.find(({ key }) => key === entry.offer)?.priceMicros ??
      0,
    recipe: launch || entry.slot ? (world.recipes[entry.pool] ?? "") : "",
    spent,
    ...(entry.slot && { slot: true }),
    stage: "starting",
    stageMs: now,
    askedMs: entry.startedMs,
    startedMs: entry.startedMs,
  });
  if (entry.slot && !spent) return { ...known, life: livesBefore(entry.startedMs) };
  // Whatever its agent will say: nobody here knows that it was never registered, so its record is looked for.
  return !spent ? known : { ...known, registration: forgotten(entry.id, 1, world.config.github.url, now) };
}
