import type { Confirmed } from './settle.ts';
import { setOwn } from './judge.ts';
import type { TablePair } from './pair.ts';
import type { DifferenceCounts, DifferentRow, ReportedKey } from './report.ts';
import type { Value } from '../model/change.ts';
import type { RowIdentity } from '../ports/checksummer.ts';
import type { TableProgress } from '../ports/progress-store.ts';

/** Differing rows that are kept by their key, to be looked at again when the run is resumed. */
const MOST_KEPT = 20_000;

/** Counts every difference, keeps the first ones. */
export class DifferenceCollector {
  readonly missing: ReportedKey[] = [];
  readonly extra: ReportedKey[] = [];
  readonly different: DifferentRow[] = [];
  readonly #counts = { missing: 0, extra: 0, different: 0, unsettled: 0 };
  readonly #beyond = { missing: 0, extra: 0, different: 0, unsettled: 0 };
  readonly #identities: RowIdentity[] = [];
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

  /** Rows that differ or are unsettled, the first ones; and how many there are beyond those. */
  get kept(): Pick<TableProgress, 'differing' | 'beyond'> {
    return { differing: [...this.#identities], beyond: { ...this.#beyond } };
  }

  addUnsettled(rows: readonly RowIdentity[]): void {
    for (const identity of rows) this.#count('unsettled', identity, 1);
  }

  /** Counts what an earlier run found and did not keep one by one. */
  addBeyond(counts: DifferenceCounts): void {
    for (const kind of ['missing', 'extra', 'different', 'unsettled'] as const) {
      this.#counts[kind] += counts[kind];
      this.#beyond[kind] += counts[kind];
    }
  }

  add(difference: Confirmed): void {
    const { kind, source, target, identity } = difference;
    // Rows under one key are one difference; without a key each surplus row is one.
    this.#count(kind, identity, this.#pair.keyLength > 0 ? 1 : Math.abs(source.times - target.times));
    if (this[kind].length >= this.#limit) return;
    const key = this.#keyOf(difference);
    if (kind !== 'different') this[kind].push(key);
    else {
      const copies = source.times === 1 && target.times === 1 ? undefined : { source: source.times, target: target.times };
      this.different.push({ key, columns: this.#withColumns ? (difference.columns ?? {}) : {}, ...(copies ? { copies } : {}) });
    }
  }

  #count(kind: keyof DifferenceCounts, identity: RowIdentity, rows: number): void {
    this.#counts[kind] += rows;
    if (this.#identities.length < MOST_KEPT) this.#identities.push(identity);
    else this.#beyond[kind] += rows;
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
