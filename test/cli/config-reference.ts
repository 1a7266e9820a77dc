import { Type, type TSchema } from 'typebox';
import { expectedOf } from '../../src/config/describe.ts';
import { fileSchema } from '../../src/config/schema.ts';

/** The reference of docs/configuration.md: every key of the schema as a row of a Markdown table. */
export function configReference(): string {
  const rows = rowsOf(fileSchema, '');
  return ['| key | value | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function rowsOf(schema: TSchema, path: string): string[] {
  if (Type.IsObject(schema)) {
    return Object.entries(schema.properties).flatMap(([name, property]) => keyRows(property, path === '' ? name : `${path}.${name}`));
  }
  if (Type.IsRecord(schema)) return rowsOf(Type.RecordValue(schema), `${path}.NAME`);
  if (Type.IsArray(schema)) return rowsOf(schema.items, `${path}[]`);
  if (Type.IsUnion(schema)) return schema.anyOf.flatMap((variant) => rowsOf(variant, path));
  return [];
}

function keyRows(schema: TSchema, path: string): string[] {
  const { description = '', default: fallback } = schema as { description?: string; default?: unknown };
  const container = Type.IsObject(schema) || Type.IsRecord(schema);
  const value = container ? 'a mapping' : expectedOf(schema);
  const shown = container || fallback === undefined ? '' : `\`${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}\``;
  const required = fallback === undefined && !Type.IsOptional(schema) ? '**required**' : shown;
  const cells = [`\`${path}\``, value, required, description].map((cell) => cell.replaceAll('|', '\\|'));
  return [`| ${cells.join(' | ')} |`, ...rowsOf(schema, path)];
}
