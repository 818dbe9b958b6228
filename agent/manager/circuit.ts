/** Circuits: what a failure closes, for how long, and the one probe that opens it again. */
import type { Limits } from "./limits.ts";
import type { Failure } from "./facts.ts";
import type { Circuit, CircuitKey, LaunchId, Ms, Offer, Scope, World } from "./world.ts";
import { circuitKey } from "./world.ts";

/** How much an offer or an API may be used: as much as wanted, one probe, or not at all. */
export type Admission = "all" | "one" | "none";

/**
 * The circuit after one more failure. The pause doubles with every trip, up to the reason's maximum; what the other side
 * asked for (`retryAfterMs`) is a lower bound.
 */
export function trip(old: Circuit | undefined, failure: Failure, now: Ms, limits: Limits): Circuit {
  // Failures of calls that were sent together arrive together: they are one trip.
  if (old?.is === "open" && now < old.untilMs && old.reason === failure.reason) {
    return { ...old, untilMs: Math.max(old.untilMs, now + (failure.retryAfterMs ?? 0)) };
  }
  const trips = (old?.trips ?? 0) + 1;
  const first = limits.circuitMs[failure.reason];
  const pause = Math.min(limits.circuitMsMax[failure.reason], first * 2 ** Math.min(trips - 1, 20));
  const untilMs = now + Math.max(pause, failure.retryAfterMs ?? 0);
  return { is: "open", untilMs, reason: failure.reason, detail: failure.detail, trips };
}

/** What a circuit lets through now. */
export function admits(circuit: Circuit | undefined, now: Ms): Admission {
  if (!circuit) return "all";
  return now < circuit.untilMs ? "none" : "one";
}

/** The strictest of several. */
export function strictest(admissions: readonly Admission[]): Admission {
  if (admissions.includes("none")) return "none";
  return admissions.includes("one") ? "one" : "all";
}

/** A probe goes out: nobody else passes until it is answered or `probeMs` is over. */
export function probe(circuit: Circuit, by: LaunchId, now: Ms, limits: Limits): Circuit {
  const { reason, detail, trips } = circuit;
  return { is: "probing", untilMs: now + limits.probeMs, by, reason, detail, trips };
}

type Circuits = World["circuits"];

export function tripped(circuits: Circuits, failures: readonly Failure[], now: Ms, limits: Limits): Circuits {
  if (failures.length === 0) return circuits;
  const next: Record<CircuitKey, Circuit> = { ...circuits };
  // Counted once per call and scope, however many machines the call was for.
  const once = new Map(failures.map((failure) => [circuitKey(failure.scope), failure]));
  for (const [key, failure] of once) next[key] = trip(circuits[key], failure, now, limits);
  return next;
}

export function closed(circuits: Circuits, keep: (key: CircuitKey, circuit: Circuit) => boolean): Circuits {
  const entries = Object.entries(circuits) as [CircuitKey, Circuit][];
  if (entries.every(([key, circuit]) => keep(key, circuit))) return circuits;
  return Object.fromEntries(entries.filter(([key, circuit]) => keep(key, circuit)));
}

export const recipeScope = (pool: string, backend: string): Scope => ({
  on: "recipe",
  key: `${pool}/${backend}`,
});
export const githubScope = (pool: string): Scope => ({ on: "github", key: pool });

/** Every circuit that can close an offer for a pool. */
export const offerScopes = (pool: string, offer: Offer): readonly Scope[] => [
  { on: "offer", key: offer.key },
  { on: "backend", key: offer.backend },
  recipeScope(pool, offer.backend),
  ...offer.scopes,
];
