import { quoteIdentifier, quoteLiteral, quoteTable } from '../../../../model/names.ts';
import type { Table } from '../../../../model/schema.ts';
import type { DataCheck } from '../../data-check.ts';
import { displayName } from '../differences.ts';
import type { RowRule } from './row-rule.ts';

/** Most keys that are told of one rule. */
const KEYS = 10;

/**
 * One statement for all rules of one table, which reads the table once, writes nothing, and keeps no more of it than
 * what counts, whatever breaks. Rules of single rows are counted while the rows pass by; for what may be there once
 * only, and for what needs a partner, the server sets aside the keys and the columns in question.
 */
export function rowsQuery(table: Table, rules: readonly RowRule[]): string {
  const keyed = table.primaryKey?.columns.map((name) => ({ name, sql: quoteIdentifier(name) })) ?? [{ name: 'ctid', sql: 'ctid' }];
  const key = (from: string): string => `json_build_object(${keyed.map(({ name }, at) => `${quoteLiteral(name)}, ${from}k${at}::text`).join(', ')})`;
  const columns: string[] = keyed.map(({ sql }, at) => `${sql} AS k${at}`);
  const parts = rules.map((rule, at) => partOf({ rule, at, columns, key, table, keys: keyed.map((_, each) => `k${each}`) }));
  const single = rules.flatMap(({ test }, at) => (test.kind === 'row' ? [at] : []));
  const whole = single.length === rules.length;
  const passed = `SELECT ${['count(*) AS total', ...single.flatMap((at) => [`count(*) FILTER (WHERE b${at}) AS n${at}`, `json_agg(${key('')}) FILTER (WHERE b${at} AND s${at} <= ${KEYS}) AS f${at}`])].join(', ')} FROM (SELECT *${single.map((at) => `, count(*) FILTER (WHERE b${at}) OVER rows_before AS s${at}`).join('')} FROM r WINDOW rows_before AS (ROWS UNBOUNDED PRECEDING)) passed`;
  return [
    `WITH r AS ${whole ? '' : 'MATERIALIZED '}(SELECT ${columns.join(', ')} FROM ${quoteTable(table.name)} OFFSET 0)`,
    ...parts.flatMap(({ with: extra }) => extra.map((each) => `, ${each}`)),
    `, p AS MATERIALIZED (${passed})`,
    `SELECT p.total::text AS total${parts.map(({ rows, found }, at) => `, (${rows})::text AS rows_${at}, (${found})::text AS found_${at}`).join('')} FROM p`,
  ].join('\n');
}

interface Part {
  readonly with: readonly string[];
  /** SQL of how many rows break it, and of the keys of some. */
  readonly rows: string;
  readonly found: string;
}

interface PartOptions {
  readonly rule: RowRule;
  readonly at: number;
  /** What `r` has of each row; a part adds what it needs. */
  readonly columns: string[];
  readonly keys: readonly string[];
  readonly key: (from: string) => string;
  readonly table: Table;
}

function partOf({ rule: { test }, at, columns, keys, key, table }: PartOptions): Part {
  if (test.kind === 'row') {
    columns.push(`coalesce(${test.breaks}, false) AS b${at}`);
    return { with: [], rows: `p.n${at}`, found: `p.f${at}` };
  }
  if (test.kind === 'duplicates') {
    const values = test.values.map((_, each) => `d${at}_${each}`);
    columns.push(...test.values.map((value, each) => `${value} AS d${at}_${each}`), ...(test.where === undefined ? [] : [`coalesce(${test.where}, false) AS w${at}`]));
    const counted = [...(test.where === undefined ? [] : [`w${at}`]), ...(test.nullsNotDistinct ? [] : values.map((value) => `${value} IS NOT NULL`))];
    const where = counted.length === 0 ? '' : ` WHERE ${counted.join(' AND ')}`;
    return {
      with: [
        `g${at} AS MATERIALIZED (SELECT ${values.join(', ')}, count(*) AS times FROM r${where} GROUP BY ${values.join(', ')} HAVING count(*) > 1)`,
        `e${at} AS (SELECT ${keys.map((each) => `r.${each}`).join(', ')} FROM r JOIN (SELECT * FROM g${at} LIMIT ${KEYS}) g ON ${values.map((value) => `r.${value} IS NOT DISTINCT FROM g.${value}`).join(' AND ')}${where === '' ? '' : ` WHERE ${counted.map((each) => `r.${each}`).join(' AND ')}`} LIMIT ${KEYS})`,
      ],
      rows: `SELECT coalesce(sum(times), 0) FROM g${at}`, found: `SELECT json_agg(${key('')}) FROM e${at}`,
    };
  }
  const own = test.references === table.name;
  const [left, right] = [test.columns.map((_, each) => `o${at}_${each}`), test.referencedColumns.map((column, each) => (own ? `q${at}_${each}` : column))];
  columns.push(...test.columns.map((column, each) => `${column} AS o${at}_${each}`), ...(own ? test.referencedColumns.map((column, each) => `${column} AS q${at}_${each}`) : []));
  const text = test.asText ? '::text' : '';
  const whole = left.map((name) => `r.${name} IS NOT NULL`).join(' AND ');
  const alone = `NOT EXISTS (SELECT FROM ${own ? 'r' : quoteTable(test.references)} other WHERE ${left.map((name, each) => `other.${right[each] ?? ''}${text} = r.${name}${text}`).join(' AND ')})`;
  // MATCH FULL takes no half key.
  const half = `(NOT (${whole}) AND (${left.map((name) => `r.${name} IS NOT NULL`).join(' OR ')}))`;
  return {
    with: [`a${at} AS MATERIALIZED (SELECT ${keys.map((each) => `r.${each}`).join(', ')} FROM r WHERE (${whole} AND ${alone})${test.full && left.length > 1 ? ` OR ${half}` : ''})`],
    rows: `SELECT count(*) FROM a${at}`, found: `SELECT json_agg(${key('')}) FROM (SELECT * FROM a${at} LIMIT ${KEYS}) alone`,
  };
}

/** What the statement's only row says of each rule. */
export function readRows(rules: readonly RowRule[], row: Readonly<Record<string, string | null>>): DataCheck[] {
  return rules.map(({ table, field_path: path, problem }, at) => ({
    table: displayName(table), field_path: path, problem, rows: Number(row[`rows_${at}`] ?? 0), of: Number(row['total'] ?? 0), keys: keysIn(row[`found_${at}`]),
  }));
}

function keysIn(text: string | null | undefined): Record<string, string>[] {
  const parsed: unknown = JSON.parse(text ?? '[]');
  const found: unknown[] = Array.isArray(parsed) ? parsed : [];
  return found.map((each) => Object.fromEntries(Object.entries(each ?? {}).map(([name, value]: [string, unknown]) => [name, String(value)])));
}
