import type { Parameter } from '../db.ts';
import { elements } from './json-text.ts';

/** How a column's values look in JSON and what may be asked of them. */
export type KindName =
  | 'boolean'
  | 'integer'
  | 'bigint'
  | 'numeric'
  | 'float'
  | 'text'
  | 'enum'
  | 'uuid'
  | 'bytes'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'
  | 'interval'
  | 'json'
  | 'jsonb'
  /** Any other type with an order: PostgreSQL's text. */
  | 'comparable'
  /** Any other type: PostgreSQL's text. */
  | 'opaque'
  /** A view's column, whose type is PostgreSQL's to say. */
  | 'any';

export type Operator =
  | 'eq'
  | 'ne'
  | 'gt'
  | 'gte'
  | 'lt'
  | 'lte'
  | 'in'
  | 'like'
  | 'ilike'
  | 'contains'
  | 'overlaps'
  | 'is';

const EQUALITY: readonly Operator[] = ['eq', 'ne', 'in', 'is'];
const ORDER: readonly Operator[] = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'is'];
const TEXT: readonly Operator[] = [...ORDER, 'like', 'ilike'];

const OPERATORS: Readonly<Record<KindName, readonly Operator[]>> = {
  boolean: EQUALITY,
  integer: ORDER,
  bigint: ORDER,
  numeric: ORDER,
  float: ORDER,
  text: TEXT,
  enum: ORDER,
  uuid: ORDER,
  bytes: ['is'],
  date: ORDER,
  time: ORDER,
  timestamp: ORDER,
  timestamptz: ORDER,
  interval: ORDER,
  json: ['is'],
  jsonb: ['contains', 'is'],
  comparable: ORDER,
  opaque: ['is'],
  any: ['is'],
};

/** Elements of these have no operator for equality that an array could use. */
const NOT_SEARCHABLE_IN_ARRAYS: ReadonlySet<KindName> = new Set(['json', 'opaque', 'any', 'bytes']);

export function operatorsOf(kind: KindName, array: boolean): readonly Operator[] {
  if (!array) return OPERATORS[kind];
  return NOT_SEARCHABLE_IN_ARRAYS.has(kind) ? ['is'] : ['contains', 'overlaps', 'is'];
}

export function isSortable(kind: KindName, array: boolean): boolean {
  return !array && OPERATORS[kind].includes('eq');
}

/** Elements of these are numbers that a JSON reader might round, or text only PostgreSQL can write. */
const ELEMENTS_AS_TEXT: ReadonlySet<KindName> = new Set(['bigint', 'numeric', 'comparable', 'opaque', 'bytes']);

/** The select list's entry for a column, given its quoted name. */
export function selectExpression(column: string, kind: KindName, array: boolean): string {
  if (kind === 'any') return `to_json(${column})`;
  if (!array) return column;
  return ELEMENTS_AS_TEXT.has(kind) ? `to_json(${column}::text[])` : `to_json(${column})`;
}

/** PostgreSQL's `2026-01-31 12:00:00.123456+00` in RFC 3339; `infinity` and BC dates stay as they are. */
function timestampJson(text: string): string {
  if (text[10] !== ' ' || text.endsWith('BC')) return JSON.stringify(text);
  const date = text.slice(0, 10);
  return text.endsWith('+00') ? `"${date}T${text.slice(11, -3)}Z"` : `"${date}T${text.slice(11)}"`;
}

const WRITERS: Readonly<Record<KindName, (text: string) => string>> = {
  boolean: (text) => (text === 't' ? 'true' : 'false'),
  integer: (text) => text,
  bigint: (text) => `"${text}"`,
  numeric: (text) => `"${text}"`,
  float: (text) => (/^-?[0-9]/.test(text) ? text : `"${text}"`),
  text: (text) => JSON.stringify(text),
  enum: (text) => JSON.stringify(text),
  uuid: (text) => `"${text}"`,
  bytes: (text) => `"${Buffer.from(text.slice(2), 'hex').toString('base64')}"`,
  date: (text) => JSON.stringify(text),
  time: (text) => JSON.stringify(text),
  timestamp: timestampJson,
  timestamptz: timestampJson,
  interval: (text) => JSON.stringify(text),
  json: (text) => text,
  jsonb: (text) => text,
  comparable: (text) => JSON.stringify(text),
  opaque: (text) => JSON.stringify(text),
  any: (text) => text,
};

/** Writes PostgreSQL's text of a value as JSON. */
export function jsonWriter(kind: KindName, array: boolean): (text: string) => string {
  return array ? WRITERS.json : WRITERS[kind];
}

/** The statement parameter for a value as it stands in a request's JSON. */
export function parameterOf(kind: KindName, array: boolean, json: string): Parameter {
  if (json === 'null') return null;
  if (array) {
    // Elements that are arrays themselves are further dimensions, except in arrays of JSON.
    return (elements(json) ?? []).map((element) =>
      parameterOf(kind === 'bytes' ? 'opaque' : kind, kind !== 'json' && kind !== 'jsonb' && element.startsWith('['), element),
    );
  }
  if (kind === 'json' || kind === 'jsonb') return json;
  if (json.startsWith('"')) {
    const text = String(JSON.parse(json));
    return kind === 'bytes' ? Buffer.from(text, 'base64') : text;
  }
  // 1.0 and 1e3 are whole numbers in JSON, but not to PostgreSQL.
  return kind === 'integer' || kind === 'bigint' ? String(JSON.parse(json)) : json;
}

/** The statement parameter for a key's part in a path. Bytes are base64url there. */
export function keyParameter(kind: KindName, text: string): Parameter {
  return kind === 'bytes' ? Buffer.from(text, 'base64url') : text;
}

/** A key's part for a path, from PostgreSQL's text of it. */
export function keySegment(kind: KindName, text: string): string {
  return encodeURIComponent(kind === 'bytes' ? Buffer.from(text.slice(2), 'hex').toString('base64url') : text);
}
