import type { Dice } from '../dice.ts';

export type Text = string | null;

/** Two texts of a type that differ as little as the type allows, or where weak hashes meet. */
export interface Pair {
  /** What the difference is called in the statistics. */
  readonly name: string;
  readonly a: string;
  readonly b: string;
}

/** A type with the values that a table of the test may hold, and what the checker knows of their equality. */
export interface ValueKind {
  readonly type: string;
  /** The target's type, where it is another one that means the same. */
  readonly targetType?: string;
  readonly draw: (dice: Dice) => string;
  /** Values that differ. */
  readonly near: readonly Pair[];
  /** Other spellings of the same value. */
  readonly spellings?: readonly Pair[];
  /** Texts that stand for the same value have the same meaning. Default: the server's text. */
  readonly meaning?: (text: string) => string;
  /** The kind of number, where a tolerance may hold. */
  readonly number?: 'floats' | 'decimals';
  /** The meaning in a table without a key, where it is another one: mostly the text. */
  readonly inBags?: (text: string) => string;
}

const pairs = (...list: readonly (readonly [name: string, a: string, b: string])[]): readonly Pair[] => list.map(([name, a, b]) => ({ name, a, b }));
const same = (...list: readonly (readonly [a: string, b: string])[]): readonly Pair[] => list.map(([a, b]) => ({ name: 'spelling', a, b }));
/** A meaning by a list of cases: all texts of one list are one value. */
const cases = (...lists: readonly (readonly string[])[]) => {
  const known = new Map(lists.flatMap((list) => list.map((text) => [text, list[0] ?? text] as const)));
  return (text: string): string => known.get(text) ?? text;
};
const digits = (text: string) => (text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text);
const unsigned = (text: string) => (text === '-0' ? '0' : text);
const asText = (text: string) => text;
const zoned = (text: string) => text.replace(/\+00$/, '');

const micros = (dice: Dice) => String(dice.below(999_999) + 1).padStart(6, '0').replace(/0$/, '1');
export const WORDS = ['alpha', 'Alpha', 'ÄÖÜ', 'e\u0301', 'é', '日本', '🙂', 'a|b', "it's", 'back\\slash', '{}', 'NULL', ' ', ''] as const;
const word = (dice: Dice) => `${dice.pick(WORDS)}${dice.below(1e6)}`;

const TEXTS = pairs(
  ['trailing space', 'a', 'a '], ['case', 'a', 'A'], ['NFC against NFD', 'é', 'e\u0301'], ['empty against space', '', ' '], ['homoglyph', 'a', 'а'],
  ['last of many', 'x'.repeat(5000), `${'x'.repeat(4999)}y`], ['tab', 'a\tb', 'a b'], ['line end', 'a\r\nb', 'a\nb'], ['one bit', 'b', 'c'], ['leading zero', '07', '7'], ['ligature', 'ﬁ', 'fi'],
);
const SHORT_TEXTS = TEXTS.filter(({ a }) => a.length < 40);
const INSTANTS = pairs(
  ['microsecond', '2024-01-01 00:00:00.000001+00', '2024-01-01 00:00:00.000002+00'], ['infinity', 'infinity', '2024-01-01 00:00:00+00'],
  // As whole numbers of microseconds they are 5 and 4294967300.
  ['folded', '2000-01-01 00:00:00.000005+00', '2000-01-01 01:11:34.9673+00'], ['an hour', '2024-03-31 01:00:00+00', '2024-03-31 02:00:00+00'],
);
const DOCUMENTS = same(['{"a": 1.10}', '{"a": 1.1}'], ['[1.0, "x"]', '[1, "x"]']);
const documentMeaning = cases(
  ['{"a": 1.1}', '{"a": 1.10}'], ['[1, "x"]', '[1.0, "x"]'],
  // As json keeps them.
  ['{"a": 1, "b": 2}', '{"b":2,"a":1}', '{"a":1,"b":2}', '{"b": 2, "a": 1}'],
);

export const KINDS: readonly ValueKind[] = [
  { type: 'int2', draw: (d) => String(d.below(60_000) - 30_000), near: pairs(['one bit', '0', '1'], ['sign', '-1', '1']) },
  { type: 'int4', draw: (d) => String(d.below(4e9) - 2e9), near: pairs(['one bit', '7', '8'], ['one in a million', '1000000', '1000001'], ['highest bit', '0', '-2147483648']) },
  {
    type: 'int8',
    draw: (d) => String(BigInt(d.below(2 ** 31)) * BigInt(d.below(2 ** 31)) - 10n),
    near: pairs(['folded', '5', '4294967300'], ['beyond doubles', '9007199254740993', '9007199254740992'], ['sign', '-1', '0']),
  },
  { type: 'int4', targetType: 'int8', draw: (d) => String(d.below(4e9) - 2e9), near: pairs(['one bit', '2', '3']) },
  {
    type: 'numeric',
    number: 'decimals',
    draw: (d) => `${d.below(1e9)}.${d.below(1e9)}1`,
    near: pairs(['last digit', '0.00000000000000000001', '0'], ['last digit', '12345678901234567890.1', '12345678901234567890.2'], ['NaN', 'NaN', '0'], ['infinity', 'Infinity', '-Infinity'], ['three cents', '1000.10', '1000.13'], ['six cents', '9007199254740993.10', '9007199254740993.16']),
    spellings: same(['1.10', '1.1'], ['100', '100.000'], ['0', '0.00']),
    meaning: digits,
  },
  { type: 'numeric(12,2)', targetType: 'numeric(20,6)', number: 'decimals', draw: (d) => `${d.below(1e9)}.${10 + d.below(89)}`, near: pairs(['a cent', '0.01', '0.02'], ['sign', '-1.00', '1.00']), meaning: digits },
  { type: 'int4', targetType: 'numeric', number: 'decimals', draw: (d) => String(d.below(1e9)), near: pairs(['one bit', '12', '13']), meaning: digits },
  {
    type: 'float8',
    number: 'floats',
    draw: (d) => String(d.next() * 1e9),
    near: pairs(['last digit', '0.1', '0.10000000000000002'], ['NaN', 'NaN', '0'], ['infinity', 'Infinity', '-Infinity'], ['smallest', '5e-324', '0'], ['half a millionth', '1000000', '1000000.5'], ['two millionths', '1e+300', '1.000002e+300']),
    spellings: same(['0', '-0']),
    meaning: unsigned,
  },
  {
    // What sync writes of a real's text is the same number of digits in the double.
    type: 'float4', targetType: 'float8', number: 'floats', draw: (d) => `${d.below(100_000)}.${d.below(9) + 1}`,
    near: pairs(['last digit', '0.1', '0.10000001'], ['NaN', 'NaN', '1'], ['infinity', 'Infinity', '-Infinity'], ['million', '1000000', '1000001']), spellings: same(['0', '-0'], ['1e6', '1000000']),
    meaning: (text) => String(Number(text)),
  },
  { type: 'float4', number: 'floats', draw: (d) => String(Math.fround(d.next())), near: pairs(['last digit', '0.1', '0.10000001'], ['NaN', 'NaN', '1']), spellings: same(['-0', '0']), meaning: unsigned },
  { type: 'text', draw: word, near: TEXTS },
  { type: 'text COLLATE public.nocase', draw: word, near: TEXTS },
  { type: 'text COLLATE "C"', targetType: 'varchar', draw: word, near: TEXTS },
  { type: 'varchar(40)', draw: word, near: [...SHORT_TEXTS, ...pairs(['expansion', 'ß', 'ss'])] },
  { type: 'char(12)', draw: (d) => `c${d.below(1e6)}`, near: pairs(['one bit', 'b', 'c'], ['case', 'a', 'A']), spellings: same(['a', 'a  ']) },
  {
    type: 'public.citext', draw: (d) => `c${d.below(1e6)}`, near: pairs(['trailing space', 'a', 'a '], ['one bit', 'b', 'c']), spellings: same(['Alice', 'alice']),
    meaning: (text) => text.toLowerCase(), inBags: asText,
  },
  { type: 'boolean', draw: (d) => (d.chance(0.5) ? 'true' : 'false'), near: pairs(['one bit', 'true', 'false']) },
  {
    type: 'timestamptz',
    draw: (d) => `2024-0${d.below(9) + 1}-1${d.below(9)} 1${d.below(9)}:00:00.${micros(d)}+00`,
    near: INSTANTS,
    spellings: same(['2024-01-01 00:00:00+00', '2024-01-01 02:00:00+02']),
  },
  { type: 'timestamp', targetType: 'timestamptz', draw: (d) => `1999-12-31 23:59:5${d.below(9)}.${micros(d)}`, near: INSTANTS.slice(0, 1), meaning: zoned },
  { type: 'timestamp', draw: (d) => `1999-12-31 23:59:5${d.below(9)}.${micros(d)}`, near: pairs(['infinity', '-infinity', 'infinity'], ['BC', '0044-03-15 12:00:00 BC', '0044-03-15 12:00:00'], ['microsecond', '2024-01-01 00:00:00.999999', '2024-01-01 00:00:01']) },
  { type: 'time', draw: (d) => `1${d.below(9)}:00:00.${micros(d)}`, near: pairs(['midnight', '24:00', '00:00'], ['microsecond', '12:00:00.000001', '12:00:00']) },
  { type: 'timetz', draw: (d) => `1${d.below(9)}:00:00.${micros(d)}+0${d.below(9)}`, near: pairs(['zone', '12:00:00+01', '11:00:00+00']) },
  { type: 'date', draw: (d) => `20${d.below(89) + 10}-01-0${d.below(8) + 1}`, near: pairs(['one day', '2024-02-29', '2024-03-01'], ['BC', '0001-01-01 BC', '0001-01-01']) },
  { type: 'date', targetType: 'timestamp', draw: (d) => `20${d.below(89) + 10}-01-0${d.below(8) + 1}`, near: pairs(['one day', '2024-02-29', '2024-03-01']), meaning: (text) => text.replace(/ 00:00:00$/, '') },
  {
    type: 'interval', draw: (d) => `${d.below(1e6)} seconds`, near: pairs(['an hour', '1 day', '25 hours'], ['microsecond', '1 second', '1.000001 seconds']), spellings: same(['1 mon', '30 days']),
    meaning: cases(['1 mon', '30 days']), inBags: asText,
  },
  { type: 'uuid', draw: uuid, near: pairs(['one bit', '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000001']), spellings: same(['aaaaaaaa-0000-0000-0000-000000000000', 'AAAAAAAA-0000-0000-0000-000000000000']) },
  { type: 'bytea', draw: (d) => `\\x${d.below(2 ** 31).toString(16).padStart(8, '0')}`, near: pairs(['zero byte', '\\x00', '\\x'], ['one bit', '\\x0001', '\\x0101']) },
  {
    type: 'jsonb',
    draw: (d) => `{"n": ${d.below(1e9)}, "t": "x"}`,
    near: pairs(['nesting', '[1]', '[[[1]]]'], ['null', 'null', '{}'], ['last digit', '{"a": 12345678901234567890}', '{"a": 12345678901234567891}'], ['order of a list', '[1, 2]', '[2, 1]'], ['number against text', '{"a": 1}', '{"a": "1"}']),
    spellings: [...DOCUMENTS, ...same(['{"a": 1, "b": 2}', '{"b": 2, "a": 1}'])],
    meaning: documentMeaning, inBags: asText,
  },
  { type: 'json', draw: (d) => `{"n": ${d.below(1e9)}}`, near: pairs(['order of keys', '{"a":1,"b":2}', '{"b":2,"a":1}'], ['space', '[1]', '[1 ]']) },
  {
    type: 'json', targetType: 'jsonb', draw: (d) => `{"n": ${d.below(1e9)}}`, near: pairs(['nesting', '[1]', '[[1]]']), spellings: same(['{"b":2,"a":1}', '{"a":1,"b":2}'], ['{"a": 1.10}', '{"a": 1.1}']),
    meaning: documentMeaning, inBags: cases(['{"a": 1, "b": 2}', '{"b":2,"a":1}', '{"a":1,"b":2}']),
  },
  { type: 'int4[]', draw: (d) => `{${d.below(1e6)},NULL}`, near: pairs(['dimensions', '{1,2,3,4}', '{{1,2},{3,4}}'], ['null element', '{}', '{NULL}'], ['order', '{1,2}', '{2,1}'], ['bounds', '[0:1]={1,2}', '{1,2}']) },
  { type: 'text[]', draw: (d) => `{"a b",x${d.below(1e6)}}`, near: pairs(['separator', '{"a,b"}', '{a,b}'], ['NULL as text', '{"NULL"}', '{NULL}']) },
  { type: 'numeric[]', draw: (d) => `{${d.below(1e6)}.5}`, near: pairs(['twice', '{1}', '{1,1}']), spellings: same(['{1.10}', '{1.1}']), meaning: cases(['{1.1}', '{1.10}']), inBags: asText },
  { type: 'inet', draw: (d) => `10.0.${d.below(255)}.${d.below(255)}`, near: pairs(['mask', '10.0.0.1/24', '10.0.0.1/25']) },
  { type: 'int4range', draw: (d) => `[${d.below(1e6)},2000000)`, near: pairs(['empty', 'empty', '[1,2)']), spellings: same(['[1,3]', '[1,4)']) },
  { type: 'public.mood', draw: (d) => d.pick(['happy', 'sad', 'So So']), near: pairs(['label', 'happy', 'sad']) },
  { type: 'public.mood', targetType: 'text', draw: (d) => d.pick(['happy', 'sad', 'So So']), near: pairs(['label', 'happy', 'So So']) },
  { type: 'public.amount', number: 'decimals', draw: (d) => `${d.below(1e6)}.25`, near: pairs(['one bit', '1', '2']), spellings: same(['3.0', '3.00']), meaning: digits },
  { type: 'bit varying', draw: (d) => d.below(2 ** 30).toString(2), near: pairs(['length', '1', '10'], ['empty', '', '0']) },
  { type: 'bit(8)', draw: (d) => (256 + d.below(256)).toString(2).slice(1), near: pairs(['last bit', '10000000', '10000001']) },
  { type: 'money', draw: (d) => `${d.below(1e6)}.${10 + d.below(89)}`, near: pairs(['a cent', '0.01', '0.02'], ['folded', '0.05', '42949673.00']) },
];

/** Types, domains and collations that the tables use. */
export const TYPES_SQL = `
CREATE TYPE public.mood AS ENUM ('happy', 'sad', 'So So');
CREATE DOMAIN public.amount AS numeric CHECK (VALUE >= 0);
CREATE EXTENSION citext SCHEMA public;
CREATE COLLATION public.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION public.swedish (provider = icu, locale = 'sv');
CREATE SCHEMA "Odd Schema";`;

export function uuid(dice: Dice): string {
  const hex = Array.from({ length: 32 }, () => dice.below(16).toString(16)).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
