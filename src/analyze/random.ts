import { at } from './lookup.ts';
/** The next number in [0, 1). */
export type Random = () => number;

/** A small reproducible generator (T. Ettinger's mulberry32): the same seed, the same numbers. */
export function seededRandom(seed: number): Random {
  let state = Math.trunc(seed) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The numbers 0 … count-1 in an order drawn from `random`. */
export function shuffled(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    const held = at(order, i);
    order[i] = at(order, j);
    order[j] = held;
  }
  return order;
}
