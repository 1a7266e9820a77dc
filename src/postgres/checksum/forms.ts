import type { ComparisonForm, ShapeColumn } from '../../ports/checksummer.ts';

/**
 * How a type is compared. Types are native only if their hash reads the whole value and does not
 * depend on the database: an enum's hash is its OID; those of `bigint`, `timestamp` and `interval`
 * fold 64 bits to 32 (5 and 4294967300 meet); that of `numeric` has no sign, and one value for NaN and
 * both infinities; that of a text is its collation's, which may call different texts equal; an array's
 * ignores its dimensions; `jsonb`'s meets `[1]` and `[[[1]]]`. All these are compared by their bytes or
 * their text.
 */
const BUILT_IN: Readonly<Record<string, { readonly form: ComparisonForm; readonly family: ShapeColumn['family'] }>> = {
  bool: { form: 'native', family: 'other' },
  bytea: { form: 'native', family: 'other' },
  uuid: { form: 'native', family: 'other' },
  date: { form: 'native', family: 'date' },
  int2: { form: 'native', family: 'integer' },
  int4: { form: 'native', family: 'integer' },
  int8: { form: 'integer', family: 'integer' },
  numeric: { form: 'decimal', family: 'decimal' },
  float4: { form: 'float', family: 'float' },
  float8: { form: 'float', family: 'float' },
  timestamp: { form: 'timestamp', family: 'timestamp' },
  timestamptz: { form: 'instant', family: 'instant' },
  time: { form: 'time', family: 'other' },
  text: { form: 'text', family: 'text' },
  varchar: { form: 'text', family: 'text' },
  bpchar: { form: 'text', family: 'text' },
  json: { form: 'text', family: 'document' },
  jsonb: { form: 'text', family: 'document' },
};

/** The form of a type by its name in pg_catalog; undefined name: a type of the user's. */
export function formOf(builtIn: string | undefined): { readonly form: ComparisonForm; readonly family: ShapeColumn['family'] } {
  return (builtIn === undefined ? undefined : BUILT_IN[builtIn]) ?? { form: 'text', family: 'other' };
}

/** SQL of a value in each form; `?` is the column. */
interface FormSql {
  /** For the record hash. */
  readonly record: string;
  /** A text that is equal on any server for equal values. */
  readonly canonical: string;
}

const FORM_SQL: Readonly<Record<ComparisonForm, FormSql>> = {
  native: { record: '?', canonical: '?::text' },
  integer: { record: 'int8send(?::int8)', canonical: '?::int8::text' },
  // Adding 0 makes -0 into 0; it changes nothing else.
  float: { record: '?::float8', canonical: '(?::float8 + 0)::text' },
  digits: { record: '?::text::float8', canonical: '(?::text::float8 + 0)::text' },
  fixed: { record: 'numeric_send(?::numeric)', canonical: '?::numeric::text' },
  decimal: { record: 'numeric_send(trim_scale(?::numeric))', canonical: 'trim_scale(?::numeric)::text' },
  timestamp: { record: 'timestamp_send(?::timestamp)', canonical: '?::timestamp::text' },
  instant: { record: 'timestamptz_send(?::timestamptz)', canonical: '?::timestamptz::text' },
  time: { record: 'time_send(?::time)', canonical: '?::time::text' },
  document: { record: '?::jsonb::text COLLATE "C"', canonical: '?::jsonb::text' },
  text: { record: '?::text COLLATE "C"', canonical: '?::text' },
};

/** `column` (quoted SQL) in a form, for the record hash. */
export function recordForm(column: string, form: ComparisonForm): string {
  return FORM_SQL[form].record.replace('?', () => column);
}

/** `column` (quoted SQL) in a form, as canonical text. */
export function canonicalForm(column: string, form: ComparisonForm): string {
  return FORM_SQL[form].canonical.replace('?', () => column);
}
