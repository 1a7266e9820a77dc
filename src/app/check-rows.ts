import type pg from 'pg';
import { quoteIdentifier, splitTableName, type TableName } from '../model/names.ts';
import type { Schema, Table } from '../model/schema.ts';
import type { DataCheck } from '../plan/check/data-check.ts';
import { displayName } from '../plan/check/database/differences.ts';
import { rowRules } from '../plan/check/database/rows/derive-row-rules.ts';
import type { RowRule } from '../plan/check/database/rows/row-rule.ts';
import { readRows, rowsQuery } from '../plan/check/database/rows/rows-query.ts';
import { serverMajor } from './database-place.ts';

export interface CheckRowsOptions {
  readonly pool: pg.Pool;
  readonly before: Schema;
  readonly after: Schema;
  readonly renames: ReadonlyMap<string, string>;
  /** Gives a table up after so long. */
  readonly timeoutSeconds: number;
}

/** How many rows break each new rule: one statement per table, read only, under no more than ACCESS SHARE. */
export async function checkRows({ pool, before, after, renames, timeoutSeconds }: CheckRowsOptions): Promise<DataCheck[]> {
  const { rules, untested } = rowRules({ before, after, renames, major: await serverMajor(pool) });
  const found: DataCheck[] = untested.map(({ table, field_path: path, reason }) => ({ table: displayName(table), field_path: path, problem: null, rows: null, of: null, keys: [], not_checked: reason }));
  for (const table of before.tables) {
    const own = rules.filter((rule) => rule.table === table.name);
    if (own.length > 0) found.push(...(await checkTable(pool, { table, rules: own, timeoutSeconds })));
  }
  return found;
}

async function checkTable(pool: pg.Pool, { table, rules, timeoutSeconds }: { readonly table: Table; readonly rules: readonly RowRule[]; readonly timeoutSeconds: number }): Promise<DataCheck[]> {
  const left = (those: readonly RowRule[], reason: string, { untestable = false } = {}): DataCheck[] => those.map(({ table: name, field_path: path, problem }) => ({ table: displayName(name), field_path: path, problem: untestable ? null : problem, rows: null, of: null, keys: [], not_checked: reason }));
  const answer = await ask(pool, { table, rules, timeoutSeconds });
  if ('row' in answer) return readRows(rules, answer.row);
  const [foreign, own] = [rules.filter(mayFail), rules.filter((rule) => !mayFail(rule))];
  // The server's message may hold a value of a row: only its code is told.
  if (answer.code === '57014') return left(rules, `it took longer than ${timeoutSeconds} seconds`);
  if (answer.code === '42501') return left(rules, 'the role may not read the table or what it refers to');
  if (foreign.length === 0 || !/^(22|42|0A|39|P0)/.test(answer.code)) return left(rules, `the server refused the query (${answer.code})`);
  const why = `an expression of this table failed on a row or is not known to the server (${answer.code})`;
  // A function that only the scripts make is not there yet.
  return [...left(foreign, why, { untestable: /^(42|0A)/.test(answer.code) }), ...(own.length === 0 ? [] : await checkTable(pool, { table, rules: own, timeoutSeconds }))];
}

function mayFail({ test }: RowRule): boolean {
  return test.kind !== 'orphans' && test.mayFail;
}

type Answer = { readonly row: Readonly<Record<string, string | null>> } | { readonly code: string };

async function ask(pool: pg.Pool, { table, rules, timeoutSeconds }: { readonly table: Table; readonly rules: readonly RowRule[]; readonly timeoutSeconds: number }): Promise<Answer> {
  const client = await pool.connect();
  try {
    await client.query(`BEGIN READ ONLY; SET LOCAL statement_timeout = '${Math.ceil(timeoutSeconds * 1000)}ms'; SET LOCAL lock_timeout = '2s'; SET LOCAL search_path = ${pathOf(table.name)}`);
    const { rows } = await client.query<Record<string, string | null>>(rowsQuery(table, rules));
    return { row: rows[0] ?? {} };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === '') throw error;
    return { code };
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
    client.release();
  }
}

/** Expressions that a person wrote name functions without their schema. */
function pathOf(name: TableName): string {
  const { schema } = splitTableName(name);
  return [...new Set([schema, 'public'])].map(quoteIdentifier).join(', ');
}
