import * as fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import type { Schema } from '../../src/model/schema.ts';
import { compareSchemas } from '../../src/plan/check/database/compare-schemas.ts';
import type { MigrationScript } from '../../src/plan/check/finding.ts';
import { PostgresIntrospector } from '../../src/postgres/catalog/introspector.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';
import { sqlOf, tableSpec } from '../support/random-schema.ts';
import { OBJECT_PAIRS } from './schema-pairs-objects.ts';
import { SCHEMA_PAIRS, type SchemaPair } from './schema-pairs.ts';

describePostgres('the scripts between two schemas', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await testDatabase();
  });

  const read = (): Promise<Schema> => new PostgresIntrospector({ pool: database.pool }).readEverything();

  const create = async (sql: string): Promise<Schema> => {
    const schemas = await database.query("SELECT quote_ident(nspname) AS name FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'");
    await database.query(`SET client_min_messages = warning; ${schemas.map(({ name }) => `DROP SCHEMA ${name} CASCADE;`).join(' ')} CREATE SCHEMA public; SET search_path = public; ${sql}; SET search_path = pg_catalog`);
    return await read();
  };

  const run = async (sql: string, what: string): Promise<void> => {
    try {
      await database.query(sql);
    } catch (error) {
      throw new Error(`${what}: ${String(error)}\n${sql}`, { cause: error });
    }
  };

  const forward = async (scripts: readonly MigrationScript[]): Promise<void> => {
    for (const { script_content: sql, description, validation_query: query } of scripts) {
      await run(sql, description);
      expect([description, Object.values((await database.query(query))[0] ?? {})]).toEqual([description, ['t']]);
    }
  };

  const back = async (scripts: readonly MigrationScript[]): Promise<void> => {
    for (const script of scripts.toReversed()) await run(script.rollback_script, `back from: ${script.description}`);
  };

  /** The whole way there and back, each twice. */
  const roundTrip = async ({ old, fresh, rows, kept, renames }: Omit<SchemaPair, 'name'>): Promise<void> => {
    const after = await create(fresh);
    const before = await create(old);
    if (rows !== undefined) await run(`SET search_path = public; ${rows}; SET search_path = pg_catalog`, 'rows');
    const keptRows = async (): Promise<unknown> => (kept === undefined ? [] : await database.query(`SET search_path = public; ${kept}`));
    const wanted = await keptRows();
    const { findings, scripts } = compareSchemas({ before, after, ...(renames ? { renames: new Map(Object.entries(renames)) } : {}) });
    expect(new Set(scripts.map(({ description }) => description)).size).toBe(scripts.length);
    expect(findings.length > 0, 'findings, where the schemas differ').toBe(JSON.stringify(shape(before)) !== JSON.stringify(shape(after)));
    await forward(scripts);
    const there = await read();
    expect(shape(there)).toEqual(shape(after));
    expect(compareSchemas({ before: there, after })).toEqual({ findings: [], scripts: [] });
    expect(await keptRows()).toEqual(wanted);
    await forward(scripts);
    expect(shape(await read())).toEqual(shape(after));
    expect(await keptRows()).toEqual(wanted);
    await back(scripts);
    expect(await keptRows()).toEqual(wanted);
    await back(scripts);
    expect(shape(await read())).toEqual(shape(before));
  };

  it.each([...SCHEMA_PAIRS, ...OBJECT_PAIRS])('$name', async (pair) => {
    await roundTrip(pair);
  });

  it('hold for random schemas', async () => {
    const specs = fc.array(tableSpec, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(specs, specs, async (old, fresh) => {
        await roundTrip({ old: sqlOf('random', old), fresh: sqlOf('random', fresh) });
      }),
      { numRuns: Number(process.env['CHECK_ROUNDS'] ?? 15), seed: 20_261_122, endOnFailure: true },
    );
  });
});

/** A schema without what is no part of it: sizes, and the order of columns, which no ALTER TABLE can change. */
function shape(schema: Schema): unknown {
  return {
    ...schema,
    tables: schema.tables.map(({ estimatedRows: _rows, bytes: _bytes, columns, ...table }) => ({ ...table, columns: columns.toSorted((a, b) => (a.name < b.name ? -1 : 1)) })),
  };
}
