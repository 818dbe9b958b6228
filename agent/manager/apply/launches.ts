/** Launch and destroy: what was asked, answered, lost. */
import { closed, offerScopes, probe, tripped } from "../circuit.ts";
import type { Limits } from "../limits.ts";
import type { Fact } from "../facts.ts";
import type { Circuit, CircuitKey, Launch, Machine, Ms, World } from "../world.ts";
import { circuitKey } from "../world.ts";
import { at, changed } from "./machine.ts";
import { isOfLaunch, seated } from "./places.ts";

type Of<K extends Fact["is"]> = Extract<Fact, { is: K }>;

/** In the world, and in the journal, before the call leaves. */
export function launchSent(
  world: World,
  { launch, machines }: Of<"launch-sent">,
  now: Ms,
  limits: Limits,
): World {
  const offer = world.offers[launch.request.pool]?.find(({ key }) => key === launch.request.offer);
  const circuits: Record<CircuitKey, Circuit> = { ...world.circuits };
  for (const scope of offer ? offerScopes(launch.request.pool, offer) : []) {
    const circuit = circuits[circuitKey(scope)];
    if (circuit && now >= circuit.untilMs)
      circuits[circuitKey(scope)] = probe(circuit, launch.id, now, limits);
  }
  return {
    ...world,
    circuits,
    launches: { ...world.launches, [launch.id]: launch },
    machines: { ...world.machines, ...Object.fromEntries(machines.map((machine) => [machine.id, machine])) },
  };
}

const withLaunch = (world: World, id: string, patch: Partial<Launch>): World => {
  const launch = world.launches[id];
  return launch ? { ...world, launches: { ...world.launches, [id]: { ...launch, ...patch } } } : world;
};

export function launchRepeated(world: World, fact: Of<"launch-repeated">, now: Ms): World {
  const sends = (world.launches[fact.launch]?.sends ?? 0) + 1;
  return withLaunch(world, fact.launch, { is: "in-flight", sentMs: now, sends });
}

export function launched(world: World, fact: Of<"launched">, now: Ms, limits: Limits): World {
  const launch = world.launches[fact.launch];
  if (!launch) return world;
  const told = new Set(fact.machines);
  let next = withLaunch(world, launch.id, { is: "settled" });
  for (const id of fact.machines) {
    next = seated(next, launch.id, id, told);
    if (!next.machines[id]) next = adopted(next, launch, id, now);
    next = changed(next, id, (machine) =>
      machine.stage === "asked" ? { ...at(machine, "starting", now), startedMs: now } : machine,
    );
  }
  const refused = launch.request.machines.filter(
    (id) => !fact.machines.includes(id) && next.machines[id]?.stage === "asked",
  );
  // A refused repeat says nothing of an earlier send, which may still land: lists decide.
  if (launch.sends === 1) next = { ...next, machines: without(next.machines, refused) };
  else if (refused.length > 0) next = withLaunch(next, launch.id, { is: "unknown" });
  // A probe that brought machines closes what it probed, but a recipe is proven only by an agent that enrols.
  if (fact.machines.length > 0) {
    const proven = (key: CircuitKey, circuit: Circuit) =>
      circuit.is === "probing" && circuit.by === launch.id && !key.startsWith("recipe:");
    next = { ...next, circuits: closed(next.circuits, (key, circuit) => !proven(key, circuit)) };
  }
  return { ...next, circuits: tripped(next.circuits, fact.failures, now, limits) };
}

/** More machines than asked for are ours all the same; one that has been here before is over. */
function adopted(world: World, launch: Launch, id: string, now: Ms): World {
  if (isOfLaunch(launch, id)) return world;
  const sibling = Object.values(world.machines).find((machine) => machine.launch === launch.id);
  if (!sibling) return world; // the next list brings it with its tags
  const machine: Machine = { ...sibling, id, stage: "asked", stageMs: now };
  return { ...world, machines: { ...world.machines, [id]: machine } };
}

export function without<T>(
  record: Readonly<Record<string, T>>,
  keys: readonly string[],
): Readonly<Record<string, T>> {
  if (keys.length === 0) return record;
  const next = { ...record };
  for (const key of keys) delete next[key];
  return next;
}

export function launchUnknown(world: World, fact: Of<"launch-unknown">, now: Ms, limits: Limits): World {
  if (!world.launches[fact.launch]) return world;
  const next = withLaunch(world, fact.launch, { is: "unknown" });
  return { ...next, circuits: tripped(next.circuits, [fact.failure], now, limits) };
}

export function destroyAsked(world: World, fact: Of<"destroy-asked">, now: Ms): World {
  return fact.machines.reduce(
    (next, id) => changed(next, id, (machine) => ({ ...machine, destroyAskedMs: now })),
    world,
  );
}
