import type pg from 'pg';
import { quoteTable, type TableName } from '../../model/names.ts';
import type { PrerequisiteCheck } from '../../ports/prerequisites.ts';
import { sqlState } from '../transient.ts';
import { holds, prerequisite } from './check.ts';

/** What a table's conflict strategy goes by. */
export interface StrategyNeeds {
  readonly monolith: TableName;
  readonly service: TableName;
  /** As banyan.yaml names it. */
  readonly strategy: string;
  /** Compares with the row before the service's change. */
  readonly oldRow: boolean;
  /** Columns of the monolith's table that must be numbers held exactly. */
  readonly counters?: readonly string[];
  /** A column of the monolith's table whose type must have an order. */
  readonly ordered?: string;
}

/**
 * Whether both databases give each strategy what it goes by. Tables that are not there yet are left out:
 * they will be as the monolith's.
 */
export async function strategyChecks(options: {
  readonly monolith: Pick<pg.Pool, 'query'>;
  readonly service: Pick<pg.Pool, 'query'>;
  readonly needs: readonly StrategyNeeds[];
}): Promise<readonly PrerequisiteCheck[]> {
  const checks: PrerequisiteCheck[] = [];
  for (const needs of options.needs) {
    if (needs.oldRow) checks.push(await oldRowCheck(options.service, needs));
    for (const column of needs.counters ?? []) checks.push(await counterCheck(options.monolith, needs, column));
    if (needs.ordered !== undefined) checks.push(await orderCheck(options.monolith, needs, needs.ordered));
  }
  return checks;
}

const IDENTITIES: Readonly<Record<string, string>> = { d: 'default', n: 'nothing', i: 'an index' };

async function oldRowCheck(service: Pick<pg.Pool, 'query'>, { monolith, service: name, strategy }: StrategyNeeds): Promise<PrerequisiteCheck> {
  const found = await service.query<{ relation: string; identity: string }>(
    'SELECT c.oid::regclass::text AS relation, c.relreplident AS identity FROM pg_class c ' +
      "WHERE c.oid IN (SELECT to_regclass($1) UNION SELECT relid FROM pg_partition_tree(to_regclass($1))) AND c.relkind = 'r' AND c.relreplident <> 'f' ORDER BY 1",
    [quoteTable(name)],
  );
  const lacking = found.rows;
  return prerequisite({
    id: `${monolith}.strategy.old_row`,
    ok: lacking.length === 0,
    found: lacking.length === 0 ? 'full' : lacking.map(({ relation, identity }) => `${relation} on the service with replica identity ${IDENTITIES[identity] ?? identity}`).join(', '),
    expected: `replica identity full: ${strategy} compares with the row before the service's change`,
    remedy: lacking.map(({ relation }) => `ALTER TABLE ${relation} REPLICA IDENTITY FULL;`).join(' '),
  });
}

const EXACT: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'numeric']);

async function counterCheck(monolith: Pick<pg.Pool, 'query'>, needs: StrategyNeeds, column: string): Promise<PrerequisiteCheck> {
  const type = await typeOf(monolith, needs.monolith, column);
  return prerequisite({
    id: `${needs.monolith}.strategy.${column}`,
    ok: type !== undefined && EXACT.has(type.base),
    found: type?.name ?? 'no such column',
    expected: 'smallint, integer, bigint or numeric: its changes are added exactly',
    remedy: `Take ${column} out of the columns of ${needs.strategy}, or change its type.`,
  });
}

const NO_OPERATOR = '42883';

async function orderCheck(monolith: Pick<pg.Pool, 'query'>, needs: StrategyNeeds, column: string): Promise<PrerequisiteCheck> {
  const id = `${needs.monolith}.strategy.${column}`;
  const type = await typeOf(monolith, needs.monolith, column);
  const expected = 'a column whose type has an order, such as a timestamp or a number';
  const refused = { id, ok: false, found: type?.name ?? 'no such column', expected, remedy: `Name another column for ${needs.strategy}.` };
  if (!type) return refused;
  try {
    await monolith.query(`SELECT NULL::${type.name} < NULL::${type.name}`);
  } catch (error) {
    if (sqlState(error) !== NO_OPERATOR) throw error;
    return refused;
  }
  return holds(id, type.name, expected);
}

async function typeOf(pool: Pick<pg.Pool, 'query'>, table: TableName, column: string): Promise<{ readonly name: string; readonly base: string } | undefined> {
  const found = await pool.query<{ name: string; base: string }>(
    'SELECT format_type(t.oid, NULL) AS name, coalesce(b.typname, t.typname) AS base FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid ' +
      'LEFT JOIN pg_type b ON b.oid = t.typbasetype WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped',
    [quoteTable(table), column],
  );
  return found.rows[0];
}
