import type pg from 'pg';
import type { Value } from '../model/change.ts';
import type { TableName } from '../model/names.ts';
import type { Mark } from '../ports/mark-store.ts';

type Named = Readonly<Record<string, Value>>;

/** More than these of one table are not told one by one. */
const MOST_HELD = 20_000;

const HELD_SQL = `
SELECT key, row, step, new_key_text IS NOT NULL AS rekeyed FROM banyan.quarantine
 WHERE service = $1 AND state = 'held' AND table_name = ANY ($2) ORDER BY id LIMIT ${MOST_HELD + 1}`;

/**
 * The rows of which changes are in quarantine, on either side: a release writes them without their being read again.
 *
 * @param tables every name that such a change may give its table
 */
export async function heldRows(pools: readonly pg.Pool[], service: string, tables: readonly TableName[]): Promise<readonly Mark[]> {
  const marks: Mark[] = [];
  for (const pool of new Set(pools)) {
    const there = await pool.query<{ there: string }>("SELECT to_regclass('banyan.quarantine') IS NOT NULL AS there");
    if (there.rows[0]?.there !== 't') continue;
    const { rows } = await pool.query<{ key: string; row: string | null; step: string; rekeyed: string }>(HELD_SQL, [service, tables]);
    if (rows.length > MOST_HELD) return [{ kind: 'whole', reason: 'many of its changes are in quarantine' }];
    for (const held of rows) {
      const key = JSON.parse(held.key) as Named;
      const columns = Object.keys(key);
      const mark = held.step === 'untranslated' ? undefined : keyMark(columns, key);
      const next = held.rekeyed === 't' ? keyMark(columns, JSON.parse(held.row ?? '{}') as Named) : mark;
      if (!mark || !next) return [{ kind: 'whole', reason: 'a change of it that has no form there is in quarantine' }];
      marks.push(mark, ...(next === mark ? [] : [next]));
    }
  }
  return marks;
}

function keyMark(columns: readonly string[], row: Named): Mark | undefined {
  const key = columns.map((name) => row[name]).filter((text) => typeof text === 'string');
  return columns.length > 0 && key.length === columns.length ? { kind: 'key', columns, key } : undefined;
}
