/**
 * What all pools share: the budget, and the number of machines that a manager can hold. Launches are paid from it first; what
 * is left is promised to GitHub as capacity, once and not to each pool the whole of it.
 */
import type { WaitReason } from "../view.ts";
import type { MachineId, Offer } from "../world.ts";
import type { Draft } from "./draft.ts";

export interface Room {
  offer: Offer;
  /** How many machines this offer may bring now. */
  count: number;
  /** Which, where they always exist. */
  slots?: readonly MachineId[];
}
export interface Purse {
  /** How many machines of this price there is money and room for. */
  admits(priceMicros: number): number;
  take(count: number, priceMicros: number): void;
  /** Why not more. */
  refusal(offer: Offer, jobs: number): WaitReason;
}
/** What a pool launches, and could take beyond that. */
export interface Asked {
  pool: string;
  taken: number;
  /** In the pool's order of preference. */
  spare: readonly Room[];
  /** Jobs that GitHub holds back. */
  held: number;
}

export function makePurse({ world, limits }: Draft): Purse {
  const { budget } = world.config;
  const known = Object.values(world.machines);
  // Every machine that exists or may exist, at its dearest.
  const spent = known.reduce((sum, { gone, priceMicros }) => sum + (gone ? 0 : priceMicros), 0);
  let money = budget === null ? Infinity : budget.microsPerHour - budget.baseMicrosPerHour - spent;
  let machines = Math.max(0, limits.machinesMax - known.length);
  const affordable = (priceMicros: number) =>
    priceMicros === 0 ? Infinity : Math.max(0, Math.floor(money / priceMicros));
  return {
    admits: (priceMicros) => Math.min(machines, affordable(priceMicros)),
    take: (count, priceMicros) => {
      machines -= count;
      if (count > 0) money -= count * priceMicros;
    },
    refusal: ({ key, priceMicros }, jobs) => {
      if (affordable(priceMicros) > machines || budget === null)
        return {
          reason: "max",
          jobs,
          detail: `This manager holds ${limits.machinesMax} machines at most, those that are ending included.`,
        };
      const { microsPerHour, baseMicrosPerHour: base, currency } = budget;
      const always = base > 0 ? `, of which what is always there takes ${base / 1e6}` : "";
      const detail = `${key} would exceed the budget of ${microsPerHour / 1e6} ${currency} per hour${always}.`;
      return { reason: "budget", jobs, detail };
    },
  };
}

/**
 * How many more machines each pool can have, those included that it launches now. In turn, one machine at a time: pools whose
 * jobs are held back come first. Every pool that could pay for one machine is promised one even where another was promised
 * the same money: a pool with nothing would never hear from GitHub that jobs wait.
 */
export function promises(asked: readonly Asked[], purse: Purse): Record<string, number> {
  const given = new Map(asked.map(({ pool, taken }) => [pool, taken]));
  const turns = [...asked].sort((a, b) => Number(b.held > 0) - Number(a.held > 0));
  const pots = turns.map(({ pool, held, spare }) => ({
    pool,
    held,
    left: spare.map((room) => ({ ...room })),
  }));
  const payable = ({ left }: { left: Room[] }) =>
    left.find(({ offer, count }) => count > 0 && purse.admits(offer.priceMicros) > 0);
  const couldHaveOne = pots.filter(payable).map(({ pool }) => pool);
  const one = (pot: (typeof pots)[number]): boolean => {
    const room = payable(pot);
    if (!room) return false;
    room.count -= 1;
    purse.take(1, room.offer.priceMicros);
    given.set(pot.pool, given.get(pot.pool)! + 1);
    return true;
  };
  // Those that wait get theirs before others get a second one.
  for (const pot of pots) for (let n = Math.max(1, pot.held); n > 0 && one(pot); n--);
  for (let more = true; more;) more = pots.map(one).includes(true);
  for (const pool of couldHaveOne) if (given.get(pool) === 0) given.set(pool, 1);
  return Object.fromEntries(given);
}
