import type { Checksummer, RowIdentity, RowState } from '../ports/checksummer.ts';
import { within } from '../core/exact-decimal.ts';
import type { ColumnDifference } from './report.ts';
import type { TablePair } from './pair.ts';

/** A row that both sides have, in one version each, with values. */
export interface RowPair {
  readonly identity: RowIdentity;
  readonly source: RowState;
  readonly target: RowState;
}

/** The differing columns of a row, by the source's name. */
export type ColumnDifferences = Readonly<Record<string, ColumnDifference>>;

/**
 * Which columns of each pair really differ. The hashes are strict; here a type's own equality
 * (`jsonb`, `citext`, `numeric[]`) and the column's tolerance have their say.
 * A row with no column left is equal.
 */
export async function judgeColumns(options: {
  readonly pair: TablePair;
  readonly rows: readonly RowPair[];
  readonly checksummer: Checksummer;
}): Promise<readonly ColumnDifferences[]> {
  const { pair, rows, checksummer } = options;
  const differences: Record<string, ColumnDifference>[] = rows.map(() => ({}));
  for (const [at, column] of pair.columns.entries()) {
    const open: { readonly row: number; readonly source: string; readonly target: string }[] = [];
    for (const [row, { source, target }] of rows.entries()) {
      if ((source.columnHashes?.[at] ?? null) === (target.columnHashes?.[at] ?? null)) continue;
      const a = source.values?.[at] ?? null;
      const b = target.values?.[at] ?? null;
      if (column.tolerance && a !== null && b !== null && within(a, b, column.tolerance)) continue;
      if (column.judgedAs !== undefined && a !== null && b !== null) open.push({ row, source: a, target: b });
      else setOwn(differences[row], column.source, { source: a, target: b });
    }
    if (column.judgedAs === undefined) continue;
    const equal = await checksummer.equalValues(column.judgedAs, open.map(({ source, target }) => [source, target] as const));
    for (const [i, { row, source, target }] of open.entries()) {
      if (equal[i] !== true) setOwn(differences[row], column.source, { source, target });
    }
  }
  return differences;
}

/** A column may be called `__proto__`. */
export function setOwn<T>(record: Record<string, T> | undefined, name: string, value: T): void {
  if (record) Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
}
