import { quoteIdentifier, quoteLiteral, quoteTable, tableName } from '../../model/names.ts';
import type { Column, Schema, Table } from '../../model/schema.ts';

const ROWS = 5;

/** A statement that puts a few rows into a table; what its rules refuse, the server says. */
export function sampleRows(table: Table, { enums }: Pick<Schema, 'enums'>, rows = ROWS): string {
  const columns = table.columns.filter(({ generated }) => generated === undefined);
  const values = columns.map((column) => sampleValue(column, enums));
  const named = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  return columns.length === 0
    ? `INSERT INTO ${quoteTable(table.name)} DEFAULT VALUES`
    : `INSERT INTO ${quoteTable(table.name)} (${named}) OVERRIDING SYSTEM VALUE SELECT ${values.join(', ')} FROM generate_series(1, ${rows}) AS n`;
}

/** SQL of a value of the column for row `n`, another for each row where its type has as many. */
export function sampleValue({ type, nullable }: Column, enums: Schema['enums']): string {
  if (type.endsWith('[]')) return `'{}'::${type}`;
  if (/^(smallint|integer|bigint|numeric|real|double precision|money)/.test(type)) return `n::${type}`;
  if (/^(text|character|citext|name|varchar|bpchar)/.test(type)) return `n::text::${type}`;
  if (type === 'boolean') return 'n % 2 = 0';
  if (type === 'date') return `date '2026-01-01' + n`;
  if (type.startsWith('timestamp')) return `(timestamp '2026-01-01' + n * interval '1 hour')::${type}`;
  if (type.startsWith('time')) return `(time '00:00' + n * interval '1 minute')::${type}`;
  if (type.startsWith('interval')) return `n * interval '1 minute'`;
  if (type === 'uuid') return `md5(n::text)::uuid`;
  if (type === 'bytea') return `convert_to(n::text, 'UTF8')`;
  if (/^jsonb?$/.test(type)) return `to_jsonb(n)::${type}`;
  const label = enums.find(({ schema, name }) => type === name || type === `${schema}.${name}` || type === `${quoteIdentifier(schema)}.${quoteIdentifier(name)}` || type === tableName(schema, name))?.labels[0];
  if (label !== undefined) return `${quoteLiteral(label)}::${type}`;
  return nullable ? 'NULL' : `n::text::${type}`;
}
