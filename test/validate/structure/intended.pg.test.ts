import { readFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseTableName, type TableName } from '../../../src/model/names.ts';
import type { TableMapping } from '../../../src/model/table-mapping.ts';
import type { StructureScope, TableStructure } from '../../../src/ports/structure.ts';
import { PostgresIntrospector } from '../../../src/postgres/catalog/introspector.ts';
import { PostgresProvisioner } from '../../../src/postgres/provision/provisioner.ts';
import { PostgresStructure } from '../../../src/postgres/structure/structure.ts';
import { describePostgres, serverMajor, testDatabase, type TestDatabase } from '../../support/postgres.ts';
import { sqlOf, tableSpec } from '../../support/random-schema.ts';

const read = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');
const EVERYTHING = (await read('src/postgres/catalog/everything.sql')).replaceAll('NULLS NOT DISTINCT', serverMajor() >= 15 ? '$&' : '');

const ALL = new Set(['schema', 'sequences'] as const);
const table = parseTableName;

async function provision(source: TestDatabase, target: TestDatabase, tables: readonly TableName[], mappings?: readonly TableMapping[]): Promise<void> {
  const provisioner = new PostgresProvisioner({ monolith: source.pool, service: target.pool });
  const scope = { tables, ...(mappings ? { mappings } : {}) };
  await provisioner.beforeCopy(scope);
  await provisioner.afterCopy(scope);
}

const findings = (found: readonly TableStructure[]) => found.flatMap(({ schema, sequences }) => [...schema, ...sequences]);

describePostgres('what is intended is no drift', () => {
  const compare = async (source: TestDatabase, target: TestDatabase, tables: readonly StructureScope[], mappings?: readonly TableMapping[]) =>
    findings(await new PostgresStructure({ source: source.pool, target: target.pool, ...(mappings ? { mappings } : {}) }).compare({ tables, checks: ALL }));

  it('in every kind of object that provisioning makes, whole and in part', async () => {
    for (const [sql, part] of [[EVERYTHING, []], [await read('examples/shop/schema.sql'), ['users', 'sessions', 'addresses']]] as const) {
      const source = await testDatabase({ schema: sql });
      const names = (await new PostgresIntrospector({ pool: source.pool }).readSchema()).tables.filter(({ kind }) => kind !== 'partition').map(({ name }) => name);
      for (const tables of sql === EVERYTHING ? [names] : [part.map(table)]) {
        const target = await testDatabase();
        await provision(source, target, tables);
        expect(await compare(source, target, tables.map((name) => ({ source: name, target: name })))).toEqual([]);
      }
    }
  });

  it('in whatever tables provisioning is given', async () => {
    const [source, target] = [await testDatabase(), await testDatabase()];
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(tableSpec, { minLength: 1, maxLength: 4 }), async (specs) => {
        const schema = `Räum "${++run}"`;
        await source.query(sqlOf(schema, specs));
        const tables = (await new PostgresIntrospector({ pool: source.pool }).readSchema()).tables.map(({ name }) => name).filter((name) => name.startsWith(`"Räum ""${run}"""`));
        await provision(source, target, tables);
        expect(await compare(source, target, tables.map((name) => ({ source: name, target: name })))).toEqual([]);
      }),
      { numRuns: 5, endOnFailure: true },
    );
  });

  it('in names, columns, values, types and parts that a mapping asks for; beyond them it is', async () => {
    const source = await testDatabase({ schema: `
      CREATE TABLE public.users (id serial PRIMARY KEY, secret text NOT NULL, email varchar(80) UNIQUE, state char(1) NOT NULL DEFAULT 'A', visits int DEFAULT 0 CHECK (visits >= 0));
      CREATE INDEX ON public.users (visits, email);
      CREATE TABLE public.profiles (user_id int PRIMARY KEY REFERENCES public.users, bio text NOT NULL);
      CREATE TABLE public.notes (id int PRIMARY KEY, user_id int NOT NULL REFERENCES public.users, country int REFERENCES public.users);` });
    const mappings: TableMapping[] = [
      {
        monolith: table('users'), service: table('crm.people'), computed: [{ service: 'loud', type: 'varchar(80)', expression: 'upper(mail)' }],
        columns: [
          { monolith: 'id', service: 'id' }, { monolith: 'email', service: 'mail', type: 'varchar(100)' }, { monolith: 'visits', service: 'visits', type: 'int8' },
          { monolith: 'state', service: 'status', values: new Map([['A', 'active']]), type: 'text' },
        ],
      },
      { monolith: table('profiles'), service: table('crm.people'), columns: [{ monolith: 'user_id', service: 'id' }, { monolith: 'bio', service: 'bio' }], part: true },
      { monolith: table('notes'), service: table('crm.notes') },
    ];
    const target = await testDatabase();
    await provision(source, target, ['users', 'profiles', 'notes'].map(table), mappings);
    const scopes: StructureScope[] = [{ source: table('users'), target: table('crm.people') }, { source: table('notes'), target: table('crm.notes') }];
    expect(await compare(source, target, scopes, mappings)).toEqual([]);
    // What the service has for itself.
    await target.query('ALTER TABLE crm.people ADD COLUMN mine text; CREATE INDEX ON crm.people (mine); ALTER TABLE crm.people ADD CHECK (visits < 1000000)');
    expect(await compare(source, target, scopes, mappings)).toEqual([]);
    await target.query(`ALTER TABLE crm.people DROP COLUMN loud, ALTER COLUMN mail TYPE varchar(90), ALTER COLUMN status DROP NOT NULL, ADD UNIQUE (visits), ALTER COLUMN mine SET NOT NULL;
      INSERT INTO crm.people (id, status, mine) VALUES (2000000000, 'active', '')`);
    const found = await compare(source, target, scopes, mappings);
    expect(found.map(({ kind, ...rest }) => [kind, 'object' in rest ? rest.object : rest.sequence])).toEqual(expect.arrayContaining([
      ['column_generated_missing', 'column crm.people.loud'], ['column_type', 'column crm.people.mail'], ['column_nullability', 'column crm.people.status'],
      ['column_demanding', 'column crm.people.mine'], ['unique_extra', 'unique people_visits_key of crm.people'], ['sequence_behind', 'public.users_id_seq'],
    ]));
    for (const each of found) for (const sql of each.remedy?.sql ?? []) await { source, target }[each.remedy!.on].query(sql);
    expect(await compare(source, target, scopes, mappings)).toEqual([]);
  });

  it('in rules that say the same under other names, or as an index', async () => {
    const columns = 'a int PRIMARY KEY, b int, c text, d int';
    const source = await testDatabase({ schema: `CREATE TABLE public.t (${columns}, UNIQUE (b, c), UNIQUE (d), CONSTRAINT here CHECK (b > 0)); CREATE INDEX i ON public.t (c)` });
    const target = await testDatabase({ schema: `CREATE TABLE public.t (${columns.replace('a int PRIMARY KEY', 'a int CONSTRAINT other PRIMARY KEY')}, CONSTRAINT there CHECK (b > 0), CONSTRAINT e UNIQUE (c, b)); CREATE UNIQUE INDEX f ON public.t (d); CREATE INDEX j ON public.t (c)` });
    expect(await compare(source, target, [{ source: table('t'), target: table('t') }])).toEqual([]);
  });

  it('in what a module makes, in columns that are left out, and in keys that cross the cut', async () => {
    const source = await testDatabase({ schema: `CREATE TABLE public.a (id int PRIMARY KEY, x text NOT NULL, y int); CREATE INDEX ON public.a (x);
      CREATE TABLE public.far (id int PRIMARY KEY); CREATE TABLE public.b (id int PRIMARY KEY, far int NOT NULL REFERENCES public.far, left_out text DEFAULT 'q')` });
    const target = await testDatabase({ schema: 'CREATE TABLE public.a (id text PRIMARY KEY, z jsonb NOT NULL); CREATE TABLE public.b (id int PRIMARY KEY, far int NOT NULL, left_out int)' });
    const scopes: StructureScope[] = [{ source: table('a'), target: table('a'), opaque: true }, { source: table('b'), target: table('b'), exclude: ['left_out'] }, { source: table('nowhere'), target: table('b') }];
    expect(await compare(source, target, scopes)).toEqual([]);
  });
});
