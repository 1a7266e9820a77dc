import { quoteIdentifier } from '../../model/names.ts';
import type { Selection } from '../../ports/checksummer.ts';
import type { TimeCheck } from '../../ports/rule-reader.ts';
import { fromSql, keyColumns, valueSql, whereSql } from '../checksum/expressions.ts';

/**
 * Rows that fail a check: its index, the times it looked at, and the key. One scan, whatever the number of
 * checks; a row that fails several comes several times.
 */
export function misplacedSql(selection: Selection, checks: readonly TimeCheck[]): string {
  const keys = keyColumns(selection);
  const shown = (keys.length > 0 ? keys : selection.columns).map(valueSql);
  const cases = checks.map((check, at) => `(${at}, ${conditionOf(check)}, ${timesOf(check)})`);
  return (
    `SELECT failed.at, failed.first, failed.second, ${shown.join(', ')} FROM ${fromSql(selection)} ` +
    `CROSS JOIN LATERAL (VALUES ${cases.join(', ')}) AS failed (at, bad, first, second) ${whereSql(selection, 'failed.bad')}`
  );
}

const column = (name: string): string => `t.${quoteIdentifier(name)}`;

function conditionOf(check: TimeCheck): string {
  if (check.kind === 'ordered') {
    const [earlier, later] = [column(check.earlier), column(check.later)];
    return check.refuseNulls ? `(${earlier} > ${later}) IS NOT FALSE` : `${earlier} > ${later}`;
  }
  const latest = `now() + interval '${check.toleranceMs} milliseconds'`;
  // A day has begun somewhere 14 hours before it has in UTC. Sessions' time zone is UTC.
  if (check.family === 'date') return `${column(check.column)} > (${latest} + interval '14 hours')::date`;
  return `${column(check.column)} > ${check.family === 'timestamp' ? `(${latest})::timestamp` : latest}`;
}

function timesOf(check: TimeCheck): string {
  if (check.kind === 'ordered') return `${column(check.earlier)}::text, ${column(check.later)}::text`;
  return `${column(check.column)}::text, NULL::text`;
}
