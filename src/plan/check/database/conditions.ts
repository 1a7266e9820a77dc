import { quoteIdentifier, quoteLiteral, type TableName } from '../../../model/names.ts';
import type { Policy, Sequence, StructuredType, Table, Trigger } from '../../../model/schema.ts';
import { hasColumn, literal, regclass } from './sql-text.ts';

/*
 * SQL of conditions that tell whether a change is there: `f` before its script has run, `t` after it. Pure.
 */

/** What the server adds to an expression, or leaves out of it, when it prints it: casts, brackets, blanks, its own schemas. */
const NOISE = String.raw`::("[^"]+"|[a-z_][\w.]*( varying| precision| with(out)? time zone)?)(\(\d+(,\d+)?\))?( with(out)? time zone)?(\[\])*|\m(public|pg_catalog)\.|[\s()]`;

/** Whether an expression that the server prints is the one that a person may have written otherwise. `printed` is SQL. */
export function isText(printed: string, wanted: string | undefined): string {
  if (wanted === undefined) return `${printed} IS NULL`;
  // Keywords may be written in any case; what stands in quotes may not.
  const plain = (sql: string): string => `regexp_replace(${/'[^']*[a-z][^']*'|"/i.test(wanted) ? sql : `lower(${sql})`}, ${quoteLiteral(NOISE)}, '', 'g')`;
  return `coalesce(${plain(printed)} = ${plain(quoteLiteral(wanted))}, false)`;
}

export function hasDefault(table: TableName, column: string, value: string | undefined): string {
  return hasColumn(table, column, isText(COLUMN_EXPRESSION, value));
}

const COLUMN_EXPRESSION = '(SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum)';

/** Of a column's pg_attribute row `a`: whether its default is this one to the letter, as the server prints it. Says no of the same in other words. */
export function hasExpression(value: string | undefined): string {
  return value === undefined ? `${COLUMN_EXPRESSION} IS NULL` : `${COLUMN_EXPRESSION} IS NOT DISTINCT FROM ${literal(value)}`;
}

/** Of a column's pg_attribute row `a`. */
export function hasCollation(collation: string | undefined): string {
  return `a.attcollation = ${collation === undefined ? '(SELECT typcollation FROM pg_type WHERE oid = a.atttypid)' : `to_regcollation(${quoteLiteral(collation)})`}`;
}

export function isValid(table: TableName, name: string): string {
  return `EXISTS (SELECT FROM pg_constraint WHERE conrelid = ${regclass(table)} AND conname = ${quoteLiteral(name)} AND convalidated)`;
}

const ENABLED = { origin: 'O', always: 'A', replica: 'R', disabled: 'D' } as const;

export function hasTrigger(table: TableName, { name, enabled = 'origin' }: Pick<Trigger, 'name' | 'enabled'>): string {
  return `EXISTS (SELECT FROM pg_trigger WHERE tgrelid = ${regclass(table)} AND tgname = ${quoteLiteral(name)} AND NOT tgisinternal AND tgenabled = '${ENABLED[enabled]}')`;
}

/** Whether it is this one to the letter, as the server prints it. Says no of the same in other words. */
export function isTrigger(table: TableName, { name, definition, enabled = 'origin' }: Trigger): string {
  return `EXISTS (SELECT FROM pg_trigger WHERE tgrelid = ${regclass(table)} AND tgname = ${quoteLiteral(name)} AND NOT tgisinternal AND tgenabled = '${ENABLED[enabled]}' AND pg_get_triggerdef(oid) = ${literal(definition.replace(/;\s*$/, ''))})`;
}

export function hasAnyTrigger(table: TableName, name: string): string {
  return `EXISTS (SELECT FROM pg_trigger WHERE tgrelid = ${regclass(table)} AND tgname = ${quoteLiteral(name)} AND NOT tgisinternal)`;
}

export function hasPolicy(table: TableName, name: string): string {
  return `EXISTS (SELECT FROM pg_policy WHERE polrelid = ${regclass(table)} AND polname = ${quoteLiteral(name)})`;
}

/** Whether it is this one to the letter, as the server prints it. */
export function isPolicy(table: TableName, { name, command, permissive, roles, using, check }: Policy): string {
  const letter = { all: '*', select: 'r', insert: 'a', update: 'w', delete: 'd' }[command];
  const text = (value: string | undefined): string => (value === undefined ? 'NULL' : literal(value));
  const sorted = (names: string): string => `(SELECT array_agg(n ORDER BY n COLLATE "C") FROM ${names})`;
  const names = sorted("(SELECT CASE WHEN r = 0 THEN 'public' ELSE pg_get_userbyid(r)::text END AS n FROM unnest(polroles) r) r");
  const wanted = sorted(`unnest(ARRAY[${roles.map(quoteLiteral).join(', ')}]::text[]) n`);
  return `EXISTS (SELECT FROM pg_policy WHERE polrelid = ${regclass(table)} AND polname = ${quoteLiteral(name)} AND polcmd = '${letter}' AND polpermissive = ${permissive} AND ${names} = ${wanted} AND pg_get_expr(polqual, polrelid) IS NOT DISTINCT FROM ${text(using)} AND pg_get_expr(polwithcheck, polrelid) IS NOT DISTINCT FROM ${text(check)})`;
}

const comment = (value: string | undefined): string => (value === undefined ? 'NULL' : quoteLiteral(value));

export function hasComment(table: TableName, value: string | undefined): string {
  return `${regclass(table)} IS NOT NULL AND obj_description(${regclass(table)}, 'pg_class') IS NOT DISTINCT FROM ${comment(value)}`;
}

export function hasColumnComment(table: TableName, column: string, value: string | undefined): string {
  return hasColumn(table, column, `col_description(a.attrelid, a.attnum) IS NOT DISTINCT FROM ${comment(value)}`);
}

/** More that is true of the table's pg_class row `c`. */
export function isRelation(table: TableName, more: string): string {
  return `EXISTS (SELECT FROM pg_class c WHERE c.oid = ${regclass(table)} AND ${more})`;
}

export function hasReplicaIdentity({ name, replicaIdentity: how, replicaIdentityIndex: index }: Table): string {
  const letter = { default: 'd', full: 'f', nothing: 'n', index: 'i' }[how];
  return isRelation(name, `c.relreplident = '${letter}'${index === undefined ? '' : ` AND EXISTS (SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident AND x.relname = ${quoteLiteral(index)})`}`);
}

const relation = (schema: string, name: string): string => `to_regclass(${quoteLiteral(`${quoteIdentifier(schema)}.${quoteIdentifier(name)}`)})`;

/** Whether the sequence counts as `wanted` does. */
export function countsAs({ schema, name, type, increment, min, max, cycle, start, cache }: Sequence): string {
  return `EXISTS (SELECT FROM pg_sequence WHERE seqrelid = ${relation(schema, name)} AND seqtypid = ${quoteLiteral(type)}::regtype AND seqincrement = ${increment} AND seqmin = ${min} AND seqmax = ${max} AND seqcycle = ${cycle}${start === undefined ? '' : ` AND seqstart = ${start}`}${cache === undefined ? '' : ` AND seqcache = ${cache}`})`;
}

/** Whether the sequence goes with its column; without an owner, whether it goes with none. */
export function isOwned({ schema, name, ownedBy }: Pick<Sequence, 'schema' | 'name' | 'ownedBy'>): string {
  const owner = `SELECT FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE d.classid = 'pg_class'::regclass AND d.objid = ${relation(schema, name)} AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')`;
  if (ownedBy === undefined) return `${relation(schema, name)} IS NOT NULL AND NOT EXISTS (${owner})`;
  return `EXISTS (${owner} AND d.refobjid = ${regclass(ownedBy.table)} AND a.attname = ${quoteLiteral(ownedBy.column)})`;
}

/** Whether a composite or range type is made as `wanted` says. */
export function isMadeAs({ schema, name, kind, definition, parts }: StructuredType): string {
  const type = `to_regtype(${quoteLiteral(`${quoteIdentifier(schema)}.${quoteIdentifier(name)}`)})`;
  if (kind === 'range') return `EXISTS (SELECT FROM pg_range WHERE rngtypid = ${type} AND rngsubtype = to_regtype(${quoteLiteral(parts[0] ?? '')}))`;
  const attributes = `(SELECT string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod) || coalesce((SELECT ' COLLATE ' || l.oid::regcollation::text FROM pg_collation l JOIN pg_type e ON e.oid = a.atttypid WHERE l.oid = a.attcollation AND l.oid <> e.typcollation), ''), ', ' ORDER BY a.attnum) FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped WHERE t.oid = ${type})`;
  return isText(attributes, definition.replace(/^\s*AS\s*/i, ''));
}
