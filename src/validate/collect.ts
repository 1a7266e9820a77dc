import type { Confirmed } from './settle.ts';
import { setOwn } from './judge.ts';
import type { TablePair } from './pair.ts';
import type { DifferenceCounts, DifferentRow, ReportedKey } from './report.ts';
import type { Value } from '../model/change.ts';

/** Counts every difference, keeps the first ones. */
export class DifferenceCollector {
  readonly missing: ReportedKey[] = [];
  readonly extra: ReportedKey[] = [];
  readonly different: DifferentRow[] = [];
  readonly #counts = { missing: 0, extra: 0, different: 0, unsettled: 0 };
  readonly #pair: TablePair;
  readonly #limit: number;
  readonly #withColumns: boolean;

  constructor(options: {
    readonly pair: TablePair;
    /** Differences kept of each kind. */
    readonly limit: number;
    readonly withColumns: boolean;
  }) {
    this.#pair = options.pair;
    this.#limit = options.limit;
    this.#withColumns = options.withColumns;
  }

  get counts(): DifferenceCounts {
    return { ...this.#counts };
  }

  /** How many more differences would be kept with their values. */
  get wanted(): number {
    if (this.#pair.keyLength === 0) return this.#limit * 2 - this.missing.length - this.extra.length;
    return this.#withColumns ? this.#limit - this.different.length : 0;
  }

  addUnsettled(rows: number): void {
    this.#counts.unsettled += rows;
  }

  add(difference: Confirmed): void {
    const { kind, source, target } = difference;
    // Rows under one key are one difference; without a key each surplus row is one.
    this.#counts[kind] += this.#pair.keyLength > 0 ? 1 : Math.abs(source.times - target.times);
    if (this[kind].length >= this.#limit) return;
    const key = this.#keyOf(difference);
    if (kind !== 'different') this[kind].push(key);
    else {
      const copies = source.times === 1 && target.times === 1 ? undefined : { source: source.times, target: target.times };
      this.different.push({ key, columns: this.#withColumns ? (difference.columns ?? {}) : {}, ...(copies ? { copies } : {}) });
    }
  }

  #keyOf({ identity, source, target, values }: Confirmed): ReportedKey {
    const { columns, keyLength } = this.#pair;
    if (keyLength === 1) return identity.key[0] ?? '';
    if (keyLength > 1) return named(columns.slice(0, keyLength), (i) => identity.key[i] ?? '');
    return { row: named(values ? columns : [], (i): Value => values?.[i] ?? null), source: source.times, target: target.times };
  }
}

function named<T>(columns: readonly { readonly source: string }[], value: (index: number) => T): Record<string, T> {
  const record: Record<string, T> = {};
  for (const [i, column] of columns.entries()) setOwn(record, column.source, value(i));
  return record;
}
