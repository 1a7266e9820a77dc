import { expect, onTestFinished } from 'vitest';
import { applyScripts } from '../../../src/app/apply-scripts.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { Schema } from '../../../src/model/schema.ts';
import { compareWithExpandContract } from '../../../src/plan/check/database/expand-contract/with-expand-contract.ts';
import type { MigrationScript } from '../../../src/plan/check/finding.ts';
import { PostgresIntrospector } from '../../../src/postgres/catalog/introspector.ts';
import { isContention } from '../../../src/postgres/transient.ts';
import { CATALOGUE } from '../../support/catalogue.ts';
import { until } from '../../support/condition.ts';
import { testDatabase, type TestDatabase } from '../../support/postgres.ts';

/*
 * What tests of scripts with two columns share: databases, plans, and scripts that run there and back.
 */

export async function databaseWith(sql: string): Promise<TestDatabase> {
  const database = await testDatabase({ max: 12 });
  onTestFinished(() => database.drop());
  await database.query(`SET search_path = public; ${sql}; SET search_path = pg_catalog`);
  return database;
}

export const schemaOf = ({ pool }: TestDatabase): Promise<Schema> => new PostgresIntrospector({ pool }).readEverything();

export async function catalogueOf(database: TestDatabase): Promise<string[]> {
  return ((await database.query(CATALOGUE))[0]?.['all'] ?? '').split('\n').toSorted();
}

export async function planOf(database: TestDatabase, target: TestDatabase, renames: Readonly<Record<string, string>> = {}): Promise<ReturnType<typeof compareWithExpandContract>> {
  return compareWithExpandContract({ before: await schemaOf(database), after: await schemaOf(target), renames: new Map(Object.entries(renames)) });
}

export async function says(database: TestDatabase, script: MigrationScript): Promise<unknown> {
  return Object.values((await database.query(script.validation_query))[0] ?? {})[0];
}

export async function run(database: TestDatabase, ...scripts: readonly MigrationScript[]): Promise<void> {
  // The session of the apply before it may still be ending.
  const busy = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
  await until(async () => (await database.query(busy)).length === 0, { what: 'nobody applies' });
  await applyScripts({ pool: database.pool, scripts, clock: systemClock, signal: new AbortController().signal, lockTimeoutMs: 200, note: () => undefined });
}

export async function undo(database: TestDatabase, { rollback_script: sql }: MigrationScript): Promise<void> {
  for (;;) {
    try {
      await database.query(sql);
      return;
    } catch (error) {
      if (!isContention(error)) throw error;
    }
  }
}

/** There and back from every so many scripts, with nobody writing: each time the old schema is there again, with its rows. */
export async function expectWaysBack(database: TestDatabase, scripts: readonly MigrationScript[], { every, rows }: { readonly every: number; readonly rows: string }): Promise<void> {
  const [before, were] = [await catalogueOf(database), await database.query(rows)];
  for (let at = every; at < scripts.length; at += every) {
    const part = scripts.slice(0, at);
    await run(database, ...part);
    for (const script of part.toReversed()) await undo(database, script);
    expect(await catalogueOf(database), scripts[at - 1]?.description).toEqual(before);
    expect(await database.query(rows)).toEqual(were);
  }
}
