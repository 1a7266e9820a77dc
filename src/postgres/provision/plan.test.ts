import { describe, expect, it } from 'vitest';
import { parseTableName, quoteLiteral } from '../../model/names.ts';
import type { Key, Schema, Table } from '../../model/schema.ts';
import { planStructure } from './plan.ts';
import { createExtension, createTable } from './statements.ts';

const key = (name: string, definition: string): Key => ({ name, columns: ['id'], definition, deferrable: false, nullsNotDistinct: false });
const users: Table = {
  name: parseTableName('app.users'), kind: 'table', columns: [{ name: 'id', type: 'integer', nullable: false }],
  primaryKey: key('users_pkey', 'PRIMARY KEY (id)'), uniques: [], foreignKeys: [], checks: [], indexes: [], triggers: [],
  replicaIdentity: 'default', unlogged: false, rowSecurity: false, estimatedRows: -1, bytes: 0,
};
const schema = (table: Partial<Table> = {}, rest: Partial<Schema> = {}): Schema => ({
  dialect: 'postgresql', tables: [{ ...users, ...table }], enums: [], domains: [], sequences: [], views: [], extensions: [], ...rest,
});
const plan = (source: Schema, target: Schema) => planStructure({ source, target, targetSchemas: ['app'] });
const differing = (source: Schema, target: Schema): string[] => plan(source, target).mismatches.map(({ object, property }) => `${object}: ${property}`);

describe('planStructure', () => {
  it('finds nothing to do between equals', () => {
    expect(plan(schema(), schema())).toEqual({ beforeCopy: [], afterCopy: [], mismatches: [], cuts: [], triggers: [] });
  });

  it.each<[string, Partial<Table>]>([
    ['table app.users: primary key', { primaryKey: key('x', 'PRIMARY KEY (other)') }],
    ['table app.users: kind', { kind: 'partitioned' }],
    ['table app.users: partition key', { partitionBy: 'HASH (id)' }],
    ['table app.users: partition of', { partitionOf: { parent: parseTableName('p'), bound: 'DEFAULT' } }],
    ['table app.users: unlogged', { unlogged: true }],
    ['column app.users.id: type', { columns: [{ name: 'id', type: 'bigint', nullable: false }] }],
    ['column app.users.id: nullable', { columns: [{ name: 'id', type: 'integer', nullable: true }] }],
    ['column app.users.id: collation', { columns: [{ name: 'id', type: 'integer', nullable: false, collation: '"C"' }] }],
    ['column app.users.id: generated', { columns: [{ name: 'id', type: 'integer', nullable: false, generated: '1' }] }],
    ['column app.users.id: identity', { columns: [{ name: 'id', type: 'integer', nullable: false, identity: 'always' }] }],
    ['column app.users.id: presence', { columns: [] }],
    ['unique u of app.users: presence', { uniques: [key('u', 'UNIQUE (id)')] }],
    ['check c of app.users: presence', { checks: [{ name: 'c', definition: 'CHECK (false)' }] }],
    ['exclusion e of app.users: presence', { exclusions: [{ name: 'e', definition: 'EXCLUDE' }] }],
    [
      'index i of app.users: definition',
      { indexes: [{ name: 'i', columns: ['id'], unique: true, partial: false, definition: 'CREATE UNIQUE INDEX i' }] },
    ],
  ])('reports %s', (expected, there) => {
    expect(differing(schema(), schema(there))).toEqual([expected]);
  });

  it('reports rules of one name that differ', () => {
    const with_ = (definition: string): Schema =>
      schema({ uniques: [key('u', definition)], checks: [{ name: 'c', definition }], exclusions: [{ name: 'e', definition }] });
    expect(differing(with_('a'), with_('b'))).toEqual([
      'unique u of app.users: definition', 'check c of app.users: definition', 'exclusion e of app.users: definition',
    ]);
    expect(differing(with_('a'), with_('a'))).toEqual([]);
  });

  it('allows what the service adds for itself, if it demands nothing', () => {
    const columns = [...users.columns, { name: 'own', type: 'text', nullable: true }, { name: 'd', type: 'text', nullable: false, default: "''" }];
    const indexes = [{ name: 'own', columns: ['own'], unique: false, partial: false, definition: 'CREATE INDEX own' }];
    expect(differing(schema(), schema({ columns, indexes }))).toEqual([]);
    const demanding = [...users.columns, { name: 'own', type: 'text', nullable: false }];
    expect(differing(schema(), schema({ columns: demanding }))).toEqual(['column app.users.own: presence']);
  });

  it('compares types, domains, sequences and the schema of extensions', () => {
    const sequence = { schema: 'app', name: 's', type: 'bigint', increment: '1', min: '1', max: '9', cycle: false };
    const domain = { schema: 'app', name: 'd', baseType: 'text', nullable: true, checks: [] };
    const here = schema({}, {
      enums: [{ schema: 'app', name: 'e', labels: ['a'] }], domains: [domain], sequences: [sequence],
      extensions: ['citext'], extensionSchemas: { citext: 'public' },
    });
    const there = schema({}, {
      enums: [{ schema: 'app', name: 'e', labels: ['a', 'b'] }],
      domains: [{ ...domain, checks: [{ name: 'x', definition: 'CHECK (true)' }] }],
      sequences: [{ ...sequence, increment: '2', start: '5' }], extensions: ['citext'], extensionSchemas: { citext: 'ext' },
    });
    expect(differing(here, there)).toEqual([
      'sequence app.s: increment', 'extension citext: schema', 'type app.e: labels', 'domain app.d: checks',
    ]);
    expect(differing(here, schema({}, { ...here, extensionSchemas: {} }))).toEqual([]);
  });

  it("does not hold a partition's identity against it: newer servers give it the parent's", () => {
    const partition = { kind: 'partition', partitionOf: { parent: parseTableName('p'), bound: 'DEFAULT' } } as const;
    const columns = [{ name: 'id', type: 'integer', nullable: false, identity: 'always' }] as const;
    expect(differing(schema({ ...partition, columns }), schema(partition))).toEqual([]);
    expect(createTable({ ...users, ...partition, columns }, new Map()).sql).not.toContain('IDENTITY');
  });

  it('cuts foreign keys that leave the set and names their triggers', () => {
    const foreignKey = {
      name: 'fk', columns: ['id'], references: parseTableName('app.far'), referencedColumns: ['id'], onDelete: 'cascade',
      onUpdate: 'no action', definition: 'FOREIGN KEY (id) REFERENCES app.far(id)',
    } as const;
    const found = plan(
      schema({ foreignKeys: [foreignKey], triggers: [{ name: 't', definition: 'CREATE TRIGGER t', calls: 'app.f' }] }),
      schema(),
    );
    expect(found.cuts).toMatchObject([{ table: 'app.users', name: 'fk', references: 'app.far', onDelete: 'cascade' }]);
    expect(found.afterCopy).toEqual([]);
    expect(found.triggers).toEqual([{ table: 'app.users', name: 't', definition: 'CREATE TRIGGER t', calls: 'app.f' }]);
    const inside = plan(schema({ foreignKeys: [{ ...foreignKey, references: users.name }] }), schema());
    expect(inside.afterCopy.map(({ object }) => object)).toEqual(['foreign key fk of app.users']);
  });

  it('makes a domain after the one it is made from, however it is spelled', () => {
    const domain = (name: string, baseType: string) => ({ schema: 'app', name, baseType, nullable: true, checks: [] });
    const source = schema({}, { domains: [domain('a', 'app."B b"'), domain('B b', 'app.c[]'), domain('c', 'text')] });
    expect(plan(source, schema()).beforeCopy.map(({ object }) => object)).toEqual([
      'domain app.c', 'domain app."B b"', 'domain app.a',
    ]);
  });

  it('sets the replica identity where it differs', () => {
    const sql = (table: Partial<Table>): string | undefined => plan(schema(table), schema()).afterCopy[0]?.sql;
    expect(sql({ replicaIdentity: 'full' })).toBe('ALTER TABLE "app"."users" REPLICA IDENTITY FULL');
    expect(sql({ replicaIdentity: 'index', replicaIdentityIndex: 'I' })).toBe('ALTER TABLE "app"."users" REPLICA IDENTITY USING INDEX "I"');
    expect(sql({})).toBeUndefined();
  });
});

describe('statements', () => {
  it('quote text so that it means the same under either setting of backslashes', () => {
    expect(quoteLiteral("it's")).toBe("'it''s'");
    expect(quoteLiteral("a\\'")).toBe("E'a\\\\'''");
  });

  it('make a table without columns, an identity of unknown sequence, a virtual column and an extension anywhere', () => {
    expect(createTable({ ...users, columns: [], primaryKey: key('k', 'PRIMARY KEY (id)') }, new Map()).sql).toContain('CONSTRAINT "k" PRIMARY KEY (id)');
    const { primaryKey: _, ...bare } = users;
    expect(createTable({ ...bare, columns: [] }, new Map()).sql).toBe('CREATE TABLE "app"."users" ()');
    const columns = [
      { name: 'a', type: 'integer', nullable: false, identity: 'by default' },
      { name: 'b', type: 'integer', nullable: true, generated: 'a', virtual: true },
    ] as const;
    const sql = createTable({ ...bare, columns }, new Map()).sql;
    expect(sql).toContain('"a" integer GENERATED BY DEFAULT AS IDENTITY NOT NULL');
    expect(sql).toContain('"b" integer GENERATED ALWAYS AS (a) VIRTUAL');
    expect(createExtension('citext', undefined).sql).toBe('CREATE EXTENSION "citext"');
  });
});
