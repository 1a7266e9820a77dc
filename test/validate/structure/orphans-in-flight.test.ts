import { expect, it } from 'vitest';
import { parseTableName } from '../../../src/model/names.ts';
import type { Reference, ReferenceReader } from '../../../src/ports/references.ts';
import type { Barrier, Moment } from '../../../src/validate/barrier.ts';
import { settleOrphans } from '../../../src/validate/structure/settle-orphans.ts';
import { Dice } from '../dice.ts';

const GRACE = 100;

/**
 * Rows that refer across a cut, in a world that acts whenever somebody looks. A child is written in one database,
 * its parent in another one, at most a little less than the grace time later; they are removed in either order.
 * Some parents come by a stream, at the latest when a fence is passed. Nobody ever brings the parent of an orphan.
 */
class World implements Barrier {
  readonly children = new Map<string, number>();
  readonly parents = new Set<string>();
  readonly orphans = new Set<string>();
  readonly #dice: Dice;
  readonly #due: { readonly at: number; readonly act: () => void }[] = [];
  readonly #stream: (() => void)[] = [];
  #version = 0;
  nowMs = 0;
  /** Looks at a key that was broken and was none of the orphans. */
  innocent = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  readonly reference: Reference = {
    name: 'r', by: 'constraint', home: parseTableName('c'),
    child: { database: 'target', end: { table: parseTableName('c'), columns: ['p'] }, reader: this.#reader() },
    parent: { database: 'source', end: { table: parseTableName('p'), columns: ['id'] }, reader: this.#reader() },
  };

  readonly clock = {
    now: () => this.nowMs,
    monotonic: () => this.nowMs,
    sleep: async (ms: number) => this.pass(ms),
  };

  moment(): Moment {
    return this.nowMs;
  }

  async after(): Promise<void> {
    this.pass(1 + this.#dice.below(3));
    for (const deliver of this.#stream.splice(0)) deliver();
  }

  pass(ms: number): void {
    const until = this.nowMs + ms;
    for (;;) {
      const next = this.#due.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#due.splice(this.#due.indexOf(next), 1);
      this.nowMs = Math.max(this.nowMs, next.at);
      next.act();
    }
    this.nowMs = until;
  }

  plant(key: string): void {
    this.orphans.add(key);
    this.children.set(key, ++this.#version);
  }

  /** Some acts on the keys that are not planted. */
  churn(): void {
    for (let acts = this.#dice.below(8); acts > 0; acts--) {
      const key = `k${this.#dice.below(12)}`;
      const later = (act: () => void) => this.#due.push({ at: this.nowMs + this.#dice.below(GRACE - 5), act });
      const bring = () => void this.parents.add(key);
      const write = () => void this.children.set(key, ++this.#version);
      if (this.children.has(key)) {
        if (!this.parents.has(key)) continue;
        // In either order, one a little after the other.
        if (this.#dice.chance(0.5)) {
          this.parents.delete(key);
          later(() => this.children.delete(key));
        } else {
          this.children.delete(key);
          later(() => !this.children.has(key) && this.parents.delete(key));
        }
      } else {
        write();
        if (this.#dice.chance(0.3)) this.#stream.push(bring);
        else later(bring);
      }
    }
    this.pass(this.#dice.below(10));
  }

  #reader(): ReferenceReader {
    return {
      referrers: async (_, keys) => {
        this.churn();
        const found = keys.flatMap(([key = ''], index) => {
          const version = this.children.get(key);
          return version === undefined ? [] : [{ index, rows: 1, version: String(version) }];
        });
        this.innocent += keys.filter(([key = '']) => this.children.has(key) && !this.parents.has(key) && !this.orphans.has(key)).length;
        this.churn();
        return found;
      },
      present: async (_, keys) => keys.map(([key = '']) => this.parents.has(key)),
      keys: async function* () {},
      orphans: async function* () {},
      listing: () => '',
    };
  }
}

it('no reference in flight is called broken, and every orphan is, 2,000 times', async () => {
  let innocent = 0;
  let unsettled = 0;
  for (let seed = 1; seed <= 2000; seed++) {
    const dice = new Dice(seed);
    const world = new World(dice);
    for (let i = dice.below(5); i > 0; i--) world.churn();
    const planted = Array.from({ length: dice.below(4) }, (_, i) => `o${i}`);
    for (const key of planted) world.plant(key);
    const suspects = [...Array.from({ length: 12 }, (_, i) => `k${i}`), ...planted].map((key) => [key]);
    const found = await settleOrphans(suspects, { reference: world.reference, barrier: world, clock: world.clock, rounds: 20, graceMs: GRACE });
    expect(found.orphans.map(({ key }) => key.join()).sort((a, b) => (a < b ? -1 : 1)), `seed ${seed}`).toEqual(planted);
    innocent += world.innocent;
    unsettled += found.unsettled;
  }
  expect(innocent).toBeGreaterThan(10_000);
  expect(unsettled / (2000 * 12)).toBeLessThan(0.01);
});
