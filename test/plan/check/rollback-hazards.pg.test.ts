import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Schema } from '../../../src/model/schema.ts';
import { compareSchemas } from '../../../src/plan/check/database/compare-schemas.ts';
import { withHazards } from '../../../src/plan/check/database/hazards/script-hazards.ts';
import type { MigrationScript } from '../../../src/plan/check/finding.ts';
import { describePostgres } from '../../support/postgres.ts';
import { SchemaLab } from '../../support/schema-lab.ts';
import type { SchemaPair } from '../pairs/pair.ts';
import { COLUMN_PAIRS } from '../pairs/columns.ts';
import { MANY_PAIRS } from '../pairs/many.ts';

const FILES = `SELECT coalesce(json_object_agg(c.oid, c.relfilenode)::text, '{}') AS files, coalesce(json_object_agg(c.oid, CASE n.nspname WHEN 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END)::text, '{}') AS names
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'`;

interface Rewrites {
  readonly told: readonly string[];
  readonly seen: readonly string[];
}

describePostgres('the hazards of the way back', () => {
  let lab: SchemaLab;
  beforeAll(async () => {
    lab = await SchemaLab.open();
  });
  afterAll(() => lab.close());

  /** What each rollback writes anew, as the catalogue of forms says and as the server's files do. */
  const rewritesOf = async (pair: SchemaPair): Promise<Rewrites[]> => {
    const made = async (sql: string): Promise<Schema> => {
      await lab.create(sql);
      return await lab.readSchema();
    };
    const after = await made(pair.fresh);
    const between = { before: await made(pair.old), after, renames: new Map(Object.entries(pair.renames ?? {})) };
    const scripts = await withHazards({ scripts: compareSchemas(between).scripts, ...between });
    await lab.must(scripts.map(({ script_content: sql }) => sql));
    const back = scripts.toReversed();
    const answers = await lab.must(back.flatMap(({ rollback_script: sql }) => [FILES, sql, FILES]));
    return back.map((script, at) => ({ told: toldBy(script), seen: changed(answers[at * 3]?.[0], answers[at * 3 + 2]?.[0]) }));
  };

  const PAIRS = [...COLUMN_PAIRS.filter((_, at) => at % 8 === 0), ...MANY_PAIRS.filter((_, at) => at % 6 === 0)];

  it('are those that the server shows: every table that is written anew is told', async () => {
    const missed: string[] = [];
    let [told, seen] = [0, 0];
    for (const pair of PAIRS) {
      for (const each of await rewritesOf(pair)) {
        missed.push(...each.seen.filter((name) => !each.told.includes(name)).map((name) => `${pair.name}: ${name}`));
        told += each.told.length;
        seen += each.seen.length;
      }
    }
    expect(missed).toEqual([]);
    expect(seen).toBeGreaterThan(20);
    // Conditions are not looked at, so that a little more is told than happens.
    expect(told / seen).toBeLessThan(1.2);
  });
});

function toldBy({ rollback_hazard_details: details = [] }: MigrationScript): string[] {
  return details.flatMap(({ hazard, relation }) => (hazard === 'table_rewrite' && relation !== null ? [relation] : []));
}

function changed(before: Readonly<Record<string, string | null>> | undefined, after: Readonly<Record<string, string | null>> | undefined): string[] {
  const read = (text: string | null | undefined): ReadonlyMap<string, string> => new Map(Object.entries(JSON.parse(text ?? '{}') as Readonly<Record<string, string>>));
  const [old, fresh, names] = [read(before?.['files']), read(after?.['files']), read(before?.['names'])];
  return [...fresh].filter(([oid, file]) => old.has(oid) && old.get(oid) !== file).map(([oid]) => names.get(oid) ?? oid).toSorted();
}
