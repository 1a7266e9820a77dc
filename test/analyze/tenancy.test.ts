import { describe, expect, test } from 'vitest';
import { analyzeSchema } from '../../src/analyze/analyzer.ts';
import { gatherEvidence } from '../../src/analyze/signals.ts';
import { readInput, type Monolith } from '../../src/analyze/input.ts';
import { renderMarkdown } from '../../src/analyze/report/markdown.ts';
import { readCase } from './support/read-case.ts';

const LETTERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];

/** Ten tables with the columns and constraints given; those in `bare` have only an id. */
function ten(columns: string, bare: readonly string[] = []): string {
  const rest = (name: string): string => (bare.includes(name) || columns === '' ? '' : `, ${columns}`);
  return LETTERS.map((name) => `create table ${name} (id bigint not null, primary key (id)${rest(name)});`).join('\n');
}

async function read(schema: string): Promise<Monolith> {
  return readInput(await readCase({ schema }));
}

const OWNER = 'create table owner (id bigint primary key);\n';

describe('columns that say whose row it is', () => {
  test.each([
    ['a key that nearly all tables have to one table', `${OWNER}${ten('who bigint references owner, next bigint references owner', ['a', 'b'])}`, [['next', 8, 'public.owner'], ['who', 8, 'public.owner']]],
    ['a column named for tenants, without a key', ten('tenant_id bigint', ['a', 'b', 'c', 'd', 'e']), [['tenant_id', 5, undefined]]],
    ['no key where the tables have no other: they are children', `${OWNER}${ten('who bigint references owner', ['a', 'b'])}`, []],
    ['no key that half of the tables have', `${OWNER}${ten('who bigint references owner, next bigint references owner', ['a', 'b', 'c', 'd', 'e'])}`, []],
    ['no column that all have and that refers to nothing', ten('created_at timestamptz'), []],
    ['no tenant of few tables', ten('tenant_id bigint', LETTERS.slice(3)), []],
    ['no column of another meaning that only begins so', ten('company_name_of_record text'), []],
  ] as const)('%s', async (_, schema, expected) => {
    const { tenancy } = await read(schema);
    expect(tenancy.map(({ column, tables, refersTo }) => [column, tables.length, refersTo])).toEqual(expected);
  });

  test('of fewer than eight tables nothing is said', async () => {
    const few = LETTERS.slice(0, 7).map((name) => `create table ${name} (id bigint primary key, tenant_id bigint);`).join('\n');
    expect((await read(few)).tenancy).toEqual([]);
  });

  test('do not make a key a part of its row', async () => {
    const tables = LETTERS.map((name) => `create table ${name} (tenant_id bigint, id bigint, b_id bigint, primary key (tenant_id, id));`);
    const key = 'alter table a add foreign key (tenant_id, b_id) references b (tenant_id, id);';
    const own = 'alter table a add foreign key (tenant_id) references c (id);';
    const { references } = await read([...tables, key, own].join('\n'));
    expect(references.map(({ tenant, inPrimaryKey, oneToOne }) => ({ tenant, inPrimaryKey, oneToOne }))).toEqual([
      { tenant: false, inPrimaryKey: false, oneToOne: false },
      { tenant: true, inPrimaryKey: false, oneToOne: false },
    ]);
  });

  test('bind far less than any other key, and are reported', async () => {
    const tables = LETTERS.map((name, i) => `create table ${name} (id bigint primary key, who bigint not null references owner);
alter table ${name} add up_id bigint references ${LETTERS[(i + 1) % 10]};`);
    const input = await readCase({ schema: OWNER + tables.join('\n') });
    const monolith = readInput(input);
    const keys = gatherEvidence(monolith).signals.find((signal) => signal.id === 'keys')!.pairs;
    const index = (name: string): number => monolith.tables.findIndex((table) => table.name === `public.${name}`);
    expect(keys.get(index('a'), index('b'))).toBeGreaterThan(10 * keys.get(index('a'), index('owner')));
    const { document } = analyzeSchema(input);
    expect(document.details.tenancy).toEqual([
      { column: 'who', tables: LETTERS.map((name) => `public.${name}`), refersTo: 'public.owner' },
    ]);
    expect(renderMarkdown(document)).toContain('The column who, which 10 tables have and refers to owner, divides rows by tenant');
  });
});

test('a column whose table stands beside it names no table', async () => {
  const subject = 'create table subject (id bigint primary key);\n';
  const inferred = async (columns: string): Promise<number> => {
    const monolith = await read(`${subject}create table note (id bigint primary key, ${columns});`);
    return gatherEvidence(monolith).references.length;
  };
  expect(await inferred('subject_id bigint, kind text')).toBe(1);
  expect(await inferred('subject_id bigint, subject_type text')).toBe(0);
});
