import type { Write } from '../ports/applier.ts';
import type { SettleContext } from './settle-context.ts';
import type { Truncated } from './work.ts';

/**
 * Empties tables. What was written here, and whoever emptied them had not seen, he did not mean: it stays, and
 * is settled row by row, as if each had been deleted by itself.
 */
export async function emptyTables(step: Truncated, context: SettleContext, settle: (write: Write) => Promise<void>): Promise<void> {
  const { tables, restartIdentity, position, committedAt, seen } = step;
  const { authority, knowledge, transaction, keyTextOf, keyOfText } = context;
  if (authority === 'follows') {
    await transaction.truncate(tables, { restartIdentity });
    return;
  }
  const decided = knowledge.decidedSince(seen);
  const rows = tables.map((table) => ({ table, keys: decided.map((text) => keyOfText(table, text)).filter((key) => key !== undefined) }));
  const spared = await transaction.truncate(tables, { restartIdentity, sparing: { horizon: knowledge.horizonFor(seen), rows } });
  for (const { table, keys } of [...rows, ...spared]) {
    for (const key of keys) await settle({ kind: 'delete', table, key, keyText: keyTextOf(table, key), position, committedAt, seen });
  }
}
