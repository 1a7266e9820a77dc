import { afterAll, beforeAll, expect, it } from 'vitest';
import { describePostgres } from '../support/postgres.ts';
import { makeSchema, roundTrip, scriptsBetween } from '../support/round-trip.ts';
import { SchemaLab } from '../support/schema-lab.ts';
import { SCHEMA_PAIRS } from './pairs/pairs.ts';

describePostgres('the scripts between two schemas', () => {
  let lab: SchemaLab;
  beforeAll(async () => {
    lab = await SchemaLab.open();
  });
  afterAll(() => lab.close());

  it.each(SCHEMA_PAIRS)('$name', async ({ old, fresh, rows, kept, renames }) => {
    const after = await makeSchema(lab, fresh);
    const before = await makeSchema(lab, old);
    if (rows !== undefined) await lab.must(['SET search_path = public', rows, 'SET search_path = pg_catalog']);
    const { scripts, faults } = scriptsBetween(before, after, renames);
    expect(faults).toEqual([]);
    expect(await roundTrip({ lab, before, after, scripts, ...(kept === undefined ? {} : { kept }) })).toEqual([]);
  });
});
