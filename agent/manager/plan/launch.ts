/** New machines: how many, from which offer, and why not more. */
import { admits, offerScopes, strictest } from "../circuit.ts";
import type { WaitReason } from "../view.ts";
import { circuitKey, type Offer } from "../world.ts";
import type { Draft } from "./draft.ts";
import type { PoolFigures } from "./figures.ts";

interface Room {
  offer: Offer;
  /** How many machines this offer may bring now. */
  count: number;
}
interface Launches {
  refusals: Record<string, WaitReason[]>;
  capacity: Record<string, number>;
}

export function launches(paper: Draft, figures: Readonly<Record<string, PoolFigures>>): Launches {
  const { world, limits } = paper;
  repeatUnknown(paper);
  let money = moneyLeft(paper);
  let machines = Math.max(0, limits.machinesMax - Object.keys(world.machines).length);
  const refusals: Record<string, WaitReason[]> = {};
  const capacity: Record<string, number> = {};
  for (const [pool, own] of Object.entries(figures)) {
    const settings = world.config.pools[pool]!;
    const wanted = Math.max(0, own.waiting + (world.draining ? 0 : settings.minIdle) - own.coming.length);
    const blocked = blockedBy(paper, own);
    const free = Math.max(0, settings.max - own.alive.length);
    const reasons: WaitReason[] = blocked ? [blocked] : [];
    const rooms = blocked ? [] : roomsFor(paper, pool, reasons);

    let missing = Math.min(wanted, free);
    let launchable = 0;
    for (const { offer, count } of rooms) {
      const affordable = offer.priceMicros === 0 ? Infinity : Math.floor(money / offer.priceMicros);
      const most = Math.min(count, affordable, machines, free - launchable);
      if (affordable < count && most < missing)
        reasons.push(budgetReason(paper, offer, missing - Math.max(0, most)));
      if (most <= 0) continue;
      launchable += most;
      const taken = Math.min(most, missing);
      missing -= taken;
      machines -= taken;
      money -= taken * offer.priceMicros;
      order(paper, pool, offer, taken);
      for (const scope of taken > 0 ? offerScopes(pool, offer) : []) paper.probed.add(circuitKey(scope));
    }
    // Only jobs are refused; machines that would merely wait (minIdle) are not missed by anybody.
    const unserved = Math.max(0, own.waiting - own.coming.length - (Math.min(wanted, free) - missing));
    if (!blocked && wanted > free && settings.max > 0)
      reasons.push(maxReason(pool, settings.max, wanted - free));
    if (!blocked && own.available > 0 && launchable === 0 && reasons.length === 0)
      reasons.push(maxReason(pool, settings.max, own.available));
    refusals[pool] =
      unserved + own.available > 0
        ? reasons.map((reason) => ({ ...reason, jobs: Math.min(reason.jobs, unserved + own.available) }))
        : [];
    capacity[pool] = world.draining ? own.busy.length : own.alive.length + launchable + own.stranded;
  }
  return { refusals, capacity };
}

/** A lost answer is asked for again, byte for byte, while the first send may still land. */
function repeatUnknown(paper: Draft): void {
  for (const launch of Object.values(paper.world.launches)) {
    if (launch.is !== "unknown" || launch.sends >= 3) continue;
    if (paper.due(launch.sentMs + paper.limits.mintRetryMs * launch.sends)) {
      paper.add({ key: `launch:${launch.id}`, do: "repeat-launch", launch: launch.id });
    }
  }
}

function blockedBy(paper: Draft, figures: PoolFigures): WaitReason | null {
  const { world } = paper;
  const jobs = figures.waiting + figures.available;
  if (world.draining)
    return {
      reason: "draining",
      jobs,
      detail: "This stack is being drained: it starts no machines until that is taken back.",
    };
  if (!world.journalWritable)
    return {
      reason: "journal-incomplete",
      jobs,
      detail:
        "The journal cannot be written (is the disk full?): machines that could be forgotten are not started.",
    };
  if (!paper.due(world.launchesFromMs))
    return {
      reason: "journal-incomplete",
      jobs,
      detail: "The journal was lost: launches wait until calls made before can no longer land.",
    };
  if (!figures.fresh)
    return { reason: "view-not-fresh", jobs, detail: `GitHub does not answer for this pool: ${figures.why}` };
  return null;
}

function roomsFor(paper: Draft, pool: string, reasons: WaitReason[]): Room[] {
  const { world, now, limits } = paper;
  const waiting = Infinity;
  const rooms: Room[] = [];
  for (const offer of world.offers[pool] ?? []) {
    const view = world.views[`backend:${offer.backend}`];
    if (!view || view.is === "never") {
      reasons.push({
        reason: "view-not-fresh",
        jobs: waiting,
        detail: `The backend ${offer.backend} has not been listed yet${view ? `: ${view.why}` : ""}.`,
      });
      continue;
    }
    const circuits = offerScopes(pool, offer).map((scope) => world.circuits[circuitKey(scope)]);
    const taken = offerScopes(pool, offer).some((scope) => {
      const key = circuitKey(scope);
      return paper.probed.has(key) && admits(world.circuits[key], now) === "one";
    });
    const admission = taken ? "none" : strictest(circuits.map((circuit) => admits(circuit, now)));
    if (admission === "all") rooms.push({ offer, count: limits.machinesMax });
    if (admission === "one") rooms.push({ offer, count: 1 });
    for (const circuit of circuits) {
      if (!circuit || admits(circuit, now) !== "none") continue;
      paper.due(circuit.untilMs);
      const seconds = Math.ceil((circuit.untilMs - now) / 1_000);
      reasons.push({
        reason: circuit.reason,
        jobs: waiting,
        detail: `${offer.key}: ${circuit.detail}; tried again in ${seconds} s.`,
      });
    }
  }
  return rooms;
}

function order(paper: Draft, pool: string, offer: Offer, count: number): void {
  for (let left = count, part = 0; left > 0; left -= paper.limits.launchBatchMax, part += 1) {
    const size = Math.min(left, paper.limits.launchBatchMax);
    const { backend, key, priceMicros } = offer;
    paper.add({
      key: `launch:${pool}:${key}:${part}`,
      do: "launch",
      pool,
      backend,
      offer: key,
      count: size,
      priceMicros,
    });
  }
}

/** What the budget still admits, counting every machine that exists or may exist at its dearest. */
function moneyLeft({ world }: Draft): number {
  if (world.config.budget === null) return Infinity;
  const spent = Object.values(world.machines).reduce(
    (sum, machine) => sum + (machine.gone ? 0 : machine.priceMicros),
    0,
  );
  return world.config.budget.microsPerHour - spent;
}

const maxReason = (pool: string, max: number, jobs: number): WaitReason => ({
  reason: "max",
  jobs,
  detail: `The pool ${pool} is at its max of ${max} machines; a larger max would start more at once.`,
});

function budgetReason({ world }: Draft, offer: Offer, jobs: number): WaitReason {
  const { microsPerHour, currency } = world.config.budget!;
  return {
    reason: "budget",
    jobs,
    detail: `${offer.key} would exceed the budget of ${microsPerHour / 1e6} ${currency} per hour.`,
  };
}
