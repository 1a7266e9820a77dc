import { until } from './condition.ts';
import type { TestDatabase } from './postgres.ts';
import { rowsOf } from './sync-engine.ts';

/** Ten rows that both sides change, and whatever is added. */
export const ITEM_SCHEMA = 'CREATE TABLE item (id int PRIMARY KEY, value text);';
export const ITEM_ROWS = "INSERT INTO item SELECT g, 'seed' FROM generate_series(1, 10) g;";

const WRITES = 20;

/** Short bursts of writes on both sides while something goes wrong: little enough that a slow machine keeps up. */
export class Bursts {
  readonly #monolith: TestDatabase;
  readonly #service: TestDatabase;
  #next = 1000;

  constructor(sides: { readonly monolith: TestDatabase; readonly service: TestDatabase }) {
    this.#monolith = sides.monolith;
    this.#service = sides.service;
  }

  /** Both sides are written, and `fault` happens in the middle. */
  async during(fault: () => void | Promise<void>): Promise<void> {
    const from = this.#next;
    this.#next += 2 * WRITES;
    const writing = Promise.all([write(this.#monolith, from), write(this.#service, from + WRITES)]);
    await until(async () => (await this.#monolith.query('SELECT 1 FROM public.item WHERE id = $1', [from + 3])).length === 1, { what: 'writes are under way' });
    await fault();
    await writing;
  }

  /** Both sides are equal and have every row that was ever added. */
  async equal(what: string): Promise<void> {
    const all = async (side: TestDatabase): Promise<string> => JSON.stringify(await rowsOf(side, 'public.item'));
    await until(
      async () => (await rowsOf(this.#service, 'public.item')).length === 10 + this.#next - 1000 && (await all(this.#monolith)) === (await all(this.#service)),
      { what: `both sides are equal ${what}`, timeoutMs: 60_000, everyMs: 50 },
    );
  }
}

/** Rows of its own, and changes of those that both sides have, one transaction each. */
async function write(side: TestDatabase, from: number): Promise<void> {
  for (let i = 0; i < WRITES; i++) {
    await side.query('INSERT INTO public.item VALUES ($1, $2)', [from + i, `inserted ${from + i}`]);
    await side.query('UPDATE public.item SET value = $2 WHERE id = $1', [1 + (i % 10), `changed ${from + i}`]);
  }
}
