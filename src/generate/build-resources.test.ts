import { describe, expect, it } from 'vitest';
import { isBanyanError } from '../core/errors.ts';
import { parseTableName } from '../model/names.ts';
import { buildResources, SECRET_COLUMNS } from './build-resources.ts';
import { endpointCount, type ApiResource } from './resource.ts';
import { accounts, accountTables, column, reference, schemaOf, table } from './schema.fixture.ts';

const byPath = (resources: readonly ApiResource[], path: string): ApiResource => resources.find((resource) => resource.path === path)!;

describe('buildResources', () => {
  it('makes a resource of each of the service\'s tables', () => {
    const resources = buildResources(accounts, { tables: accountTables });
    expect(resources.map((resource) => [resource.path, resource.type, endpointCount(resource)])).toEqual([
      ['sessions', 'Session', 6],
      ['users', 'User', 7],
    ]);
    expect(byPath(resources, 'users').relations).toEqual([
      { path: 'sessions', child: 'sessions', columns: [{ child: 'user_id', parameter: 'id' }] },
    ]);
  });

  it('tells what is required, written by the database, or secret', () => {
    const { columns } = byPath(buildResources(accounts, { tables: accountTables }), 'users');
    expect(columns.map(({ name, required, readOnly, writeOnly }) => [name, required, readOnly, writeOnly])).toEqual([
      ['id', false, true, false],
      ['email', true, false, false],
      ['name', false, false, false],
      ['password_hash', false, false, true],
      ['country_code', false, false, false],
    ]);
    const open = byPath(buildResources(accounts, { tables: accountTables, isSecret: () => false }), 'users');
    expect(open.columns.some((each) => each.writeOnly)).toBe(false);
  });

  it.each([
    ['password', true],
    ['password_hash', true],
    ['client_secret', true],
    ['token', true],
    ['reset_token_hash', true],
    ['passwordHash', true],
    ['token_count', false],
    ['secretary', false],
    ['tokenizer', false],
  ])('takes %s for a secret: %s', (name, expected) => {
    expect(SECRET_COLUMNS.test(name)).toBe(expected);
  });

  it('keeps a reference that was cut as an id with a note', () => {
    const users = byPath(buildResources(accounts, { tables: accountTables }), 'users');
    expect(users.columns.at(-1)).toMatchObject({ name: 'country_code', cutFrom: 'public.countries' });
    expect(byPath(buildResources(accounts), 'users').columns.at(-1)?.cutFrom).toBeUndefined();
  });

  it('refuses a table that is not there', () => {
    const attempt = (): unknown => buildResources(accounts, { tables: [parseTableName('nowhere')] });
    expect(attempt).toThrow(/public\.nowhere/);
    try {
      attempt();
    } catch (error) {
      expect(isBanyanError(error, 'BANYAN_TABLE_UNKNOWN')).toBe(true);
    }
  });

  it('takes a unique key where there is no primary one, and none that could be null or has no text for a path', () => {
    const unique = (columns: string[]) => ({ name: 'k', columns, definition: '', deferrable: false, nullsNotDistinct: false });
    const resources = buildResources(
      schemaOf([
        table('a', ['x text', 'y text not null'], { primaryKey: [], uniques: [unique(['x']), unique(['y'])] }),
        table('b', ['x text'], { primaryKey: [], uniques: [unique(['x'])] }),
        table('c', ['x text[] not null'], { primaryKey: ['x'] }),
      ]),
    );
    expect(resources.map((resource) => resource.key.map((part) => part.parameter))).toEqual([['y'], [], []]);
    expect(endpointCount(resources[1]!)).toBe(2);
  });

  it('names path parameters that a path can have', () => {
    const [resource] = buildResources(schemaOf([table('t', [column('x', { name: 'the key', type: 'text', nullable: false }), 'key1 text not null'], { primaryKey: ['the key', 'key1'] })]));
    expect(resource?.key.map((part) => part.parameter)).toEqual(['key1', 'key2']);
  });

  it('tells apart tables whose names meet', () => {
    const resources = buildResources(
      schemaOf([
        table('person', ['id integer not null']),
        table('people', ['id integer not null']),
        table('people_create', ['id integer not null']),
        table('auth.people', ['id integer not null']),
        table('a_1', ['id integer not null']),
        table('a1', ['id integer not null']),
        table('"!"', ['id integer not null']),
      ]),
    );
    expect(new Set(resources.map((resource) => resource.path)).size).toBe(7);
    expect(new Set(resources.map((resource) => resource.type)).size).toBe(7);
    expect(new Set(resources.map((resource) => resource.collection)).size).toBe(7);
    expect(byPath(resources, 'people').tableName).toBe('public.people');
    expect(byPath(resources, 'auth-people')).toMatchObject({ tableName: 'auth.people', type: 'AuthPerson' });
    expect(byPath(resources, 'public-people').tableName).toBe('public.person');
  });

  it('says by which column, where two references lead the same way', () => {
    const [messages, users] = buildResources(
      schemaOf([
        table('users', ['id integer not null', 'referred_by integer'], { foreignKeys: [reference('referred_by -> public.users(id)')] }),
        table('messages', ['id integer not null', 'sender_id integer', 'id2 integer'], {
          foreignKeys: [reference('sender_id -> public.users(id)'), reference('id2 -> public.users(id)'), reference('id2 -> public.users(email)'), reference('sender_id,id2 -> public.users(id,x)')],
        }),
      ]),
    );
    expect(messages?.relations).toEqual([]);
    expect(users?.relations.map((relation) => relation.path)).toEqual(['messages-by-id2', 'messages-by-sender', 'users-by-referred-by']);
  });

  it('leaves partitions to their parents, and shows views of the service\'s own tables', () => {
    const parent = table('events', ['id integer not null'], { kind: 'partitioned' });
    const partition = table('events_1', ['id integer not null'], { kind: 'partition', partitionOf: { parent: parent.name, bound: '' } });
    const lone = table('other_1', ['id integer not null'], { kind: 'partition', partitionOf: { parent: parseTableName('elsewhere'), bound: '' } });
    const view = (name: string, reads: string[]) => ({ name: parseTableName(name), materialized: false, columns: ['id'], definition: '', reads: reads.map(parseTableName) });
    const schema = schemaOf([parent, partition, lone], { views: [view('recent', ['events']), view('foreign', ['events', 'elsewhere']), view('constant', [])] });
    expect(buildResources(schema).map((resource) => [resource.path, resource.view, endpointCount(resource)])).toEqual([
      ['events', false, 4],
      ['other-1s', false, 4],
      ['recents', true, 1],
    ]);
    expect(buildResources(schema, { tables: [partition.name, partition.name] })).toHaveLength(1);
  });

  it('knows the columns behind constraints', () => {
    const [resource] = buildResources(
      schemaOf([
        table('t', ['id integer not null', 'price numeric', column('x', { name: 'Odd "one', type: 'text', nullable: true })], {
          checks: [
            { name: 'positive', definition: 'CHECK ((price > (0)::numeric))' },
            { name: 'odd', definition: 'CHECK ((length("Odd ""one") > 1))' },
          ],
          indexes: [{ name: 'i', columns: ['price', null], unique: true, partial: true, definition: '' }, { name: 'j', columns: ['price'], unique: false, partial: false, definition: '' }],
        }),
      ]),
    );
    expect(resource?.constraints).toEqual([
      { name: 't_pkey', kind: 'unique', columns: ['id'] },
      { name: 'i', kind: 'unique', columns: ['price'] },
      { name: 'positive', kind: 'check', columns: ['price'] },
      { name: 'odd', kind: 'check', columns: ['Odd "one'] },
    ]);
  });

  it('requires nothing that a domain has a default for', () => {
    const domains = [{ schema: 'public', name: 'amount', baseType: 'integer', nullable: false, default: '1', checks: [] }];
    const [resource] = buildResources(schemaOf([table('t', ['id integer not null', 'n public.amount'])], { domains }));
    expect(resource?.columns[1]).toMatchObject({ nullable: false, required: false });
  });
});
