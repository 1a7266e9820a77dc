import type { Node } from 'libpg-query';

/*
 * Whether a default is computed once for all rows that are there, or row by row.
 */

/** Functions of the server's own that give each row the same value within a statement; a test asks the server. */
export const STEADY_FUNCTIONS: readonly string[] = [
  'now', 'transaction_timestamp', 'statement_timestamp', 'current_setting', 'timezone', 'date_trunc', 'date_part', 'extract', 'to_char', 'to_date', 'to_timestamp', 'to_number',
  'make_date', 'make_time', 'make_timestamp', 'make_timestamptz', 'make_interval', 'lower', 'upper', 'length', 'concat', 'concat_ws', 'left', 'right', 'lpad', 'rpad', 'repeat', 'replace', 'substring', 'md5',
  'abs', 'round', 'floor', 'ceil', 'json_build_object', 'json_build_array', 'jsonb_build_object', 'jsonb_build_array', 'to_json', 'to_jsonb', 'array_fill', 'array_append', 'int4range', 'int8range', 'numrange', 'tsrange', 'tstzrange', 'daterange',
  'point', 'box', 'encode', 'decode', 'convert_to', 'convert_from', 'to_tsvector', 'pg_backend_pid', 'current_database', 'current_schema', 'inet_client_addr',
];
const STEADY: ReadonlySet<string> = new Set(STEADY_FUNCTIONS);

/** A function that is not known here may give each row another value: functions of one's own do, unless declared otherwise. */
export function isChanging(expression: unknown): boolean {
  return calls(expression).some((names) => (names.length === 1 || names[0] === 'pg_catalog' ? !STEADY.has(names.at(-1) ?? '') : true));
}

function calls(value: unknown): string[][] {
  if (Array.isArray(value)) return value.flatMap(calls);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]: [string, unknown]) => {
    const own = key === 'FuncCall' && typeof each === 'object' && each !== null && 'funcname' in each && Array.isArray(each.funcname) ? [names(each.funcname as readonly Node[])] : [];
    return [...own, ...calls(each)];
  });
}

function names(nodes: readonly Node[]): string[] {
  return nodes.flatMap((node) => ('String' in node ? [node.String.sval ?? ''] : []));
}
