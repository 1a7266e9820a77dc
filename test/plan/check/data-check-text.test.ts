import { expect, it } from 'vitest';
import type { DataCheck } from '../../../src/plan/check/data-check.ts';
import { dataCheckLines } from '../../../src/plan/check/data-check-text.ts';
import type { HazardDetail, MigrationScript } from '../../../src/plan/check/finding.ts';
import { bytesText, hazardText } from '../../../src/plan/check/hazard-text.ts';

const line = (more: Partial<DataCheck>): string | undefined => dataCheckLines([{ table: 'public.t', field_path: 'tables.t.columns.n', problem: 'nulls', rows: 0, of: 7, keys: [], ...more }])[0];

it.each<readonly [Partial<DataCheck>, string]>([
  [{ not_checked: 'no time' }, 'rows not checked: no time'],
  [{ rows: 5, not_checked: 'no time' }, 'rows not checked: no time'],
  [{ rows: null }, 'rows not checked: nobody looked'],
  [{ problem: null }, 'rows not checked: nobody looked'],
  [{}, 'none of 7 rows breaks it'],
  [{ of: null }, 'none of ? rows breaks it'],
  [{ rows: 1, keys: [{ id: '3' }] }, '1 of 7 rows are null: id=3'],
  [{ rows: 3, of: null, problem: 'orphans', keys: [{ id: '3', part: 'x' }, { id: '4', part: 'y' }] }, '3 of ? rows have no partner: id=3, part=x; id=4, part=y; …'],
])('says of rows %j: %s', (more, said) => {
  expect(line(more)).toBe(`tables.t.columns.n: ${said}`);
});

const detail = (more: Partial<HazardDetail>): HazardDetail => ({ hazard: 'table_rewrite', relation: 't', rows: 10, bytes: 8192, severity: 'low', ...more });

function said(details: readonly HazardDetail[] | undefined): string {
  const script: MigrationScript = { script_type: 'sql', description: '', script_content: '', rollback_script: '', dependencies: [], validation_query: '', transactional: true, hazards: ['table_rewrite', 'renames'] };
  return hazardText(details ? { ...script, hazard_details: details } : script);
}

it.each<readonly [readonly HazardDetail[] | undefined, string]>([
  [undefined, 'table_rewrite, renames'],
  [[], ''],
  [[detail({})], 'table_rewrite of t (low: about 10 rows, 8 KiB)'],
  [[detail({ rows: null, severity: 'high' })], 'table_rewrite of t (high: 8 KiB)'],
  [[detail({ bytes: null })], 'table_rewrite of t (low: about 10 rows)'],
  [[detail({ rows: null, bytes: null, severity: 'unknown' })], 'table_rewrite of t (size unknown)'],
  [[detail({ hazard: 'not_known', relation: null }), detail({})], 'not_known, table_rewrite of t (low: about 10 rows, 8 KiB)'],
])('says of hazards %j: %s', (details, text) => {
  expect(said(details)).toBe(text);
});

it.each([[0, '0 bytes'], [1023, '1023 bytes'], [1024, '1 KiB'], [1536, '1.5 KiB'], [3.2 * 1024 ** 3, '3.2 GiB'], [5000 * 1024 ** 4, '5000 TiB']])('%d is %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});
