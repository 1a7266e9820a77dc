import { describe, expect, it } from 'vitest';
import { DATABASE_RULES } from '../../../src/plan/check/database/catalogue/catalogue.ts';
import { compareSchemas } from '../../../src/plan/check/database/compare-schemas.ts';
import type { Finding } from '../../../src/plan/check/finding.ts';
import { parseSchema } from '../../../src/postgres/sql/parse-schema.ts';
import { DATABASE_EXAMPLES } from './database-examples.ts';

async function findings(old: string, fresh: string, renames: Readonly<Record<string, string>> = {}): Promise<readonly Finding[]> {
  const [before, after] = [await parseSchema(old), await parseSchema(fresh)];
  expect([...before.unread, ...after.unread]).toEqual([]);
  return compareSchemas({ before: before.schema, after: after.schema, renames: new Map(Object.entries(renames)) }).findings;
}
const rules = (all: readonly Finding[]): string[] => all.map(({ rule }) => rule);

/** What comes with it, and has a rule of its own. */
const COMPANIONS: Readonly<Record<string, readonly string[]>> = { 'table-without-key': ['table-added'], 'foreign-key-without-index': ['table-added'], 'index-redundant': ['table-added'], 'constraint-not-validated': ['check-added'] };

describe('the catalogue of database rules', () => {
  it('has stable names, once each, and says of each what breaks and what to do', () => {
    expect(new Set(DATABASE_RULES.map(({ id }) => id)).size).toBe(DATABASE_RULES.length);
    expect(DATABASE_RULES.filter(({ id, type, impact, remedy }) => !/^[a-z]+(-[a-z]+)*$/.test(id) || !/^[a-z]+(_[a-z]+)*$/.test(type) || !impact.endsWith('.') || !remedy.endsWith('.'))).toEqual([]);
    expect(DATABASE_RULES.filter(({ severity, hurts }) => (severity === 'breaking' || severity === 'potentially_breaking') && hurts.length === 0)).toEqual([]);
    expect(DATABASE_RULES.length).toBeGreaterThanOrEqual(100);
  });

  it('has an example for each rule, once, and no example without one', () => {
    expect(DATABASE_EXAMPLES.map(({ rule }) => rule).toSorted()).toEqual(DATABASE_RULES.map(({ id }) => id).toSorted());
  });

  it.each(DATABASE_EXAMPLES)('$rule', async ({ rule, old, failing, passing, passingOld = old, renames }) => {
    const found = await findings(old, failing, renames);
    expect(rules(found).toSorted()).toEqual([...(COMPANIONS[rule] ?? []), rule].toSorted());
    const { type, severity, impact, hurts } = DATABASE_RULES.find(({ id }) => id === rule) ?? {};
    expect(found.find((each) => each.rule === rule)).toMatchObject({ type, severity, impact, hurts });
    expect(rules(await findings(passingOld, passing))).not.toContain(rule);
    // Nothing is found where nothing has changed.
    expect(rules(await findings(failing, failing))).toEqual([]);
  });

  it('says that grants are lost with a function that is made anew only where nobody knows of them', async () => {
    const losses = async (grants: string): Promise<readonly (string | undefined)[]> => {
      const [before, after] = [await parseSchema(`CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'; ${grants}`), await parseSchema(`CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT 1'; ${grants}`)];
      return compareSchemas({ before: before.schema, after: after.schema }).scripts.map(({ loses }) => loses).filter((loses) => loses !== undefined);
    };
    expect(await losses('')).toEqual(['grants on f()']);
    expect(await losses('GRANT EXECUTE ON FUNCTION f() TO joe;')).toEqual([]);
  });
});
