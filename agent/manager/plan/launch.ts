/** New machines: how many, from which offer, and why not more. */
import { admits, offerScopes, strictest } from "../circuit.ts";
import type { WaitReason } from "../view.ts";
import { circuitKey, isDraining, type Offer } from "../world.ts";
import type { Draft } from "./draft.ts";
import type { PoolFigures } from "./figures.ts";
import { freeSlots, slotsRefusal } from "./slots.ts";
import { type Asked, makePurse, promises, type Purse, type Room } from "./purse.ts";

interface Launches {
  refusals: Record<string, WaitReason[]>;
  capacity: Record<string, number>;
}

export function launches(paper: Draft, figures: Readonly<Record<string, PoolFigures>>): Launches {
  const { world } = paper;
  repeatUnknown(paper, figures);
  const purse = makePurse(paper);
  const refusals: Record<string, WaitReason[]> = {};
  const asked: Asked[] = [];
  for (const [pool, own] of Object.entries(figures)) {
    const pooled = launchFor(paper, pool, own, purse);
    refusals[pool] = pooled.refusals;
    asked.push(pooled.asked);
  }
  const promised = promises(asked, purse);
  const capacity = Object.fromEntries(
    Object.entries(figures).map(([pool, { alive, busy, stranded, refused }]) => [
      pool,
      refused ? 0 : isDraining(world, pool) ? busy.length : alive.length + promised[pool]! + stranded,
    ]),
  );
  return { refusals, capacity };
}

/** Orders what waits for this pool; says what it could not, and what it could take beyond. */
function launchFor(
  paper: Draft,
  pool: string,
  own: PoolFigures,
  purse: Purse,
): { refusals: WaitReason[]; asked: Asked } {
  const { world } = paper;
  const settings = world.config.pools[pool]!;
  const wanted = Math.max(
    0,
    own.waiting + (isDraining(world, pool) ? 0 : settings.minIdle) - own.coming.length,
  );
  const blocked = blockedBy(paper, own);
  const free = Math.max(0, settings.max - own.alive.length);
  const reasons: WaitReason[] = blocked ? [blocked] : [];
  const rooms = blocked ? [] : roomsFor(paper, pool, reasons);

  let missing = Math.min(wanted, free);
  const ordered = missing;
  // Jobs that GitHub holds back are not launched for, but somebody waits for them: what holds them up is said.
  let unmet = Math.min(wanted + own.available, free);
  let launchable = 0;
  const spare: Room[] = [];
  for (const { offer, count, slots } of rooms) {
    const most = Math.min(count, free - launchable);
    const paid = Math.min(most, purse.admits(offer.priceMicros));
    if (paid < most && paid < unmet) reasons.push(purse.refusal(offer, unmet - paid));
    if (paid <= 0) continue;
    launchable += paid;
    unmet -= Math.min(paid, unmet);
    const taken = Math.min(paid, missing);
    missing -= taken;
    purse.take(taken, offer.priceMicros);
    order(paper, pool, offer, taken, slots);
    for (const scope of taken > 0 ? offerScopes(pool, offer) : []) paper.probed.add(circuitKey(scope));
    if (paid > taken) spare.push({ offer, count: paid - taken });
  }
  // Only jobs are refused; machines that would merely wait (minIdle) are not missed by anybody.
  const unserved = Math.max(0, own.waiting - own.coming.length - (ordered - missing));
  const held = unserved + own.available;
  if (!blocked && wanted + own.available > free)
    reasons.push(maxReason(pool, settings.max, wanted + own.available - free));
  return {
    refusals: held > 0 ? reasons.map((reason) => ({ ...reason, jobs: Math.min(reason.jobs, held) })) : [],
    asked: { pool, taken: ordered - missing, spare, held: own.available },
  };
}

/** A lost answer is asked for again, byte for byte, while the first send may still land. */
function repeatUnknown(paper: Draft, figures: Readonly<Record<string, PoolFigures>>): void {
  const launches = Object.values(paper.world.launches).sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const launch of launches) {
    if (figures[launch.request.pool]?.refused) continue;
    if (launch.is !== "unknown" || launch.sends >= 3) continue;
    // Machines that were seen have settled it; once they are forgotten a repeat would bring them back, tokens and all.
    const missed = launch.request.machines.map((id) => paper.world.machines[id]);
    // A launch of an older copy of the journal may be long over, and its machines are of no use any more.
    if (!missed.some((machine) => machine?.stage === "asked" && !machine.spent)) continue;
    if (paper.due(launch.sentMs + paper.limits.mintRetryMs * launch.sends)) {
      paper.add({ key: `launch:${launch.id}`, do: "repeat-launch", launch: launch.id });
    }
  }
}

function blockedBy(paper: Draft, figures: PoolFigures): WaitReason | null {
  const { world } = paper;
  const jobs = figures.waiting + figures.available;
  if (isDraining(world, figures.pool))
    return {
      reason: "draining",
      jobs,
      detail: `${world.draining ? "This stack" : "This pool"} is being drained: it starts no machines until that is taken back.`,
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
  if (figures.refused) return { ...figures.refused, jobs };
  const unseen = unlisted(paper);
  if (unseen !== null && !paper.due(world.completeSinceMs + paper.limits.unlistedMsMax))
    return {
      reason: "journal-incomplete",
      jobs,
      detail: `The journal was lost, and ${unseen} has not been listed since: what runs there may fill the pool already.`,
    };
  if (!figures.fresh)
    return { reason: "view-not-fresh", jobs, detail: `GitHub does not answer for this pool: ${figures.why}` };
  return null;
}

/** A backend of which nothing has been seen yet, although a pool could have machines there. */
function unlisted({ world }: Draft): string | null {
  const backends = Object.values(world.offers).flatMap((offers) => offers.map(({ backend }) => backend));
  const names = [...new Set(backends)].sort();
  return names.find((name) => (world.views[`backend:${name}`] ?? { is: "never" }).is === "never") ?? null;
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
    const slots = freeSlots(world, offer);
    const most = slots?.length ?? limits.machinesMax;
    if (admission !== "none" && most > 0)
      rooms.push({ offer, count: admission === "one" ? 1 : most, ...(slots && { slots }) });
    if (slots?.length === 0) reasons.push(slotsRefusal(world, offer));
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

function order(paper: Draft, pool: string, offer: Offer, count: number, slots?: Room["slots"]): void {
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
      ...(slots && { slots: slots.slice(count - left, count - left + size) }),
    });
  }
}

const maxReason = (pool: string, max: number, jobs: number): WaitReason => ({
  reason: "max",
  jobs,
  detail: `The pool ${pool} is at its max of ${max} machines; a larger max would start more at once.`,
});
