/** Machines that always exist: which of them can be started, and what people should know of those that stand still. */
import type { WaitReason } from "../view.ts";
import type { MachineId, Offer, PoolName, World } from "../world.ts";

/**
 * Those that a launch may start, in the order of the settings; null where machines are made. One whose last start still has
 * traces here, such as a record at GitHub, waits until these are gone.
 */
export const freeSlots = (
  { machines }: Pick<World, "machines">,
  { slots }: Offer,
): readonly MachineId[] | null =>
  slots?.filter(({ id, free }) => free && !machines[id]).map(({ id }) => id) ?? null;

const standing = ({ machines }: Pick<World, "machines">, { slots = [] }: Offer) =>
  slots.filter(({ id }) => !machines[id]);

/** Why an offer of machines that always exist brings none (more). */
export function slotsRefusal(world: Pick<World, "machines">, offer: Offer): WaitReason {
  const broken = standing(world, offer).filter(({ free }) => !free);
  const besides = broken.length === 0 ? "" : `, or cannot be started: ${said(broken)}`;
  const detail = `${offer.key}: its machines, which always exist, are all in use${besides}.`;
  return { reason: "not-offered", jobs: Infinity, detail };
}

/** Sentences about those of a pool that do not run. */
export const slotWarnings = (world: Pick<World, "machines" | "offers">, pool: PoolName): readonly string[] =>
  (world.offers[pool] ?? []).flatMap((offer) => {
    const [free, broken] = [true, false].map((is) =>
      standing(world, offer).filter((slot) => slot.free === is),
    );
    return [
      ...(free!.length === 0 ? [] : [`${offer.key}: stopped, and started when a job waits: ${said(free!)}.`]),
      ...(broken!.length === 0 ? [] : [`${offer.key}: cannot be used: ${said(broken!)}.`]),
    ];
  });

const saidMax = 5;
const said = (slots: readonly { id: MachineId; why: string }[]): string =>
  [
    ...slots.slice(0, saidMax).map(({ id, why }) => `${id} (${why})`),
    ...(slots.length > saidMax ? [`and ${slots.length - saidMax} more`] : []),
  ].join(", ");
