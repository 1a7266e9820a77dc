import { beforeAll, expect, it } from 'vitest';
import { compareSchemas } from '../../src/plan/check/database/compare-schemas.ts';
import { PostgresIntrospector } from '../../src/postgres/catalog/introspector.ts';
import { parseSchema } from '../../src/postgres/sql/parse-schema.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';
import { ALL_SORTS } from './pairs/all-sorts.ts';
import { ROUTINE_PAIRS } from './pairs/routines.ts';

/** What the server prints otherwise than it was written, which nobody can know without it. */
const REPRINTED = new Set(['default-changed', 'check-modified', 'index-modified', 'index-renamed', 'view-modified', 'materialized-view-modified', 'materialized-view-index-modified', 'policy-modified', 'function-body-changed', 'procedure-body-changed']);

/** About so many are looked at. */
const MOST = 100;

describePostgres('SQL is read as the server reads it', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await testDatabase();
  });

  it('in schemas of the round trips', async () => {
    const all = [...new Set([...ALL_SORTS, ...ROUTINE_PAIRS].map(({ fresh }) => fresh))];
    const scripts = all.filter((_, i) => i % Math.max(1, Math.round(all.length / MOST)) === 0);
    const differing: string[] = [];
    let reprinted = 0;
    for (const sql of scripts) {
      const schemas = await database.query("SELECT quote_ident(nspname) AS name FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'");
      await database.query(`SET client_min_messages = warning; ${schemas.map(({ name }) => `DROP SCHEMA ${name} CASCADE;`).join(' ')} CREATE SCHEMA public; SET search_path = public; ${sql}; SET search_path = pg_catalog`);
      const live = await new PostgresIntrospector({ pool: database.pool }).readEverything();
      const { schema, unread } = await parseSchema(sql);
      expect(unread, sql).toEqual([]);
      const { findings } = compareSchemas({ before: schema, after: live });
      if (findings.some(({ rule }) => REPRINTED.has(rule))) reprinted += 1;
      differing.push(...findings.filter(({ rule }) => !REPRINTED.has(rule)).map(({ rule, field_path: path, old_value: old, new_value: fresh }) => `${rule} ${path}: ${JSON.stringify(old)} and ${JSON.stringify(fresh)} of ${sql}`));
    }
    expect(differing).toEqual([]);
    expect(scripts.length).toBeGreaterThan(MOST / 2);
    expect(reprinted).toBeLessThan(scripts.length / 6);
  });
});
