import type { Random } from '../core/random.ts';
import { at } from './lookup.ts';

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
