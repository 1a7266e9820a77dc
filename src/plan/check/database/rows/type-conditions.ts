import { quoteLiteral } from '../../../../model/names.ts';
import type { Schema } from '../../../../model/schema.ts';
import { holdsValuesOf } from '../../../../model/wider-type.ts';
import type { RowProblem } from './row-rule.ts';

export interface TypeConditionOptions {
  /** SQL of the column. */
  readonly column: string;
  /** Types as the server spells them, without `public.`. */
  readonly from: string;
  readonly to: string;
  readonly after: Pick<Schema, 'enums' | 'domains'>;
  /** Of the server that has the rows: from 16 on it tells by itself whether a text is of a type. */
  readonly major: number;
}

export type TypeCondition = { readonly problem: RowProblem; readonly breaks: string } | { readonly untested: string } | undefined;

const TEXTS = /^(character varying|character|text|citext)\b/;
const NUMBERS = /^(smallint|integer|bigint|numeric|real|double precision)\b/;
const TIMES = /^(date|timestamp|time)\b/;
const WHOLE: Readonly<Record<string, readonly [string, string]>> = { smallint: ['-32768', '32767'], integer: ['-2147483648', '2147483647'], bigint: ['-9223372036854775808', '9223372036854775807'] };

/** Which values of a column its new type does not hold; undefined: it holds them all. Never fails on a value, whatever it is. Pure. */
export function typeCondition({ column, from, to, after, major }: TypeConditionOptions): TypeCondition {
  if (from === to || holdsValuesOf(to, from)) return undefined;
  if (from.endsWith('[]') || to.endsWith('[]')) return { untested: 'it is an array' };
  const labels = labelsOf(to, after);
  if (labels) return { problem: 'unparsable', breaks: `${column}::text <> ALL (ARRAY[${labels.map(quoteLiteral).join(', ')}]::text[])` };
  const domain = after.domains.find((each) => nameOf(each) === to);
  if (domain) return typeCondition({ column, from, to: domain.baseType, after, major });
  const size = sizesOf(to);
  if (TEXTS.test(to)) {
    const [length] = size;
    if (length === undefined) return undefined;
    // Blanks behind the end are cut without a word, of texts; what is no text is cut whatever stands there.
    return { problem: 'too_long', breaks: TEXTS.test(from) ? `substr(${column}::text, ${length + 1}) ~ '[^ ]'` : `length(${column}::text) > ${length}` };
  }
  if (NUMBERS.test(from) && NUMBERS.test(to)) return numberCondition(column, to, size);
  if ((TIMES.test(from) && TIMES.test(to)) || (from === 'boolean' && to === 'integer') || (from === 'integer' && to === 'boolean')) return undefined;
  if (major >= 16) return { problem: 'unparsable', breaks: `NOT pg_input_is_valid(${column}::text, ${quoteLiteral(to)})` };
  const breaks = shapeCondition(`${column}::text`, to, size);
  return breaks === undefined ? { untested: `the server does not tell before version 16 whether a text is of type ${to}` } : { problem: 'unparsable', breaks };
}

function nameOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return schema === 'public' ? name : `${schema}.${name}`;
}

export function labelsOf(type: string, { enums }: Pick<Schema, 'enums'>): readonly string[] | undefined {
  return enums.find((each) => nameOf(each) === type)?.labels;
}

function sizesOf(type: string): number[] {
  return (/\((\d+)(?:,(-?\d+))?\)/.exec(type)?.slice(1) ?? []).flatMap((part) => (part === undefined ? [] : [Number(part)]));
}

/** A cast rounds: what is rounded beyond the end is refused. */
function numberCondition(column: string, to: string, [digits, scale = 0]: readonly number[]): TypeCondition {
  const whole = WHOLE[to];
  const guarded = (endless: string, otherwise: string): string => `CASE WHEN ${column}::text IN (${endless}) THEN true WHEN ${column}::text IN ('NaN', 'Infinity', '-Infinity') THEN false ELSE ${otherwise} END`;
  if (whole) return { problem: 'out_of_range', breaks: guarded("'NaN', 'Infinity', '-Infinity'", `round(${column}::numeric) NOT BETWEEN ${whole.join(' AND ')}`) };
  if (!to.startsWith('numeric') || digits === undefined) return undefined;
  return { problem: 'out_of_range', breaks: guarded("'Infinity', '-Infinity'", `abs(round(${column}::numeric, ${scale})) >= 10::numeric ^ ${digits - scale}`) };
}

/** For servers that can not be asked: the usual spellings count, and others as if they were none. */
function shapeCondition(text: string, to: string, [digits, scale = 0]: readonly number[]): string | undefined {
  const not = (pattern: string, otherwise = 'false'): string => `CASE WHEN ${text} ~ ${quoteLiteral(pattern)} THEN ${otherwise} ELSE true END`;
  const whole = WHOLE[to];
  if (whole) return not(String.raw`^\s*[+-]?\d{1,40}\s*$`, `${text}::numeric NOT BETWEEN ${whole.join(' AND ')}`);
  const number = String.raw`^\s*[+-]?(\d{1,200}(\.\d{0,200})?|\.\d{1,200})([eE][+-]?\d{1,2})?\s*$`;
  if (to.startsWith('numeric')) return not(number, digits === undefined ? 'false' : `abs(round(${text}::numeric, ${scale})) >= 10::numeric ^ ${digits - scale}`);
  if (to === 'uuid') return not(String.raw`^\s*\{?[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\}?\s*$`);
  if (to === 'boolean') return `lower(btrim(${text})) NOT IN ('t', 'tr', 'tru', 'true', 'y', 'ye', 'yes', 'on', '1', 'f', 'fa', 'fal', 'fals', 'false', 'n', 'no', 'of', 'off', '0')`;
  if (to === 'date') {
    const part = (from: number, length: number): string => `substr(btrim(${text}), ${from}, ${length})::integer`;
    const [year, month] = [part(1, 4), part(6, 2)];
    const days = `CASE WHEN ${month} IN (4, 6, 9, 11) THEN 30 WHEN ${month} <> 2 THEN 31 WHEN ${year} % 4 = 0 AND (${year} % 100 <> 0 OR ${year} % 400 = 0) THEN 29 ELSE 28 END`;
    return not(String.raw`^\s*\d{4}-\d{2}-\d{2}\s*$`, `${year} = 0 OR ${month} NOT BETWEEN 1 AND 12 OR ${part(9, 2)} NOT BETWEEN 1 AND ${days}`);
  }
  return undefined;
}
