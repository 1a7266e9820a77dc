import { changeable, creatable, visible, type ApiColumn, type ApiResource } from './resource.ts';
import type { KindName } from './template/lib/kinds.ts';

/** The part of JSON Schema (2020-12) that columns need. */
export interface JsonSchema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null';
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly contentEncoding?: string;
  readonly examples?: readonly unknown[];
  readonly readOnly?: boolean;
  readonly writeOnly?: boolean;
}

const example = (text: string): JsonSchema => ({ type: 'string', examples: [text] });

/** What a value that is not null looks like, where its kind alone decides. */
const VALUE_SCHEMAS: Readonly<Record<KindName, JsonSchema>> = {
  boolean: { type: 'boolean' },
  integer: { type: 'integer', examples: [1] },
  bigint: { type: 'string', pattern: '^-?[0-9]+$', examples: ['1'] },
  numeric: {
    type: 'string',
    pattern: '^(-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?|NaN|-?Infinity)$',
    examples: ['12.50'],
  },
  float: { anyOf: [{ type: 'number', examples: [1.5] }, { enum: ['NaN', 'Infinity', '-Infinity'] }] },
  text: { type: 'string' },
  enum: { type: 'string' },
  uuid: { type: 'string', format: 'uuid', examples: ['0192a5f0-7c1e-7000-8000-000000000001'] },
  bytes: {
    type: 'string',
    contentEncoding: 'base64',
    pattern: '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
    examples: ['AAEC'],
  },
  date: example('2026-01-31'),
  time: example('12:30:00'),
  timestamp: example('2026-01-31T12:30:00.123456'),
  timestamptz: example('2026-01-31T12:30:00.123456Z'),
  interval: example('1 day 02:00:00'),
  comparable: { type: 'string' },
  opaque: { type: 'string' },
  json: {},
  jsonb: {},
  any: {},
};

/** Requests may write numbers beside text: a JSON number's digits are read as they stand. */
const ALSO_WRITTEN: Readonly<Partial<Record<KindName, JsonSchema>>> = {
  bigint: { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
  numeric: { type: 'number' },
};

/** Values of types that are text in JSON, for readers of the document and for those who try it out. */
const TEXT_EXAMPLES: Readonly<Record<string, string>> = {
  inet: '192.0.2.1',
  cidr: '192.0.2.0/24',
  macaddr: '08:00:2b:01:02:03',
  macaddr8: '08:00:2b:01:02:03:04:05',
  money: '12.50',
  int4range: '[1,5)',
  int8range: '[1,5)',
  numrange: '[1.5,5)',
  daterange: '[2026-01-01,2026-02-01)',
  point: '(1,2)',
  xml: '<a/>',
  tsvector: "'word'",
};

function textExample(column: ApiColumn): JsonSchema {
  const bits = /^bit\((\d+)\)/.exec(column.sqlType)?.[1];
  const known = bits === undefined ? TEXT_EXAMPLES[column.sqlType] : '0'.repeat(Number(bits));
  return known === undefined ? {} : { examples: [known] };
}

/** What a value that is not null looks like. */
function valueSchema(column: ApiColumn, use: 'read' | 'write'): JsonSchema {
  if (column.labels) return { enum: column.labels };
  const schema: JsonSchema = {
    ...VALUE_SCHEMAS[column.kind],
    ...textExample(column),
    ...(column.maxLength === undefined ? {} : { maxLength: column.maxLength }),
    ...(column.greatest === undefined ? {} : { minimum: -column.greatest - 1, maximum: column.greatest }),
  };
  const alternative = use === 'write' ? ALSO_WRITTEN[column.kind] : undefined;
  return alternative ? { anyOf: [schema, alternative] } : schema;
}

/** Elements of arrays have one form only, and bytes in them are PostgreSQL's hex. */
function elementSchema(column: ApiColumn): JsonSchema {
  return valueSchema(column.kind === 'bytes' ? { ...column, kind: 'opaque' } : column, 'read');
}

const orNull = (schema: JsonSchema): JsonSchema =>
  Object.keys(schema).length === 0 ? schema : { anyOf: [schema, { type: 'null' }] };

/** What a column's value looks like in an answer (`read`) or a request (`write`). */
export function columnSchema(column: ApiColumn, use: 'read' | 'write'): JsonSchema {
  const value: JsonSchema = column.array ? { type: 'array', items: orNull(elementSchema(column)) } : valueSchema(column, use);
  return column.nullable ? orNull(value) : value;
}

/** The comment of the database, and what a reader of the API could not know. */
export function describe(column: ApiColumn): string {
  const notes = [column.comment?.trim() ?? ''];
  if (column.cutFrom !== undefined) notes.push(`The id of a row of ${column.cutFrom}, which another service owns.`);
  if (column.writeOnly) notes.push('Never shown.');
  return notes.filter((note) => note !== '').join(' ');
}

function described(column: ApiColumn, use: 'read' | 'write'): JsonSchema {
  const description = describe(column);
  return {
    ...columnSchema(column, use),
    ...(description === '' ? {} : { description }),
    ...(use === 'read' && column.readOnly ? { readOnly: true } : {}),
    ...(column.writeOnly ? { writeOnly: true } : {}),
  };
}

function objectSchema(columns: readonly ApiColumn[], required: readonly ApiColumn[], use: 'read' | 'write', description: string): JsonSchema {
  return {
    type: 'object',
    description,
    properties: Object.fromEntries(columns.map((column) => [column.name, described(column, use)])),
    ...(required.length > 0 ? { required: required.map((column) => column.name) } : {}),
    additionalProperties: false,
  };
}

/** The JSON schemas of a resource, by their names. */
export function resourceSchemas(resource: ApiResource): Record<string, JsonSchema> {
  const { type, singular } = resource;
  const shown = visible(resource);
  const isRequired = (column: ApiColumn): boolean => column.required;
  const schemas: Record<string, JsonSchema> = {
    // `fields` may leave any property out, so none is required of an answer.
    [type]: objectSchema(shown, [], 'read', resource.comment?.trim() ?? `One ${singular}.`),
  };
  if (resource.view) return schemas;
  const created = creatable(resource);
  schemas[`${type}Create`] = objectSchema(created, created.filter(isRequired), 'write', `What creates one ${singular}.`);
  const changed = changeable(resource);
  if (resource.key.length > 0 && changed.length > 0) {
    schemas[`${type}Replace`] = objectSchema(changed, changed.filter(isRequired), 'write', `What replaces one ${singular}; what is left out goes back to its default.`);
    schemas[`${type}Patch`] = objectSchema(changed, [], 'write', `What changes in one ${singular} (JSON Merge Patch, RFC 7396).`);
  }
  return schemas;
}
