import { otherSide, type Side } from '../../src/model/side.ts';
import type { Position } from '../../src/model/position.ts';
import type { Fence } from '../../src/ports/fence.ts';
import type { MemoryChecksummer } from './memory-checksummer.ts';
import type { Dice } from './random-tables.ts';

interface ToyChange {
  readonly key: string;
  /** undefined: deleted. */
  readonly values: readonly (string | null)[] | undefined;
}

/**
 * Two tables in memory that are both written and follow each other through queues, which somebody
 * else moves on. A key is only ever written on one side at a time, so there are no conflicts.
 */
export class ToyReplication implements Fence {
  readonly sides: Readonly<Record<Side, MemoryChecksummer>>;
  readonly #queues: Readonly<Record<Side, ToyChange[]>> = { monolith: [], service: [] };
  readonly #sent: Record<Side, number> = { monolith: 0, service: 0 };
  readonly #applied: Record<Side, number> = { monolith: 0, service: 0 };
  readonly #dice: Dice;
  readonly #owner = new Map<string, Side>();
  /** Fences placed on either side. */
  fences = 0;
  /** When set, changes of this key are applied to nobody. */
  lossOf: string | undefined;

  constructor(monolith: MemoryChecksummer, service: MemoryChecksummer, dice: Dice) {
    this.sides = { monolith, service };
    this.#dice = dice;
  }

  write(side: Side, key: string, values: readonly (string | null)[] | undefined): void {
    const table = this.sides[side];
    if (values) table.put(key, ...values);
    else table.rows.delete(key);
    this.#queues[side].push({ key, values });
    this.#sent[side]++;
  }

  /** Some writes on both sides, some of what is queued applied: whatever the dice say. */
  churn(keys: number): void {
    const acts = this.#dice.below(6);
    for (let i = 0; i < acts; i++) {
      if (this.#dice.chance(0.5)) {
        const key = String(this.#dice.below(keys));
        const side = this.#ownerOf(key);
        // Few values, so that rows often come back to one they had.
        this.write(side, key, this.#dice.chance(0.25) ? undefined : [this.#dice.pick(['on', 'off', null])]);
      } else this.applyOne(this.#dice.pick(['monolith', 'service'] as const));
    }
  }

  /** A key changes its owner only when nothing of it is under way. */
  #ownerOf(key: string): Side {
    const owner = this.#owner.get(key) ?? 'monolith';
    const idle = !this.#queues[owner].some((change) => change.key === key);
    const next = idle && this.#dice.chance(0.5) ? otherSide(owner) : owner;
    this.#owner.set(key, next);
    return next;
  }

  applyOne(from: Side): boolean {
    const change = this.#queues[from].shift();
    if (!change) return false;
    this.#applied[from]++;
    if (change.key === this.lossOf) return true;
    const target = this.sides[otherSide(from)];
    if (change.values) target.put(change.key, ...change.values);
    else target.rows.delete(change.key);
    return true;
  }

  place({ side }: { readonly side: Side }): Promise<Position> {
    this.fences++;
    return Promise.resolve(BigInt(this.#sent[side]) as Position);
  }

  passed({ side, position }: { readonly side: Side; readonly position: Position }): Promise<boolean> {
    while (this.#applied[side] < Number(position) && this.applyOne(side));
    return Promise.resolve(this.#applied[side] >= Number(position));
  }
}
