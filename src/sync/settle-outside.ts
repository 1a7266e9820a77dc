import type { Write } from '../ports/applier.ts';
import { newKeyOf } from './settle.ts';
import { note, standing, type OutsideRow, type SettleContext } from './settle-context.ts';
import { namedKey } from './work.ts';

/** Of rows of one table that the service's changes have just written, remembers those that the filter leaves to the monolith. */
export async function noteOutside(writes: readonly Write[], context: SettleContext): Promise<void> {
  const table = writes[0]?.table;
  if (table?.filter === undefined || context.authority !== 'settles') return;
  const rows = writes.flatMap(({ kind, row, ...write }): { readonly keyText: string; readonly key: readonly string[] }[] => {
    if (kind === 'delete' || !row) return [];
    return [{ keyText: write.newKeyText ?? write.keyText, key: newKeyOf(write, row) }];
  });
  for (const index of await context.transaction.outside(table, rows.map(({ key }) => key))) {
    const row = rows[index];
    if (row) context.outside.set(row.keyText, { table, key: row.key });
  }
}

/**
 * What the service has written out of the filter stands at the monolith from now on, and only there: the
 * service is told so by a decision, at the end, because a later change may have brought the row back.
 */
export async function settleOutside(context: SettleContext): Promise<void> {
  const rows: readonly (readonly [string, OutsideRow])[] = [...context.outside];
  context.outside.clear();
  for (const [keyText, { table, key }] of rows) {
    // Each write to a row that was decided about ends in another decision, which says where the row is.
    if (context.decided.has(keyText)) continue;
    await context.alone();
    const locked = await context.transaction.lock(table, key);
    if (!locked?.outside) continue;
    const now = { winner: standing(locked, keyText, context), committedAt: locked.committedAt ?? 0n };
    await context.transaction.recordConflict(
      {
        service: context.service, table: table.name, key: namedKey(table, key), type: 'update-delete', monolith: null, serviceRow: null,
        winner: 'service', strategy: 'left-filter', reason: 'the service wrote a row that the filter leaves to the monolith',
      },
      { table: table.name, key: namedKey(table, key), row: null, standing: now },
    );
    note(context, keyText, now);
  }
}
