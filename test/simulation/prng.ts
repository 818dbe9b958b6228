/** Random streams from one seed (mulberry32): the same seed gives the same run, whatever libraries do. */
export interface Prng {
  /** In [0, 1). */
  next(): number;
  /** 0 to n-1. */
  below(n: number): number;
  chance(probability: number): boolean;
  /** Between two bounds, in whole milliseconds. */
  ms(least: number, most: number): number;
  pick<T>(list: readonly T[]): T;
  shuffled<T>(list: readonly T[]): T[];
  /** A stream of its own: what one component draws does not move another's. */
  split(name: string): Prng;
}

export function prng(seed: number): Prng {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n: number) => Math.floor(next() * n);
  return {
    next,
    below,
    chance: (probability) => probability > 0 && next() < probability,
    ms: (least, most) => Math.floor(least + next() * (most - least)),
    pick: (list) => list[below(list.length)]!,
    shuffled: (list) => {
      const left = [...list];
      return list.map(() => left.splice(below(left.length), 1)[0]!);
    },
    split: (name) => prng(hash(name, seed)),
  };
}

/** FNV-1a over UTF-16 units, 32 bits; `from` continues an earlier one. */
export function hash(text: string, from = 0x811c9dc5): number {
  let value = from >>> 0;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return value;
}
