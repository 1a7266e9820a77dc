import type pg from 'pg';
import { inTransaction, type Db, type Parameter } from '../db.ts';
import { Problem } from '../errors.ts';
import { mergePatch } from './json-text.ts';
import { entityTag, matches } from './entity-tag.ts';
import { selectRow, updateRow, type Row, type Values } from './statements.ts';
import type { Table } from './table.ts';

/**
 * Changes a row, with If-Match only if the row is still what the client has seen: it is locked,
 * compared and changed in one transaction, so of two clients with the same tag one gets a 412.
 */
export async function changeRow<T>(
  pool: pg.Pool,
  table: Table,
  key: readonly Parameter[],
  ifMatch: string | undefined,
  change: (db: Db) => Promise<T>,
): Promise<T> {
  if (ifMatch === undefined) return change(pool);
  return inTransaction(pool, async (db) => {
    const row = await selectRow(db, table, key, { lock: true });
    if (!row) throw new Problem(404, { detail: `There is no such ${table.singular}.` });
    if (!matches(ifMatch, entityTag(row))) {
      throw new Problem(412, { detail: `The ${table.singular} has changed since it was read.` });
    }
    return change(db);
  });
}

/** JSON Merge Patch: a JSON object given for a JSON column is merged into what the column holds. */
export async function patchRow(pool: pg.Pool, table: Table, key: readonly Parameter[], ifMatch: string | undefined, values: Values): Promise<Row | undefined> {
  const merged = [...values].flatMap(([column, value]) =>
    (column.kind === 'json' || column.kind === 'jsonb') && typeof value === 'string' && value.startsWith('{')
      ? [{ column, patch: value }]
      : [],
  );
  if (merged.length === 0) return changeRow(pool, table, key, ifMatch, async (db) => updateRow(db, table, key, values));
  const merge = async (db: Db): Promise<Row | undefined> => {
    const current = await selectRow(db, table, key, { columns: merged.map(({ column }) => column), lock: true });
    if (!current) return undefined;
    const complete = new Map(values);
    for (const [i, { column, patch }] of merged.entries()) {
      complete.set(column, mergePatch(current.values[i] ?? undefined, patch));
    }
    return updateRow(db, table, key, complete);
  };
  return ifMatch === undefined ? inTransaction(pool, merge) : changeRow(pool, table, key, ifMatch, merge);
}
