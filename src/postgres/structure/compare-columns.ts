import { quoteIdentifier, quoteTable } from '../../model/names.ts';
import type { Column } from '../../model/schema.ts';
import type { SchemaFinding } from '../../model/structure-finding.ts';
import { holdsValuesOf } from '../../model/wider-type.ts';
import { columnLine } from '../provision/statements.ts';
import { drawsNumbers, finding, type TableContext } from './table-context.ts';

/** Columns of one table that are not what the source asks for. Pure. */
export function compareColumns(context: TableContext): readonly SchemaFinding[] {
  const { expected, actual, excluded } = context;
  const there = new Map(actual.columns.map((column) => [column.name, column]));
  const wanted = expected.columns.filter(({ name }) => !excluded.has(name));
  const known = new Set(expected.columns.map(({ name }) => name));
  return [
    ...wanted.flatMap((column) => {
      const other = there.get(column.name);
      return other ? compareColumn(column, other, context) : [missing(column, context)];
    }),
    ...actual.columns.filter(({ name }) => !known.has(name) && !excluded.has(name)).flatMap((column) => extra(column, context)),
  ];
}

const labelOf = (context: TableContext, column: Column): string => `column ${context.actual.name}.${column.name}`;

function missing(column: Column, context: TableContext): SchemaFinding {
  const alter = `ALTER TABLE ${quoteTable(context.actual.name)}`;
  // Rows that are there already have no value yet.
  const unfilled = !column.nullable && column.default === undefined && column.identity === undefined && column.generated === undefined;
  const value = context.translated(column.default);
  const { default: _, ...rest } = column;
  const line = columnLine(context.expected, { ...rest, ...(value === undefined ? {} : { default: value }), nullable: column.nullable || unfilled }, undefined);
  return finding(column.generated === undefined ? 'column_missing' : 'column_generated_missing', {
    object: labelOf(context, column), source: definitionOf(column), target: null,
    sql: [`${alter} ADD COLUMN ${line}`, ...(unfilled ? [`${alter} ALTER COLUMN ${quoteIdentifier(column.name)} SET NOT NULL`] : [])],
  });
}

function extra(column: Column, context: TableContext): readonly SchemaFinding[] {
  const object = labelOf(context, column);
  const demanding = !column.nullable && column.default === undefined && column.identity === undefined && column.generated === undefined;
  if (demanding) {
    const sql = [`ALTER TABLE ${quoteTable(context.actual.name)} ALTER COLUMN ${quoteIdentifier(column.name)} DROP NOT NULL`];
    return [finding('column_demanding', { object, source: null, target: definitionOf(column), sql })];
  }
  if (context.chosen) return [];
  const sql = context.alike ? [`ALTER TABLE ${quoteTable(context.sourceName)} ADD COLUMN ${columnLine(context.actual, column, undefined)}`] : [];
  return [finding('column_extra', { object, source: null, target: definitionOf(column), on: 'source', sql })];
}

/** For people; what is not said is as usual. */
function definitionOf(column: Column): string {
  return [
    column.type,
    ...(column.collation === undefined ? [] : [`COLLATE ${column.collation}`]),
    ...(column.identity === undefined ? [] : [`GENERATED ${column.identity.toUpperCase()} AS IDENTITY`]),
    ...(column.generated === undefined ? [] : [`GENERATED ALWAYS AS (${column.generated})`]),
    ...(column.default === undefined ? [] : [`DEFAULT ${column.default}`]),
    ...(column.nullable ? [] : ['NOT NULL']),
  ].join(' ');
}

function compareColumn(column: Column, other: Column, context: TableContext): readonly SchemaFinding[] {
  const alter = `ALTER TABLE ${quoteTable(context.actual.name)} ALTER COLUMN ${quoteIdentifier(column.name)}`;
  const object = labelOf(context, column);
  const revalued = context.revalued.has(column.name);
  return [
    ...(revalued ? [] : typeOf(column, other, context)),
    ...(column.nullable === other.nullable ? [] : [
      finding('column_nullability', {
        object, source: nullText(column), target: nullText(other), sql: [`${alter} ${column.nullable ? 'DROP' : 'SET'} NOT NULL`],
      }),
    ]),
    ...(revalued ? [] : collationOf(column, other, context)),
    ...(revalued ? [] : column.generated === undefined && other.generated === undefined ? numbersOf(column, other, context) : generationOf(column, other, context)),
  ];
}

const nullText = (column: Column): string => (column.nullable ? 'NULL' : 'NOT NULL');

/** Characters are cut by an explicit cast, and refused by the one that an assignment makes. */
const CHARACTERS = /^(character|text|bit|numeric)/;

function typeOf(column: Column, other: Column, context: TableContext): readonly SchemaFinding[] {
  const wanted = column.type;
  if (wanted === other.type) return [];
  const to = (table: string, type: string, from: string): string => {
    const name = quoteIdentifier(column.name);
    return `ALTER TABLE ${table} ALTER COLUMN ${name} TYPE ${type}${CHARACTERS.test(type) && CHARACTERS.test(from) ? '' : ` USING ${name}::${type}`}`;
  };
  const parts = { object: labelOf(context, column), source: wanted, target: other.type };
  // Of two types the one that holds all of the other's values loses none.
  if (context.alike && holdsValuesOf(other.type, wanted)) return [finding('column_type', { ...parts, on: 'source', sql: [to(quoteTable(context.sourceName), other.type, wanted)] })];
  return [finding('column_type', { ...parts, sql: [to(quoteTable(context.actual.name), wanted, other.type)] })];
}

function collationOf(column: Column, other: Column, context: TableContext): readonly SchemaFinding[] {
  if (column.collation === other.collation || column.type !== other.type) return [];
  const sql = [`ALTER TABLE ${quoteTable(context.actual.name)} ALTER COLUMN ${quoteIdentifier(column.name)} TYPE ${other.type} COLLATE ${column.collation ?? 'pg_catalog."default"'}`];
  return [finding('column_collation', { object: labelOf(context, column), source: column.collation ?? 'default', target: other.collation ?? 'default', sql })];
}

function generationOf(column: Column, other: Column, context: TableContext): readonly SchemaFinding[] {
  // An expression over other names is the mapping's own affair.
  if (column.generated !== undefined && other.generated !== undefined && (context.reshaped || column.generated === other.generated)) return [];
  const alter = `ALTER TABLE ${quoteTable(context.actual.name)}`;
  const name = quoteIdentifier(column.name);
  const parts = { object: labelOf(context, column), source: definitionOf(column), target: definitionOf(other) };
  if (column.generated === undefined) return [finding('column_generated', { ...parts, sql: other.virtual === true ? [] : [`${alter} ALTER COLUMN ${name} DROP EXPRESSION`] })];
  // What the database computes it computes again.
  return [finding('column_generated', { ...parts, sql: [`${alter} DROP COLUMN ${name}`, `${alter} ADD COLUMN ${columnLine(context.expected, column, undefined)}`] })];
}

/** Defaults, and where numbers come from. */
function numbersOf(column: Column, other: Column, context: TableContext): readonly SchemaFinding[] {
  const alter = `ALTER TABLE ${quoteTable(context.actual.name)} ALTER COLUMN ${quoteIdentifier(column.name)}`;
  const value = context.translated(column.default);
  const parts = { object: labelOf(context, column), source: fillOf(column, value), target: fillOf(other, other.default) };
  if (column.identity !== other.identity) {
    const numbering = drawsNumbers(column) === drawsNumbers(other);
    const kind = numbering ? 'column_identity' : 'column_numbering';
    if (column.identity === undefined) {
      const sql = numbering ? [] : [`${alter} DROP IDENTITY`, ...(value === undefined ? [] : [`${alter} SET DEFAULT ${value}`])];
      return [finding(kind, { ...parts, sql })];
    }
    const identity = column.identity.toUpperCase();
    const sql = other.identity === undefined
      ? [...(other.default === undefined ? [] : [`${alter} DROP DEFAULT`]), `${alter} ADD GENERATED ${identity} AS IDENTITY`]
      : [`${alter} SET GENERATED ${identity}`];
    return [finding(kind, { ...parts, sql: numbering && other.identity === undefined ? [] : sql })];
  }
  if (plainly(value, context) === plainly(other.default, context)) return [];
  const kind = drawsNumbers(column) === drawsNumbers(other) ? 'column_default' : 'column_numbering';
  return [finding(kind, { ...parts, sql: [value === undefined ? `${alter} DROP DEFAULT` : `${alter} SET DEFAULT ${value}`] })];
}

function fillOf(column: Column, value: string | undefined): string | null {
  if (column.identity !== undefined) return `GENERATED ${column.identity.toUpperCase()} AS IDENTITY`;
  return value === undefined ? null : `DEFAULT ${value}`;
}

/** Of a column with another type the server writes the default with another cast. */
function plainly(expression: string | undefined, { reshaped }: TableContext): string | undefined {
  return reshaped ? expression?.replaceAll(/::(?:[a-z_][a-z_ .]*|"[^"]*")(?:\(\d+(?:,-?\d+)?\))?(?:\[\])?|[()]/g, '') : expression;
}
