import { quoteIdentifier } from '../../src/model/names.ts';

/** A seeded generator (mulberry32), so that a failing round can be run again. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number in [0, below). */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  chance(share: number): boolean {
    return this.next() < share;
  }
}

export type Text = string | null;

/** A type with values that all differ from each other, and some with another spelling of the same value. */
interface ValueKind {
  readonly type: string;
  readonly values: (dice: Dice) => string;
  /** Pairs that differ by as little as the type allows, or where weak hashes meet. */
  readonly near: readonly (readonly [string, string])[];
  /** Pairs that the server calls equal. */
  readonly equal?: readonly (readonly [string, string])[];
}

const micros = (dice: Dice) => String(dice.below(999_999) + 1).padStart(6, '0').replace(/0$/, '1');
const words = ['alpha', 'Alpha', 'ÄÖÜ', 'e\u0301', 'é', '日本', '🙂', 'a|b', "it's", 'back\\slash', '{}', 'NULL', ' ', ''];

export const KINDS: readonly ValueKind[] = [
  { type: 'int2', values: (d) => String(d.below(60_000) - 30_000), near: [['0', '1'], ['-1', '1']] },
  { type: 'int4', values: (d) => String(d.below(4e9) - 2e9), near: [['7', '8'], ['0', '-2147483648']] },
  {
    type: 'int8',
    values: (d) => String(BigInt(d.below(2 ** 31)) * BigInt(d.below(2 ** 31)) - 10n),
    near: [['5', '4294967300'], ['9007199254740993', '9007199254740992'], ['-1', '0']],
  },
  {
    type: 'numeric',
    values: (d) => `${d.below(1e9)}.${d.below(1e9)}1`,
    near: [['0.00000000000000000001', '0'], ['12345678901234567890.1', '12345678901234567890.2'], ['NaN', '0']],
    equal: [['1.10', '1.1'], ['100', '100.000'], ['0', '0.00']],
  },
  {
    type: 'float8',
    values: (d) => String(d.next() * 1e9),
    near: [['0.1', '0.10000000000000002'], ['NaN', '0'], ['Infinity', '-Infinity'], ['5e-324', '0']],
    equal: [['0', '-0']],
  },
  { type: 'float4', values: (d) => String(Math.fround(d.next())), near: [['0.1', '0.10000001'], ['NaN', '1']] },
  {
    type: 'text',
    values: (d) => `${d.pick(words)}${d.below(1e6)}`,
    near: [['a', 'a '], ['a', 'A'], ['é', 'e\u0301'], ['', ' '], ['a', 'а'], ['x'.repeat(5000), `${'x'.repeat(4999)}y`]],
  },
  { type: 'varchar(40)', values: (d) => `${d.pick(words)}${d.below(1e6)}`, near: [['a', 'a '], ['ß', 'ss']] },
  { type: 'char(12)', values: (d) => `c${d.below(1e6)}`, near: [['a', 'b']], equal: [['a', 'a  ']] },
  { type: 'boolean', values: (d) => (d.chance(0.5) ? 'true' : 'false'), near: [['true', 'false']] },
  {
    type: 'timestamptz',
    values: (d) => `2024-0${d.below(9) + 1}-1${d.below(9)} 1${d.below(9)}:00:00.${micros(d)}+00`,
    near: [
      ['2024-01-01 00:00:00.000001+00', '2024-01-01 00:00:00.000002+00'],
      ['infinity', '2024-01-01 00:00:00+00'],
      // As whole numbers of microseconds they are 5 and 4294967300.
      ['2000-01-01 00:00:00.000005+00', '2000-01-01 01:11:34.9673+00'],
    ],
    equal: [['2024-01-01 00:00:00+00', '2024-01-01 02:00:00+02']],
  },
  { type: 'timestamp', values: (d) => `1999-12-31 23:59:5${d.below(9)}.${micros(d)}`, near: [['-infinity', 'infinity'], ['0044-03-15 12:00:00 BC', '0044-03-15 12:00:00']] },
  { type: 'time', values: (d) => `1${d.below(9)}:00:00.${micros(d)}`, near: [['24:00', '00:00']] },
  { type: 'date', values: (d) => `20${d.below(89) + 10}-01-0${d.below(8) + 1}`, near: [['2024-02-29', '2024-03-01']] },
  { type: 'interval', values: (d) => `${d.below(1e6)} seconds`, near: [['1 day', '25 hours']], equal: [['1 mon', '30 days']] },
  { type: 'uuid', values: uuid, near: [['00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000001']] },
  { type: 'bytea', values: (d) => `\\x${d.below(2 ** 31).toString(16).padStart(8, '0')}`, near: [['\\x00', '\\x'], ['\\x0001', '\\x0101']] },
  {
    type: 'jsonb',
    values: (d) => `{"n": ${d.below(1e9)}, "t": "x"}`,
    near: [['[1]', '[[[1]]]'], ['null', '{}'], ['{"a": 12345678901234567890}', '{"a": 12345678901234567891}'], ['[1, 2]', '[2, 1]']],
    equal: [['{"a": 1, "b": 2}', '{"b": 2, "a": 1}'], ['{"a": 1.10}', '{"a": 1.1}']],
  },
  { type: 'json', values: (d) => `{"n": ${d.below(1e9)}}`, near: [['{"a":1,"b":2}', '{"b":2,"a":1}'], ['[1]', '[1 ]']] },
  { type: 'int4[]', values: (d) => `{${d.below(1e6)},NULL}`, near: [['{1,2,3,4}', '{{1,2},{3,4}}'], ['{}', '{NULL}'], ['{1,2}', '{2,1}']] },
  { type: 'text[]', values: (d) => `{"a b",x${d.below(1e6)}}`, near: [['{"a,b"}', '{a,b}'], ['{"NULL"}', '{NULL}']] },
  { type: 'numeric[]', values: (d) => `{${d.below(1e6)}.5}`, near: [['{1}', '{1,1}']], equal: [['{1.10}', '{1.1}']] },
  { type: 'inet', values: (d) => `10.0.${d.below(255)}.${d.below(255)}`, near: [['10.0.0.1/24', '10.0.0.1/25']] },
  { type: 'int4range', values: (d) => `[${d.below(1e6)},2000000)`, near: [['empty', '[1,2)']] },
  { type: 'public.mood', values: (d) => d.pick(['happy', 'sad', 'So So']), near: [['happy', 'sad']] },
  { type: 'public.amount', values: (d) => `${d.below(1e6)}.25`, near: [['1', '2']], equal: [['3.0', '3.00']] },
  { type: 'bit varying', values: (d) => d.below(2 ** 30).toString(2), near: [['1', '10'], ['', '0']] },
];

/** Types and domains that the tables use. */
export const TYPES_SQL = `
CREATE TYPE public.mood AS ENUM ('happy', 'sad', 'So So');
CREATE DOMAIN public.amount AS numeric CHECK (VALUE >= 0);
CREATE SCHEMA "Odd Schema";`;

function uuid(dice: Dice): string {
  const hex = Array.from({ length: 32 }, () => dice.below(16).toString(16)).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

interface KeyKind {
  readonly types: readonly string[];
  /** The n-th key, in the server's own spelling. */
  readonly at: (n: number, dice: Dice) => readonly string[];
}

const KEYS: readonly KeyKind[] = [
  { types: ['int4'], at: (n) => [String(n)] },
  { types: ['int8'], at: (n) => [String((BigInt(n) - 50n) * 184_467_440_737_095n)] },
  { types: ['text'], at: (n, d) => [`${d.pick(words)}${n}`] },
  { types: ['varchar(60)'], at: (n) => [n % 2 === 0 ? `K${n}` : `k${n - 1}`] },
  { types: ['uuid'], at: (_n, d) => [uuid(d)] },
  { types: ['int4', 'text'], at: (n, d) => [String(n % 7), `${d.pick(words)}${n}`] },
  { types: ['timestamptz', 'int2'], at: (n) => [`2024-01-01 00:00:00.${String(n * 10 + 1).padStart(6, '0')}+00`, String(n % 3)] },
  { types: ['numeric'], at: (n) => [`${n}.5`] },
  { types: ['bytea'], at: (n) => [`\\x${n.toString(16).padStart(6, '0')}`] },
  { types: ['public.mood', 'date'], at: (n) => [n % 2 === 0 ? 'sad' : 'So So', `20${String(10 + (n % 90)).padStart(2, '0')}-01-${String(1 + (Math.floor(n / 90) % 28)).padStart(2, '0')}`] },
  { types: [], at: () => [] },
];

const names = ['a', 'order', 'Mixed Case', 'quo"te', 'ünïcode', 'select', 'x', 'dollar$', 'tab\tstop', '__proto__', 'constructor', 'percent%s'];

/** A table, its rows on either side, and what a comparison has to say about them. */
export interface Planted {
  readonly sqlName: string;
  readonly keyNames: readonly string[];
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly createSql: string;
  readonly source: readonly (readonly Text[])[];
  readonly target: readonly (readonly Text[])[];
  /** Keys as JSON. Without a key: rows as JSON, with the surplus of the source (positive) or the target. */
  readonly missing: ReadonlySet<string>;
  readonly extra: ReadonlySet<string>;
  readonly different: ReadonlyMap<string, ReadonlySet<string>>;
  readonly surplus: number;
  readonly lack: number;
}

interface MutableRow {
  readonly key: readonly string[];
  values: Text[];
  other: Text[];
  /** Columns that were changed on the target, so that nothing is changed twice. */
  readonly touched: Set<number>;
  fate: 'both' | 'source' | 'target';
}

/** Draws a table, its rows, and a set of corruptions of the target's copy. */
export function plant(dice: Dice, serial: number): Planted {
  const key = dice.pick(KEYS);
  const keyNames = key.types.map((_, i) => `${dice.pick(['id', 'Key', 'k"k'])}${i}`);
  const kinds = Array.from({ length: 1 + dice.below(7) }, () => dice.pick(KINDS));
  const columnNames = [...names].sort(() => dice.next() - 0.5).slice(0, kinds.length);
  const rows: MutableRow[] = [];
  const count = dice.chance(0.1) ? dice.below(3) : 5 + dice.below(60);
  for (let n = 0; n < count; n++) {
    const values = kinds.map((kind): Text => (dice.chance(0.15) ? null : dice.chance(0.2) ? dice.pick(kind.near)[0] : kind.values(dice)));
    rows.push({ key: key.at(n, dice), values, other: [...values], touched: new Set(), fate: 'both' });
  }
  const differentColumns = new Map<MutableRow, Set<number>>();
  const mark = (row: MutableRow, column: number) => {
    row.touched.add(column);
    if (!differentColumns.has(row)) differentColumns.set(row, new Set());
    differentColumns.get(row)!.add(column);
  };
  const corruptions = rows.length === 0 || dice.chance(0.15) ? 0 : 1 + dice.below(6);
  for (let i = 0; i < corruptions; i++) {
    const row = dice.pick(rows);
    const column = dice.below(kinds.length);
    const kind = kinds[column]!;
    if (row.fate !== 'both' || row.touched.has(column)) continue;
    const act = dice.below(7);
    if (act === 0 && row.touched.size === 0) row.fate = dice.chance(0.5) ? 'source' : 'target';
    else if (act === 1) {
      if (row.values[column] === null) row.other[column] = kind.type === 'text' ? '' : kind.values(dice);
      else row.other[column] = null;
      mark(row, column);
    } else if (act === 2 && kind.equal && keyNames.length > 0) {
      const [a, b] = dice.pick(kind.equal);
      row.values[column] = a;
      row.other[column] = b;
      row.touched.add(column);
    } else if (act === 3 && keyNames.length > 0) {
      // A unique value moves to the neighbour and the neighbour's comes here.
      const neighbour = rows[(rows.indexOf(row) + 1) % rows.length]!;
      if (neighbour === row || neighbour.fate !== 'both' || neighbour.touched.has(column)) continue;
      const [a, b] = dice.pick(kind.near);
      row.values[column] = neighbour.other[column] = a;
      row.other[column] = neighbour.values[column] = b;
      mark(row, column);
      mark(neighbour, column);
    } else {
      const [a, b] = dice.chance(0.5) ? dice.pick(kind.near) : ([...dice.pick(kind.near)].reverse() as [string, string]);
      row.values[column] = a;
      row.other[column] = b;
      mark(row, column);
    }
  }
  const onSource = rows.filter((row) => row.fate !== 'target');
  const onTarget = rows.filter((row) => row.fate !== 'source');
  const keyText = (row: MutableRow) => JSON.stringify(row.key);
  const sqlName = `${dice.chance(0.3) ? '"Odd Schema"' : 'public'}.${quoteIdentifier(`${dice.pick(['t', 'T "x"', 'ta.ble'])}${serial}`)}`;
  const columns = [...keyNames.map((name, i) => ({ name, type: key.types[i]! })), ...columnNames.map((name, i) => ({ name, type: kinds[i]!.type }))];
  const definitions = columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`);
  if (keyNames.length > 0) definitions.push(`PRIMARY KEY (${keyNames.map(quoteIdentifier).join(', ')})`);
  const bags = surplusOf(onSource.map((row) => JSON.stringify(row.values)), onTarget.map((row) => JSON.stringify(row.other)));
  return {
    sqlName,
    keyNames,
    columns,
    createSql: `CREATE TABLE ${sqlName} (${definitions.join(', ')})`,
    source: onSource.map((row) => [...row.key, ...row.values]),
    target: onTarget.map((row) => [...row.key, ...row.other]),
    missing: new Set(rows.filter((row) => row.fate === 'source').map(keyText)),
    extra: new Set(rows.filter((row) => row.fate === 'target').map(keyText)),
    different: new Map([...differentColumns].map(([row, changed]) => [keyText(row), new Set([...changed].map((column) => columnNames[column]!))])),
    ...bags,
  };
}

/** Rows that the source has more often, and those that the target has. */
function surplusOf(source: readonly string[], target: readonly string[]): { readonly surplus: number; readonly lack: number } {
  const balance = new Map<string, number>();
  for (const row of source) balance.set(row, (balance.get(row) ?? 0) + 1);
  for (const row of target) balance.set(row, (balance.get(row) ?? 0) - 1);
  const left = [...balance.values()];
  return {
    surplus: left.filter((n) => n > 0).reduce((a, b) => a + b, 0),
    lack: left.filter((n) => n < 0).reduce((a, b) => a - b, 0),
  };
}
