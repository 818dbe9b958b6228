/** Random streams from one seed (mulberry32): the same seed gives the same run. */
export interface Prng {
  /** In [0, 1). */
  next(): number;
  /** 0 to n-1. */
  below(n: number): number;
  chance(probability: number): boolean;
  /** Between two bounds, in whole milliseconds. */
  ms(least: number, most: number): number;
}

export function prng(seed: number): Prng {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    below: (n) => Math.floor(next() * n),
    chance: (probability) => next() < probability,
    ms: (least, most) => Math.floor(least + next() * (most - least)),
  };
}
