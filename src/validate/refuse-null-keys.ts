import { BanyanError } from '../core/errors.ts';
import type { Checksummer, Selection, TableShape } from '../ports/checksummer.ts';
import type { TablePair } from './pair.ts';

interface KeyedSide {
  readonly name: 'source' | 'target';
  readonly checksummer: Checksummer;
  readonly shape: TableShape;
  readonly selection: Selection;
}

/**
 * A row is looked at again by its key, and nothing is equal to a null: a difference there would go unseen. Asks only
 * sides whose key may hold nulls: one that was declared, or is none on the other side.
 * @throws BANYAN_VALIDATE_KEY if a row that is to be compared has a null in its key.
 */
export async function refuseNullKeys({ pair, source, target }: { readonly pair: TablePair } & Readonly<Record<'source' | 'target', Pick<KeyedSide, 'checksummer' | 'shape'>>>): Promise<void> {
  const sides: readonly KeyedSide[] = [{ name: 'source', ...source, selection: pair.source }, { name: 'target', ...target, selection: pair.target }];
  // One after the other: no query is left running behind a refusal.
  for (const side of sides) if (mayHoldNulls(side)) await refuseNulls(side);
}

function mayHoldNulls({ shape, selection }: KeyedSide): boolean {
  const nullable = new Set(shape.columns.filter((column) => column.nullable === true).map((column) => column.name));
  return selection.columns.slice(0, selection.keyLength).some((column) => nullable.has(column.name));
}

async function refuseNulls({ name: side, checksummer, selection }: KeyedSide): Promise<void> {
  const counts = await checksummer.countNullKeys(selection);
  const nulls = selection.columns.slice(0, selection.keyLength).flatMap(({ name }, i) => ((counts[i] ?? 0) > 0 ? [[name, counts[i] ?? 0] as const] : []));
  if (nulls.length === 0) return;
  throw new BanyanError('BANYAN_VALIDATE_KEY', {
    message: `Rows of the ${side}'s ${selection.table} have nulls in the key by which they are compared: ${nulls.map(([column, rows]) => `"${column}" (${rows} row${rows === 1 ? '' : 's'})`).join(', ')}.`,
    details: { table: selection.table, side, nulls: Object.fromEntries(nulls) },
  });
}
