import { expect, it } from 'vitest';
import { PostgresChecksummer } from '../../src/postgres/checksum/checksummer.ts';
import { ConsistencyValidator } from '../../src/validate/validator.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';
import { instantClock } from './instant-clock.ts';

const SCHEMA = `
CREATE EXTENSION citext SCHEMA public;
CREATE COLLATION public.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE public.mood AS ENUM ('happy', 'sad');
CREATE TABLE public.bare (id int PRIMARY KEY, t text);
CREATE DOMAIN public.price AS numeric(9,2);
CREATE TABLE public.signs (id int PRIMARY KEY, n numeric);
CREATE TABLE public.zero (id int PRIMARY KEY, f float8);
CREATE TABLE public.bag (f float8);
CREATE TABLE public.bits (id int PRIMARY KEY, b bit(8));
CREATE TABLE public.folded (id int PRIMARY KEY, t text COLLATE public.nocase);
CREATE TABLE public.handles (k public.citext PRIMARY KEY, v int);
CREATE TABLE public.letters (k char(3) PRIMARY KEY, v int);
CREATE TABLE public.lists (k numeric[] PRIMARY KEY, v int);`;

const EXPECTED = [
  ['bag', [{ row: { f: null }, source: 1, target: 0 }], [{ row: { f: '0' }, source: 0, target: 1 }], []],
  ['bare', ['2'], ['3'], []],
  ['bits', [], [], [['1', [['10000000', '10000001']]]]],
  ['cents', [], [], [['2', [['2.20', '2.201'], ['2.20', '2.21']]], ['4', [['NaN', '0.00']]]]],
  ['collated', [], [], []],
  // A real's digits are a double's, as sync carries them.
  ['digits', [], [], [['2', [['0.1', '0.10000000000000002']]], ['3', [['0.1', '0.10000000149011612']]]]],
  ['folded', [], [], [['1', [['a', 'A']]]]],
  ['handles', [], [], [['Bob', [['1', '2']]]]],
  ['letters', ['ac'], ['ad'], []],
  ['lists', [], [], [['{2.0}', [['1', '2']]]]],
  ['moods', [], ['angry'], []],
  ['signs', [], [], [['1', [['5', '-5']]], ['2', [['Infinity', '-Infinity']]], ['3', [['NaN', 'Infinity']]]]],
  ['wide', [], ['3000000000'], []],
  ['zero', [], [], [['0', [[null, '0']]], ['1', [[null, '-0']]]]],
];

/** What the server's own hashes, casts and operators do not see, each found by the mutation test. */
describePostgres('blind spots of the server', () => {
  it('are none of a comparison, with either hash', async () => {
    const [source, target] = await Promise.all([testDatabase({ schema: SCHEMA }), testDatabase({ schema: SCHEMA })]);
    await source.query(`
      INSERT INTO public.signs VALUES (1, 5), (2, 'Infinity'), (3, 'NaN'), (4, 1.10);
      INSERT INTO public.zero VALUES (0, NULL), (1, NULL); INSERT INTO public.bag VALUES (NULL);
      INSERT INTO public.bits VALUES (1, '10000000'); INSERT INTO public.folded VALUES (1, 'a');
      INSERT INTO public.handles VALUES ('Ann', 1), ('Bob', 1); INSERT INTO public.letters VALUES ('ab', 1), ('ac', 1);
      INSERT INTO public.bare VALUES (1), (2), (4);
      CREATE TABLE public.cents (id int PRIMARY KEY, m numeric(9,2), p public.price); INSERT INTO public.cents VALUES (1, 1.1, 1.1), (2, 2.2, 2.2), (3, 0, 0), (4, 4, 'NaN');
      INSERT INTO public.lists VALUES ('{1.0}', 1), ('{2.0}', 1);
      CREATE TABLE public.wide (id int PRIMARY KEY, m public.mood); CREATE TABLE public.moods (m public.mood PRIMARY KEY);
      CREATE TABLE public.collated (id int PRIMARY KEY, t text COLLATE "C"); INSERT INTO public.collated VALUES (1, 'a');
      CREATE TABLE public.digits (id int PRIMARY KEY, r real); INSERT INTO public.digits VALUES (1, 0.1), (2, 0.1), (3, 0.1), (4, 1e6), (5, '-0'), (6, 'NaN'), (7, 1e-45), (8, NULL)`);
    await target.query(`
      INSERT INTO public.signs VALUES (1, -5), (2, '-Infinity'), (3, 'Infinity'), (4, 1.1);
      INSERT INTO public.zero VALUES (0, 0), (1, '-0'); INSERT INTO public.bag VALUES (0);
      INSERT INTO public.bits VALUES (1, '10000001'); INSERT INTO public.folded VALUES (1, 'A');
      INSERT INTO public.handles VALUES ('ANN', 1), ('BOB', 2); INSERT INTO public.letters VALUES ('ab', 1), ('ad', 1);
      INSERT INTO public.bare VALUES (1), (3), (4);
      CREATE TABLE public.cents (id int PRIMARY KEY, m numeric(9,3), p numeric(9,2)); INSERT INTO public.cents VALUES (1, 1.1, 1.1), (2, 2.201, 2.21), (3, 0, 0), (4, 4, 0);
      INSERT INTO public.lists VALUES ('{1}', 1), ('{2}', 2);
      CREATE TABLE public.wide (id int8 PRIMARY KEY, m text); INSERT INTO public.wide VALUES (3000000000, 'angry');
      CREATE TABLE public.moods (m text PRIMARY KEY); INSERT INTO public.moods VALUES ('angry');
      CREATE TABLE public.collated (id int PRIMARY KEY, t text COLLATE public.nocase); INSERT INTO public.collated VALUES (1, 'a');
      CREATE TABLE public.digits (id int PRIMARY KEY, r float8); INSERT INTO public.digits VALUES (1, 0.1), (2, 0.10000000000000002), (3, 0.1::real), (4, 1e6), (5, 0), (6, 'NaN'), (7, 1e-45), (8, NULL)`);
    const validator = new ConsistencyValidator({ checksummer: new PostgresChecksummer({ pool: source.pool }) }, { checksummer: new PostgresChecksummer({ pool: target.pool }) }, { clock: instantClock() });
    for (const hash of ['record', 'canonical'] as const) {
      const { tables } = await validator.validate({ hash });
      const found = tables.map(({ table, missing, extra, different }) => [
        table.replace('public.', ''), missing, extra, different.map(({ key, columns }) => [key, Object.values(columns).map((value) => [value.source, value.target])]),
      ]);
      expect(found, hash).toEqual(EXPECTED);
    }
    // Within one leaf two missing and two extra rows must not add up to nothing.
    await source.query('TRUNCATE public.zero; INSERT INTO public.zero SELECT g, 0 FROM generate_series(1, 10) g');
    await target.query('TRUNCATE public.zero; INSERT INTO public.zero SELECT g, 0 FROM generate_series(3, 13) g');
    for (const hash of ['record', 'canonical'] as const) {
      expect((await validator.validate({ tables: ['zero'], level: 'count', hash })).tables[0]).toMatchObject({ missing: ['1', '2'], extra: ['11', '12', '13'] });
    }
  });
});
