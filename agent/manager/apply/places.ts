/**
 * Where a backend names its machines itself: a request holds places, and each machine that the backend tells of takes one,
 * one for one, whoever told of it first. Nothing is then counted twice, and a machine is never anybody's second one.
 */
import type { Launch, LaunchId, Machine, MachineId, World } from "../world.ts";
import { runnerName } from "../world.ts";

/** Machines of the launch that have been here, gone ones included; a name of the request is a machine or a place. */
export const isOfLaunch = (launch: Launch, id: MachineId): boolean =>
  launch.request.machines.includes(id) || (launch.named ?? []).includes(id);

/**
 * The world in which a machine that the request did not name has taken the place of one that it did. The same world where
 * there is no such launch, no place is left, or it has been here before: late answers and lists may tell of what is over.
 *
 * @param told everything that this answer or list names: what is there itself gives its place to nobody
 */
export function seated(
  world: World,
  launchId: LaunchId,
  id: MachineId,
  told: Pick<ReadonlySet<MachineId>, "has">,
): World {
  const launch = world.launches[launchId];
  if (!launch || world.machines[id] || isOfLaunch(launch, id)) return world;
  const places = launch.request.machines.flatMap((name) => world.machines[name] ?? []);
  const free = places.filter((place) => place.startedMs === null && !told.has(place.id));
  // One that was given up while nobody could look is still a place: what comes after all is ended like it.
  const place = free.find(({ stage }) => stage === "asked") ?? free.find(({ gone }) => !gone);
  if (!place) return world;
  const { [place.id]: _, ...others } = world.machines;
  return {
    ...world,
    machines: { ...others, [id]: renamed(place, id) },
    launches: { ...world.launches, [launch.id]: { ...launch, named: [...(launch.named ?? []), id] } },
  };
}

/** What was asked of the place was asked of nobody. */
const renamed = (place: Machine, id: MachineId): Machine => ({
  ...place,
  id,
  missing: null,
  destroyAskedMs: null,
  registration: place.registration && {
    ...place.registration,
    name: runnerName(id, place.registration.life),
  },
});
