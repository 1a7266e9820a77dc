import { otherSide, type Side } from '../../src/model/side.ts';
import type { Position } from '../../src/model/position.ts';
import type { Fence } from '../../src/ports/fence.ts';
import type { MemoryChecksummer } from './memory-checksummer.ts';
import type { Dice } from './dice.ts';

interface ToyChange {
  readonly key: string;
  /** undefined: deleted. */
  readonly values: readonly (string | null)[] | undefined;
  /** How many of the other side's changes the writer had seen. */
  readonly seen: number;
}

/**
 * Two tables in memory that are both written and follow each other through queues, which somebody
 * else moves on. Where neither writer had seen the other's write, the monolith decides who wins, and
 * its decision travels to the service like any change of its own: two ways, one after the other.
 */
export class ToyReplication implements Fence {
  readonly sides: Readonly<Record<Side, MemoryChecksummer>>;
  readonly #queues: Readonly<Record<Side, ToyChange[]>> = { monolith: [], service: [] };
  readonly #sent: Record<Side, number> = { monolith: 0, service: 0 };
  readonly #applied: Record<Side, number> = { monolith: 0, service: 0 };
  /** The number of each side's own last change of a key. */
  readonly #written: Readonly<Record<Side, Map<string, number>>> = { monolith: new Map(), service: new Map() };
  readonly #dice: Dice;
  conflicts = 0;

  constructor(monolith: MemoryChecksummer, service: MemoryChecksummer, dice: Dice) {
    this.sides = { monolith, service };
    this.#dice = dice;
  }

  write(side: Side, key: string, values: ToyChange['values']): void {
    this.#set(side, key, values);
    this.#send(side, key, values);
  }

  #set(side: Side, key: string, values: ToyChange['values']): void {
    const table = this.sides[side];
    if (values) table.put(key, ...values);
    else table.rows.delete(key);
  }

  #send(side: Side, key: string, values: ToyChange['values']): void {
    this.#queues[side].push({ key, values, seen: this.#applied[otherSide(side)] });
    this.#written[side].set(key, ++this.#sent[side]);
  }

  /** Some writes on both sides, some of what is queued applied: whatever the dice say. */
  churn(keys: number): void {
    const acts = this.#dice.below(6);
    for (let i = 0; i < acts; i++) {
      const side = this.#dice.pick(['monolith', 'service'] as const);
      // Few values, so that rows often come back to one they had.
      if (this.#dice.chance(0.5)) this.write(side, String(this.#dice.below(keys)), this.#dice.chance(0.25) ? undefined : [this.#dice.pick(['on', 'off', null])]);
      else this.applyOne(side);
    }
  }

  applyOne(from: Side): boolean {
    const change = this.#queues[from].shift();
    if (!change) return false;
    const to = otherSide(from);
    this.#applied[from]++;
    if ((this.#written[to].get(change.key) ?? 0) <= change.seen) this.#set(to, change.key, change.values);
    else {
      this.conflicts++;
      if (to === 'monolith') this.#decide(change);
    }
    return true;
  }

  #decide(change: ToyChange): void {
    if (this.#dice.chance(0.5)) this.write('monolith', change.key, change.values);
    // The monolith's row stays as it is; only the service hears of it.
    else this.#send('monolith', change.key, this.sides.monolith.rows.get(change.key)?.values.slice(1));
  }

  place({ side }: { readonly side: Side }): Promise<Position> {
    return Promise.resolve(BigInt(this.#sent[side]) as Position);
  }

  passed({ side, position }: { readonly side: Side; readonly position: Position }): Promise<boolean> {
    while (this.#applied[side] < Number(position) && this.applyOne(side));
    return Promise.resolve(this.#applied[side] >= Number(position));
  }
}
