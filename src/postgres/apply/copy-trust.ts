import type { TableName } from '../../model/names.ts';

/** Writes that go the sure way after the first failure. */
const FIRST_PAUSE = 16;
const LONGEST_PAUSE = 4096;

/**
 * Into which tables new rows may be copied. Where a copy has failed, because a row was there already, the
 * next writes go the sure way: twice as many after each failure, so that a table in which both sides insert
 * the same keys costs hardly any vain attempts.
 */
export class CopyTrust {
  readonly #tables = new Map<TableName, { pause: number; left: number }>();

  /** Whether the next write may be a copy; asked once for each. */
  allows(table: TableName): boolean {
    const known = this.#tables.get(table);
    if (!known || known.left === 0) return true;
    known.left -= 1;
    return false;
  }

  failed(table: TableName): void {
    const pause = Math.min(LONGEST_PAUSE, (this.#tables.get(table)?.pause ?? FIRST_PAUSE / 2) * 2);
    this.#tables.set(table, { pause, left: pause });
  }

  /** One that worked halves what the next failure costs. */
  worked(table: TableName): void {
    const known = this.#tables.get(table);
    if (!known) return;
    if (known.pause <= FIRST_PAUSE) this.#tables.delete(table);
    else known.pause >>= 1;
  }
}
