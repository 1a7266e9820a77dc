import { expect, test } from 'vitest';
import { checkMapping, type MappingFacts } from './check-mapping.ts';
import { parseTableName } from './names.ts';
import type { Column, Schema, Table } from './schema.ts';
import type { TableMapping } from './table-mapping.ts';

const column = (name: string, more: Partial<Column> = {}): Column => ({ name, type: 'integer', nullable: true, ...more });
const ID = column('id', { nullable: false });

function table(name: string, columns: readonly Column[], more: Partial<Table> = {}): Table {
  return {
    name: parseTableName(name), kind: 'table', columns,
    primaryKey: { name: `${name}_pkey`, columns: ['id'], definition: 'PRIMARY KEY (id)', deferrable: false, nullsNotDistinct: false },
    uniques: [], foreignKeys: [], checks: [], indexes: [], triggers: [], replicaIdentity: 'default',
    unlogged: false, rowSecurity: false, estimatedRows: -1, bytes: 0, ...more,
  };
}

function withoutKey(given: Table): Table {
  const { primaryKey: _, ...rest } = given;
  return rest;
}

const schema = (...tables: readonly Table[]): Schema => ({ dialect: 'postgresql', tables, enums: [], domains: [], sequences: [], views: [], extensions: [] });

const USERS = parseTableName('users');
const PEOPLE = parseTableName('people');
const same = (...names: readonly string[]) => names.map((name) => ({ monolith: name, service: name }));

interface Case {
  readonly monolith?: Table;
  readonly service?: Table;
  readonly mapping?: Partial<TableMapping>;
  readonly facts?: Partial<MappingFacts>;
}

/** What is said of a mapping of users onto people, as `key: found`. */
function issues({ monolith = table('users', [ID, column('mail')]), service, mapping = {}, facts = {} }: Case): readonly string[] {
  const all: MappingFacts = {
    monolith: schema(monolith), ...(service ? { service: schema(service) } : {}),
    back: true, version: 160_000, oldRows: false, joined: false, ...facts,
  };
  return checkMapping({ monolith: USERS, service: PEOPLE, ...mapping }, all).map(({ key, found }) => `${key}: ${found}`);
}

test('a mapping that fits has nothing said of it', () => {
  expect(issues({ service: table('people', [ID, column('mail')]), mapping: { columns: same('id', 'mail') } })).toEqual([]);
});

test('a table that is not there is left to the check that names missing tables', () => {
  expect(issues({ monolith: table('orders', [ID]), mapping: { columns: same('nothing') } })).toEqual([]);
});

test.each<[string, Case, readonly string[]]>([
  ['a column that the monolith lacks', { mapping: { columns: same('id', 'name') } }, ['columns.name: "name", which public.users does not have']],
  [
    'a column that the monolith computes could not be written on the way back',
    { monolith: table('users', [ID, column('full', { generated: 'id + 1' })]), mapping: { columns: same('id', 'full') } },
    ['columns.full: "full", which the monolith\'s database computes'],
  ],
  ['a mapping without the key', { mapping: { columns: same('mail') }, facts: { back: false } }, ['columns: columns without "id", which is in the primary key of public.users']],
  ['a table without a key has none to leave out', { monolith: withoutKey(table('users', [ID, column('mail')])), mapping: { columns: same('mail') }, facts: { back: false } }, []],
  [
    'a key whose values are others in the service',
    { mapping: { columns: [{ monolith: 'id', service: 'id', values: new Map([['1', '2']]) }] } },
    ['columns.id.values: values for "id", which is in the primary key of public.users'],
  ],
])('%s', (_, given, expected) => {
  expect(issues(given)).toEqual(expected);
});

test.each<[string, Case, readonly string[]]>([
  ['before PostgreSQL 15 no publication filters', { facts: { version: 140_009 } }, ['where: a filter, and PostgreSQL 14']],
  ['of a partitioned table', { monolith: table('users', [ID], { kind: 'partitioned', replicaIdentity: 'full' }) }, ['where: a filter of the partitioned table public.users']],
  ['without the old row it is not known whether a row was inside', {}, ['where: a filter, and public.users with replica identity default']],
  ['with the whole old row', { monolith: table('users', [ID], { replicaIdentity: 'full' }) }, []],
])('a filter: %s', (_, given, expected) => {
  expect(issues({ ...given, mapping: { where: 'id > 5' } })).toEqual(expected);
});

const FULL = { replicaIdentity: 'full' } as const;
const toService = () => ({});
const toMonolith = () => ({});

test.each<[string, Case, readonly string[]]>([
  ['without a way there', { monolith: table('users', [ID], FULL), mapping: { functions: { reads: ['id'], toMonolith } } }, ['transform: a module without toService']],
  ['without a way back', { monolith: table('users', [ID], FULL), mapping: { functions: { reads: ['id'], toService } } }, ['transform: a module without toMonolith']],
  ['one way needs no way back', { monolith: table('users', [ID], FULL), mapping: { functions: { reads: ['id'], toService } }, facts: { back: false } }, []],
  ['without the old row on either side', { service: table('people', [ID]), mapping: { functions: { reads: ['id'], toService, toMonolith } } }, [
    'transform: a module, and public.users with replica identity default',
    'transform: a module, and the service\'s public.people with replica identity default',
  ]],
  ['triggers carry the old row by themselves', { service: table('people', [ID]), mapping: { functions: { reads: ['id'], toService, toMonolith } }, facts: { oldRows: true } }, []],
])('a module: %s', (_, given, expected) => {
  expect(issues(given)).toEqual(expected);
});

const FILLED: readonly Column[] = [
  column('maybe'), column('preset', { nullable: false, default: '1' }),
  column('counted', { nullable: false, identity: 'always' }), column('computed', { nullable: false, generated: 'id + 1' }),
];

test('a row that the service inserts must get something in every column of the monolith', () => {
  const monolith = table('users', [ID, ...FILLED, column('bare', { nullable: false })]);
  expect(issues({ monolith, mapping: { columns: same('id') } })).toEqual(['columns: columns without "bare", which is NOT NULL without a default in the monolith']);
  expect(issues({ monolith, mapping: { columns: same('id') }, facts: { back: false } })).toEqual([]);
});

test('a row that the monolith inserts must get something in every column of the service, unless another table brings it', () => {
  const given: Case = { service: table('people', [ID, ...FILLED, column('bare', { nullable: false })]), mapping: { columns: same('id') } };
  expect(issues(given)).toEqual(['columns: nothing for "bare", which is NOT NULL without a default in public.people']);
  expect(issues({ ...given, facts: { joined: true } })).toEqual([]);
  expect(issues({ ...given, mapping: {} })).not.toContain('columns: nothing for "bare", which is NOT NULL without a default in public.people');
});

test.each<[string, Case, readonly string[]]>([
  ['lacks a column', { service: table('people', [ID]), mapping: { columns: same('id', 'mail') } }, ['columns.mail: public.people without "mail"']],
  [
    'computes a column that is to be written',
    { service: table('people', [ID, column('mail', { generated: 'id + 1' })]), mapping: { columns: same('id', 'mail') } },
    ['columns.mail: "mail" of public.people, which its database computes'],
  ],
  [
    'lacks a column that it should compute',
    { service: table('people', [ID]), mapping: { columns: same('id'), computed: [{ service: 'twice', type: 'integer', expression: 'id * 2' }] } },
    ['columns.twice: public.people without "twice"'],
  ],
  [
    'does not compute a column that it should',
    { service: table('people', [ID, column('twice')]), mapping: { columns: same('id'), computed: [{ service: 'twice', type: 'integer', expression: 'id * 2' }] } },
    ['columns.twice: "twice" of public.people, which is an ordinary column'],
  ],
  [
    'computes it',
    { service: table('people', [ID, column('twice', { generated: 'id * 2' })]), mapping: { columns: same('id'), computed: [{ service: 'twice', type: 'integer', expression: 'id * 2' }] } },
    [],
  ],
  ['has no key', { service: withoutKey(table('people', [ID])), mapping: { columns: same('id') } }, [': public.people with the primary key ()']],
  [
    'has another key',
    { service: table('people', [ID, column('mail')], { primaryKey: { name: 'k', columns: ['mail'], definition: 'PRIMARY KEY (mail)', deferrable: false, nullsNotDistinct: false } }), mapping: { columns: same('id', 'mail') } },
    [': public.people with the primary key (mail)'],
  ],
  [
    'has a key where the monolith has none',
    { monolith: withoutKey(table('users', [ID])), service: table('people', [ID]), mapping: { columns: same('id') }, facts: { back: false } },
    [': public.people with the primary key (id)'],
  ],
])('a table of the service that %s', (_, given, expected) => {
  expect(issues(given)).toEqual(expected);
});

test('the key that is wanted is spelled with the service\'s names, and what has no name there shows', () => {
  const key = { name: 'k', columns: ['id', 'mail'], definition: 'PRIMARY KEY (id, mail)', deferrable: false, nullsNotDistinct: false };
  const facts: MappingFacts = {
    monolith: schema(table('users', [ID, column('mail', { nullable: false })], { primaryKey: key })),
    service: schema(table('people', [column('person')], { primaryKey: { ...key, columns: ['person'] } })),
    back: false, version: 160_000, oldRows: false, joined: false,
  };
  const found = checkMapping({ monolith: USERS, service: PEOPLE, columns: [{ monolith: 'id', service: 'person' }] }, facts);
  expect(found.at(-1)).toEqual({ key: '', found: 'public.people with the primary key (person)', expected: "the monolith's, which is (person, ?) there" });
});

test('types between which a value could change are refused only where values come back', () => {
  const given: Case = {
    monolith: table('users', [ID, column('at', { type: 'timestamp(6) without time zone' })]),
    service: table('people', [ID, column('at', { type: 'timestamp(3) without time zone' })]), mapping: { columns: same('id', 'at') },
  };
  expect(issues(given)).toEqual(['columns.at: timestamp(6) without time zone in the monolith and timestamp(3) without time zone in the service']);
  expect(issues({ ...given, facts: { back: false } })).toEqual([]);
});

test('a text becomes an enum of either side and comes back as it was', () => {
  const mood = { schema: 'public', name: 'mood', labels: ['fine'] };
  const [users, people] = [table('users', [ID, column('mood', { type: 'text' })]), table('people', [ID, column('mood', { type: 'public.mood' })])];
  const given: Case = { monolith: users, service: people, mapping: { columns: same('id', 'mood') } };
  expect(issues(given)).toHaveLength(1);
  expect(issues({ ...given, facts: { service: { ...schema(people), enums: [mood] } } })).toEqual([]);
  expect(issues({ ...given, facts: { monolith: { ...schema(users), enums: [mood] } } })).toEqual([]);
});
