import { expect, it } from 'vitest';
import { rowRules, type RowRulesOptions } from '../../../src/plan/check/database/rows/derive-row-rules.ts';
import { parseSchema } from '../../../src/postgres/sql/parse-schema.ts';

const NEW = { renames: new Map<string, string>(), major: 18 };

/** `place problem: test` of each rule, and `place: reason` of each that can not be tested. */
async function between(old: string, fresh: string, options: Pick<RowRulesOptions, 'renames' | 'major'> = NEW): Promise<string[]> {
  const [before, after] = [(await parseSchema(old)).schema, (await parseSchema(fresh)).schema];
  const { rules, untested } = rowRules({ before, after, ...options });
  return [
    ...rules.map(({ field_path: path, problem, test }) => `${path} ${problem}: ${test.kind === 'row' ? test.breaks : test.kind === 'duplicates' ? `${test.values.join(', ')}${test.where === undefined ? '' : ` where ${test.where}`}${test.nullsNotDistinct ? ', nulls too' : ''}` : `${test.columns.join(', ')} in ${test.references} ${test.referencedColumns.join(', ')}${test.full ? ', in full' : ''}${test.asText ? ', as text' : ''}`}`),
    ...untested.map(({ field_path: path, reason }) => `${path}: ${reason}`),
  ];
}

const T = 'CREATE TABLE t (a integer, b text';
const C = 'tables.t.constraints';

it.each<readonly [string, string, string, readonly string[]]>([
  ['nothing', `${T})`, `${T})`, []],
  ['a table that is new', '', `${T} NOT NULL)`, []],
  ['nulls', `${T})`, `${T} NOT NULL)`, ['tables.t.columns.b nulls: "b" IS NULL']],
  ['a column without a value for it', `${T})`, `${T}, c integer NOT NULL)`, ['tables.t.columns.c missing: true']],
  ['new columns with a value, however it comes', `${T})`, `${T}, c integer NOT NULL DEFAULT 1, d integer GENERATED ALWAYS AS IDENTITY, e integer NOT NULL GENERATED ALWAYS AS (1) STORED, f integer)`, []],
  ['a generated column of another type: its values are made anew', `${T}, c integer GENERATED ALWAYS AS (a) STORED)`, `${T}, c smallint GENERATED ALWAYS AS (a) STORED)`, []],
  ['a shorter text', `${T}, c text)`, `${T}, c varchar(3))`, [`tables.t.columns.c too_long: substr("c"::text, 4) ~ '[^ ]'`]],
  ['an array', `${T}, c text[])`, `${T}, c integer[])`, ['tables.t.columns.c: it is an array']],
  ['a longer integer', `${T})`, `${T.replace('integer', 'bigint')})`, []],
  ['a label that goes', `CREATE TYPE mood AS ENUM ('sad', 'glad'); ${T}, c mood)`, `CREATE TYPE mood AS ENUM ('glad'); ${T}, c mood)`, [`tables.t.columns.c unparsable: "c"::text <> ALL (ARRAY['glad']::text[])`]],
  ['a label that comes', `CREATE TYPE mood AS ENUM ('sad'); ${T}, c mood)`, `CREATE TYPE mood AS ENUM ('sad', 'glad'); ${T}, c mood)`, []],
  ['a check', `${T})`, `${T}, CONSTRAINT k CHECK (a > 0))`, [`${C}.k refused_by_check: (a > 0) IS FALSE`]],
  ['a check that is not proven', `${T})`, `${T}, c integer); ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID`, []],
  ['a check of a column that is not there yet', `${T})`, `${T}, c integer, CONSTRAINT k CHECK (a > c))`, [`${C}.k: it names column c, which is not there yet`]],
  ['a check of a column that changes its type', `${T})`, `${T.replace('integer', 'smallint')}, CONSTRAINT k CHECK (a > 1))`, [expect.stringContaining('tables.t.columns.a out_of_range'), `${C}.k: column a is of another type then`]],
  ['an exclusion', `${T})`, `${T}, CONSTRAINT x EXCLUDE USING gist (a WITH =))`, [`${C}.x: which rows exclude each other is seen when it is built`]],
  ['a key', `${T})`, `${T}, CONSTRAINT k PRIMARY KEY (a))`, [expect.stringContaining('nulls: "a" IS NULL'), `${C}.k duplicates: "a", nulls too`]],
  ['a unique', `${T})`, `${T}, CONSTRAINT u UNIQUE (a, b))`, [`${C}.u duplicates: "a", "b"`]],
  ['a unique of which nulls are alike', `${T})`, `${T}, CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a))`, [`${C}.u duplicates: "a", nulls too`]],
  ['a key of a column that changes its type', `${T})`, `${T.replace('integer', 'bigint')}, CONSTRAINT u UNIQUE (a))`, [`${C}.u duplicates: "a"`]],
  ['a unique of a column that is not there yet', `${T})`, `${T}, c integer, CONSTRAINT u UNIQUE (a, c))`, [`${C}.u: it names column c, which is not there yet`]],
  ['an index', `${T})`, `${T}); CREATE INDEX i ON t (a)`, []],
  ['a unique index of some rows', `${T})`, `${T}); CREATE UNIQUE INDEX i ON t (lower(b)) WHERE a > 0`, ['tables.t.indexes.i duplicates: lower(b) where a > 0']],
  ['a unique index of rows that are not there yet', `${T})`, `${T}, c integer); CREATE UNIQUE INDEX i ON t (a) WHERE c > 0`, ['tables.t.indexes.i: it names column c, which is not there yet']],
])('finds what rows may break: %s', async (_name, old, fresh, expected) => {
  expect(await between(old, fresh)).toEqual(expected);
});

const P = 'CREATE TABLE p (id integer PRIMARY KEY, code text UNIQUE, small smallint UNIQUE);';
const KEY = (columns: string, references: string, more = ''): readonly [string, string] => [`${P}${T})`, `${P}${T}, CONSTRAINT f FOREIGN KEY (${columns}) REFERENCES p (${references})${more})`];

it.each<readonly [string, readonly [string, string], readonly string[]]>([
  ['of one type', KEY('a', 'id'), [`${C}.f orphans: "a" in public.p "id"`]],
  ['of types of one family', KEY('a', 'small'), [`${C}.f orphans: "a" in public.p "small"`]],
  ['in full', KEY('a', 'id', ' MATCH FULL'), [`${C}.f orphans: "a" in public.p "id", in full`]],
  ['of types that are not compared', KEY('b', 'id'), [`${C}.f orphans: "b" in public.p "id", as text`]],
  ['of texts', [`${P}${T}, c varchar(5))`, `${P}${T}, c varchar(5), CONSTRAINT f FOREIGN KEY (c) REFERENCES p (code))`], [`${C}.f orphans: "c" in public.p "code"`]],
  ['to a table that is not there', [`${T})`, `${P}${T}, CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id))`], [`${C}.f: the table that it refers to is not there yet`]],
  ['of a column that is not there', [`${P}${T})`, `${P}${T}, c integer, CONSTRAINT f FOREIGN KEY (c) REFERENCES p (id))`], [`${C}.f: it names a column that is not there yet`]],
  ['to a column that is not there', [`CREATE TABLE p (id integer PRIMARY KEY);${T})`, `${P}${T}, CONSTRAINT f FOREIGN KEY (a) REFERENCES p (small))`], [`${C}.f: it names a column that is not there yet`]],
])('finds orphans of a foreign key %s', async (_name, [old, fresh], expected) => {
  expect((await between(old, fresh)).filter((each) => each.startsWith(`${C}.f`))).toEqual(expected);
});

it('leaves to the server what only it can tell: periods and overlaps', async () => {
  const { schema: before } = await parseSchema(`${P}${T})`);
  const { schema } = await parseSchema(`${P}${T}, CONSTRAINT u UNIQUE (a), CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id))`);
  const temporal = { ...schema, tables: schema.tables.map((table) => ({ ...table, uniques: table.uniques.map((key) => ({ ...key, definition: key.name === 'u' ? 'UNIQUE (a, b WITHOUT OVERLAPS)' : key.definition })), foreignKeys: table.foreignKeys.map((key) => ({ ...key, definition: 'FOREIGN KEY (a, PERIOD b) REFERENCES p (id, PERIOD code)' })) })) };
  const { rules, untested } = rowRules({ before, after: temporal, ...NEW });
  expect(rules).toEqual([]);
  expect(untested.map(({ field_path: path, reason }) => `${path}: ${reason}`)).toEqual([`${C}.u: which rows overlap is seen when it is built`, `${C}.f: which periods are covered is seen when it is added`]);
});

it('says so of a unique index that can not be taken apart, and of a check', async () => {
  const { schema: before } = await parseSchema(`${T})`);
  const { schema } = await parseSchema(`${T}, CONSTRAINT k CHECK (a > 0)); CREATE UNIQUE INDEX i ON t (a)`);
  const odd = (check: string): typeof schema => ({ ...schema, tables: schema.tables.map((table) => ({ ...table, checks: [{ name: 'k', definition: check }], indexes: table.indexes.map((index) => ({ ...index, definition: "CREATE UNIQUE INDEX i ON public.t USING btree ('x')" })) })) });
  const reasons = (check: string): string[] => rowRules({ before, after: odd(check), ...NEW }).untested.map(({ reason }) => reason);
  expect(reasons('CHECK a > 0').toSorted()).toEqual(['its condition could not be taken apart', 'its expressions could not be taken apart']);
  expect(reasons('CHECK ((a > 0)) NOT ENFORCED')).toEqual(['its expressions could not be taken apart']);
});

const D = (rest: string, table = `${T}, c d)`): string => `CREATE DOMAIN d AS integer ${rest}; ${table}`;

it.each<readonly [string, string, string, readonly string[]]>([
  ['no nulls', D(''), D('NOT NULL'), ['tables.t.columns.c nulls: "c" IS NULL']],
  ['a check', D(''), D(`CHECK (VALUE > 0 AND 'value' <> '' AND "value"(VALUE))`), [`tables.t.columns.c refused_by_check: ("c" > 0 AND 'value' <> '' AND "value"("c")) IS FALSE`]],
  ['what it asked for already', D('CHECK (VALUE > 0)'), D('CHECK (VALUE > 0)'), []],
  ['nothing any more', D('NOT NULL CHECK (VALUE > 0)'), D(''), []],
  ['another base, by the type below it', D('', `${T}, c d)`), `${T}, c smallint)`, [expect.stringContaining('out_of_range')]],
])('finds what rows may break of a domain that asks for %s', async (_name, old, fresh, expected) => {
  expect(await between(old, fresh)).toEqual(expected);
});

it('speaks of tables and columns by the names that they have now', async () => {
  const renames = new Map([['t', 'u'], ['t.a', 't.k']]);
  const [before, after] = [(await parseSchema(`${T})`)).schema, (await parseSchema("CREATE TABLE u (k integer NOT NULL, b text, CONSTRAINT c CHECK (k > 0 AND b <> 'k'))")).schema];
  const { rules } = rowRules({ before, after, renames, major: 18 });
  expect(rules).toEqual([
    { table: 'public.t', field_path: 'tables.u.columns.k', problem: 'nulls', test: { kind: 'row', breaks: '"a" IS NULL', mayFail: false } },
    { table: 'public.t', field_path: 'tables.u.constraints.c', problem: 'refused_by_check', test: { kind: 'row', breaks: expect.stringMatching(/^\(.*"?a"? > 0.*<> 'k'.*\) IS FALSE$/), mayFail: true } },
  ]);
});

it('does not look at a partition: its parent speaks for it', async () => {
  const parts = (type: string): string => `CREATE TABLE m (id integer, at date, n integer ${type}) PARTITION BY RANGE (at); CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')`;
  expect(await between(parts(''), parts('NOT NULL'))).toEqual(['tables.m.columns.n nulls: "n" IS NULL']);
});
