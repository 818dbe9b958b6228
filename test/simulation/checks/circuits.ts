/** Invariant 6: after a shortage nothing is launched at that offer for the first pause; then one machine, until it is answered. */
import type { SimEvent } from "../events.ts";
import type { Checks } from "../checker.ts";

export function makeCircuitCheck({ fail, limits, now }: Checks) {
  /** By offer: closed until then, and what was called before the refusal was known. */
  const closed = new Map<string, { untilMs: number; probe: string | null }>();
  const open = new Map<string, { offer: string; sentMs: number }>();
  /** By any manager: the answer to a launch in doubt is asked for again, whatever else was refused since. */
  const called = new Set<string>();
  /** Calls without an answer, by launch. */
  const out = new Map<string, number>();
  /** Launches of which a dead manager's call was out: an answer may be to that one, and the present manager repeats them. */
  const ambiguous = new Set<string>();
  const count = (launch: string, more: number) => out.set(launch, Math.max(0, (out.get(launch) ?? 0) + more));
  return {
    managerStarted: () => {
      // Circuits are not journalled.
      closed.clear();
      open.clear();
      for (const [launch, calls] of out) if (calls > 0) ambiguous.add(launch);
    },
    hear: (event: SimEvent) => {
      if (event.is === "launch-called") {
        count(event.launch, 1);
        const repeated = called.has(event.launch);
        called.add(event.launch);
        if (!open.has(event.launch)) open.set(event.launch, { offer: event.offer, sentMs: now() });
        const circuit = closed.get(event.offer);
        if (!circuit || repeated) return;
        if (now() < circuit.untilMs)
          return fail(
            "6 circuit",
            `${event.offer} had no capacity and is closed for ${circuit.untilMs - now()} ms more, but ${event.launch} was sent`,
          );
        if (circuit.probe !== null && circuit.probe !== event.launch)
          return fail(
            "6 circuit",
            `${event.offer} is being probed by ${circuit.probe}, but ${event.launch} was sent`,
          );
        if (event.machines.length > 1)
          return fail("6 circuit", `a probe of ${event.offer} asked for ${event.machines.length} machines`);
        circuit.probe = event.launch;
      }
      // What a dead manager asked is answered to nobody.
      if (event.is === "launch-answered") count(event.launch, -1);
      if (event.is === "launch-answered" && open.has(event.launch)) {
        const circuit = closed.get(event.offer);
        if (circuit?.probe === event.launch) closed.delete(event.offer);
        // Calls that were sent together are refused together: one trip.
        const told = event.failure === "no-capacity" && !ambiguous.has(event.launch);
        if (told && now() >= (closed.get(event.offer)?.untilMs ?? 0))
          closed.set(event.offer, { untilMs: now() + limits.circuitMs["no-capacity"] - 1, probe: null });
      }
    },
  };
}
