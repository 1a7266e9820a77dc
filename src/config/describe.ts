import { Type, type TSchema } from 'typebox';
import { isMap, isScalar, isSeq } from 'yaml';
import { FORMATS, type Format } from './formats.ts';
import { maskText } from './mask.ts';

/** What a schema accepts, in words that complete "expected …". */
export function expectedOf(schema: TSchema): string {
  if (Type.IsEnum(schema)) return schema.enum.length === 1 ? String(schema.enum[0]) : `one of ${schema.enum.join(', ')}`;
  if (Type.IsInteger(schema)) return `a whole number${range(schema)}`;
  if (Type.IsNumber(schema)) return `a number${range(schema)}`;
  if (Type.IsBoolean(schema)) return 'true or false';
  if (Type.IsObject(schema)) {
    const keys = Object.keys(schema.properties).join(', ');
    return numberOf(schema, 'maxProperties') === 1 ? `a mapping with one of ${keys}` : `a mapping of ${keys}`;
  }
  if (Type.IsRecord(schema)) return 'a mapping';
  if (Type.IsArray(schema)) {
    const least = numberOf(schema, 'minItems') ?? 0;
    return least === 0 ? 'a list' : `a list with at least ${least === 1 ? 'one entry' : `${least} entries`}`;
  }
  if (Type.IsUnion(schema)) return schema.anyOf.map(expectedOf).join(', or ');
  return formatOf(schema)?.expected ?? 'a text';
}

function range(schema: TSchema): string {
  const least = numberOf(schema, 'minimum');
  const most = numberOf(schema, 'maximum');
  if (least === most) return least === undefined ? '' : `, ${least}`;
  if (most === undefined) return `, at least ${least}`;
  return ` from ${least} to ${most}`;
}

/** What the schema's `format` keyword asks of a text (or of the keys of a record). */
export function formatOf(schema: TSchema): Format | undefined {
  const name: unknown = 'format' in schema ? schema.format : undefined;
  return isFormatName(name) ? FORMATS[name] : undefined;
}

function isFormatName(name: unknown): name is keyof typeof FORMATS {
  return typeof name === 'string' && Object.hasOwn(FORMATS, name);
}

/** A keyword of the schema that is a number, such as `minimum`. */
export function numberOf(schema: TSchema, key: string): number | undefined {
  const value: unknown = key in schema ? Reflect.get(schema, key) : undefined;
  return typeof value === 'number' ? value : undefined;
}

/** What stands in the file, in words that complete "found …". */
export function describeNode(node: unknown): string {
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return 'a list';
  return describeValue(isScalar(node) ? node.value : undefined);
}

/** A scalar, in words that complete "found …"; secrets masked. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'string') return value === '' ? 'an empty text' : `"${maskText(value)}"`;
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`;
  return value === true ? 'true' : 'false';
}
