import { expect, it } from 'vitest';
import { describePostgres, serverMajor } from '../support/postgres.ts';
import { rowsOf } from '../support/sync-engine.ts';
import { syncPair } from '../support/sync-pair.ts';

/** A type, and values of it at its edges, as SQL literals. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  int2: ['-32768', '32767'],
  int8: ['-9223372036854775808', '9223372036854775807'],
  numeric: ['NaN', ...(serverMajor() >= 14 ? ['Infinity', '-Infinity'] : []), '12345678901234567890123456789012345678.000000000100', '-0.00'],
  'numeric(38,20)': ['123456789012345678.12345678901234567891', '0.00000000000000000001'],
  float4: ['NaN', '-Infinity', '3.4028235e+38', '1e-45', '0.1'],
  float8: ['NaN', 'Infinity', '1.7976931348623157e+308', '5e-324', '0.1', '-0'],
  money: ['-92233720368547758.08', '1234.56'],
  bool: ['t', 'f'],
  text: ['', ' ', 'NULL', '\\', '\\N', '"', "'", 'a\nb\r\tc', '{a,b}', '(x,y)', 'ÄÖ 漢字 🐘', '$1', ',', '\uFFFD'],
  'varchar(3)': ['abc', 'a  ', ''],
  'char(4)': ['a', 'abcd', ''],
  bpchar: ['a  ', '  '],
  '"char"': ['a', '\\377', ''],
  name: ['a_name', 'Ünï'],
  bytea: ['\\x', '\\x00ff5c27', '\\x5c78'],
  date: ['infinity', '-infinity', '0044-03-15 BC', '4713-01-01 BC', '5874897-12-31', '2024-02-29'],
  time: ['24:00', '00:00:00.000001', '23:59:59.999999'],
  timetz: ['24:00:00-12', '12:00:00.123456+05:45'],
  timestamp: ['infinity', '-infinity', '0001-01-01 00:00:00 BC', '294276-12-31 23:59:59.999999', '2024-01-01 00:00:00.000001'],
  timestamptz: ['infinity', '-infinity', '0044-03-15 12:00:00.123456+00 BC', '2024-06-30 23:59:59.999999+09:30'],
  interval: ['-1 year -2 mons +3 days -04:05:06.789', '178000000 years', '00:00:00.000001', ...(serverMajor() >= 17 ? ['-infinity', 'infinity'] : [])],
  json: ['{"n": 12345678901234567890, "n": 0.10, "x":  [ 1.0 ] }', 'null', '"\\u0041 \\\\ \\""'],
  jsonb: ['{"n": 12345678901234567890.10, "b": {"c": null}}', 'null', '"\\\\ \\" 漢"', '[]'],
  jsonpath: ['$.a[*] ? (@ > 1)'],
  uuid: ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
  inet: ['::ffff:1.2.3.4/96', '10.0.0.1', '10.0.0.1/8'],
  cidr: ['10.0.0.0/8', '::/0'],
  macaddr: ['08:00:2b:01:02:03'],
  macaddr8: ['08:00:2b:01:02:03:04:05'],
  'bit(5)': ['10101'],
  'varbit(9)': ['', '101'],
  point: ['(1.5,-2)', '(NaN,Infinity)'],
  line: ['{1,2,3}'],
  lseg: ['[(0,0),(1,1)]'],
  box: ['(2,2),(0,0)'],
  path: ['((0,0),(1,1))', '[(0,0),(1,1)]'],
  polygon: ['((0,0),(1,1),(2,0))'],
  circle: ['<(0,0),5>'],
  oid: ['4294967295'],
  xid8: ['18446744073709551615'],
  pg_lsn: ['16/B374D848', 'FFFFFFFF/FFFFFFFF'],
  txid_snapshot: ['10:20:10,14,15'],
  tsvector: ["'a':1A 'it''s':2 'b\\\\c':3"],
  tsquery: ["'a' & !'b'"],
  xml: ['<a>&amp;<b x="1"/></a>', 'no element'],
  int4range: ['empty', '[1,10)', '(,)'],
  tstzrange: ['["2024-01-01 00:00:00+00",infinity)'],
  nummultirange: ['{}', '{[1.0,2.5),(7,)}'],
  'int4[]': ['{}', '{1,NULL,-3}', '{{1,2},{3,4}}', '[0:1]={5,6}'],
  'text[]': ['{}', '{NULL,"NULL","",a b,"\\"","\\\\","{x}",","}', '{{"a,b","c\\\\d"},{"é","\\"q\\""}}'],
  'jsonb[]': ['{"{\\"a\\": \\"b\\\\\\\\c\\"}",NULL}'],
  'timestamptz[]': ['{infinity,"2024-01-01 00:00:00+00"}'],
  'bytea[]': ['{"\\\\x00ff"}'],
  mood: ['sad', `it's "odd", \\ so`],
  'mood[]': ['{sad,NULL}'],
  positive: ['1', '2147483647'],
  short: ['abc', ''],
  place: ['(1,"a ""quoted"", \\\\ one","{x,NULL}")', '(,,)', '(2,"",{})'],
  'place[]': ['{"(1,\\"a b\\",\\"{y}\\")",NULL}'],
  '"Odd Type"': ['one'],
  hstore: ['', '"a"=>"1", "b c"=>NULL, "q\\""=>"\\\\"'],
  citext: ['MiXed'],
  regclass: ['public.everything', 'pg_class'],
  'regtype[]': ['{int4,"timestamp without time zone"}'],
};

/** Types that came with a version. */
const SINCE: Readonly<Record<string, number>> = { nummultirange: 14 };

const NAMES = Object.keys(TYPES).filter((type) => serverMajor() >= (SINCE[type] ?? 0));
const column = (i: number): string => `c${i}`;

const SCHEMA = `
  CREATE EXTENSION hstore; CREATE EXTENSION citext;
  CREATE TYPE mood AS ENUM ('sad', 'it''s "odd", \\ so');
  CREATE TYPE "Odd Type" AS ENUM ('one', 'two');
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE DOMAIN short AS varchar(3);
  CREATE TYPE place AS (n int, label text, tags text[]);
  CREATE TABLE everything (id int PRIMARY KEY);
  ALTER TABLE everything ${NAMES.map((type, i) => `ADD ${column(i)} ${type}`).join(', ')};
`;

const literal = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const LONGEST = Math.max(...Object.values(TYPES).map((values) => values.length));

/** Row `n` holds the n-th value of every type, and null where a type has no more. */
const insertRow = (id: number, n: number): string =>
  `INSERT INTO public.everything VALUES (${[id, ...NAMES.map((type) => (TYPES[type]![n] === undefined ? 'NULL' : literal(TYPES[type]![n])))].join(', ')})`;

const QUIET = 'SET client_min_messages = error';

describePostgres('every type', () => {
  it('arrives by copy, insert, update, key change and delete, in both directions, as the same text', async () => {
    const copied = Array.from({ length: LONGEST }, (_, n) => insertRow(n, n)).join('; ');
    const pair = await syncPair({ schema: `${QUIET};${SCHEMA}`, tables: ['everything'], rows: copied });
    expect(pair.copied).toBe(LONGEST);
    const before = await rowsOf(pair.monolith, 'public.everything');
    expect(await rowsOf(pair.service, 'public.everything')).toEqual(before);

    for (const [from, base] of [['monolith', 1000], ['service', 2000]] as const) {
      const source = pair[from];
      const running = pair.run();
      const script = async (sql: readonly string[]): Promise<void> => {
        await source.query(`SET search_path = public, pg_catalog; ${sql.join('; ')}; SET search_path = pg_catalog`);
      };
      await script(Array.from({ length: LONGEST }, (_, n) => insertRow(base + n, n)));
      await running.caughtUp();
      const inserted = await rowsOf(source, 'public.everything');
      expect(await rowsOf(pair.monolith, 'public.everything')).toEqual(inserted);
      expect(await rowsOf(pair.service, 'public.everything')).toEqual(inserted);

      // Each row takes every value of the next one; then every other row takes another key.
      const set = NAMES.map((_, i) => `${column(i)} = s.${column(i)}`).join(', ');
      await script([
        `UPDATE everything t SET ${set} FROM everything s WHERE t.id >= ${base} AND s.id = ${base} + (t.id + 1 - ${base}) % ${LONGEST}`,
        `UPDATE everything SET id = id + 500 WHERE id >= ${base} AND id % 2 = 0`,
      ]);
      await running.caughtUp();
      const updated = await rowsOf(source, 'public.everything');
      expect(updated).not.toEqual(inserted);
      expect(await rowsOf(pair.monolith, 'public.everything')).toEqual(updated);
      expect(await rowsOf(pair.service, 'public.everything')).toEqual(updated);

      await script([`DELETE FROM everything WHERE id >= ${base} AND id % 3 = 0`]);
      await running.caughtUp();
      await running.stop();
      const left = await rowsOf(source, 'public.everything');
      expect(left.length).toBeLessThan(updated.length);
      expect(await rowsOf(pair.monolith, 'public.everything')).toEqual(left);
      expect(await rowsOf(pair.service, 'public.everything')).toEqual(left);
    }
    for (const side of [pair.monolith, pair.service]) {
      expect(await side.query('SELECT * FROM banyan.quarantine')).toEqual([]);
      expect(await side.query('SELECT * FROM banyan.conflict')).toEqual([]);
    }
  });
});
