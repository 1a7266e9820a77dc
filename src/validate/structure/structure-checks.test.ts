import { expect, it } from 'vitest';
import { parseTableName } from '../../model/names.ts';
import type { SchemaFinding } from '../../model/structure-finding.ts';
import { structureChecks } from './structure-checks.ts';

const table = parseTableName('users');
const warning: SchemaFinding = { kind: 'index_missing', severity: 'warning', object: 'index i of public.users', source: 'USING btree (a)', target: null };
const error: SchemaFinding = {
  kind: 'column_type', severity: 'error', object: 'column public.users.a\u001B', source: 'integer', target: 'bigint', remedy: { on: 'source', sql: ['ALTER 1', 'ALTER 2'] },
};

it('are none where nobody looked', () => {
  expect(structureChecks({ table }, 10)).toEqual([]);
});

it('pass with warnings alone, fail with an error, and show errors first', () => {
  expect(structureChecks({ table, schema: [], sequences: [] }, 10)).toMatchObject([{ name: 'schema', outcome: 'passed', message: '', total: 0 }, { name: 'sequences', outcome: 'passed' }]);
  expect(structureChecks({ table, schema: [warning] }, 10)).toMatchObject([{ outcome: 'passed', message: '1 warning', severity: 'low', total: 1 }]);
  expect(structureChecks({ table, schema: [warning, error, warning] }, 2)).toEqual([{
    table, name: 'schema', outcome: 'failed', severity: 'high', message: '1 error, 2 warnings', total: 3,
    examples: [
      { subject: 'column public.users.a\\x1b', detail: 'column_type: integer ≠ bigint; run on the source: ALTER 1; ALTER 2' },
      { subject: 'index i of public.users', detail: 'index_missing: USING btree (a) ≠ none' },
    ],
  }]);
});

it('say what a sequence will meet', () => {
  const common = { severity: 'error', on: 'target', sequence: parseTableName('s'), next: '7', taken: '9' } as const;
  const details = (['sequence_behind', 'sequence_overlap', 'sequence_room'] as const).map((kind) => structureChecks({ table, sequences: [{ ...common, kind }] }, 1)[0]!.examples[0]!);
  expect(details.map(({ subject, detail }) => `${subject} ${detail}`)).toEqual([
    'public.s (target) sequence_behind: gives out 7 next, and 9 is taken',
    'public.s (target) sequence_overlap: gives out 7 next; the other side has given out 9',
    'public.s (target) sequence_room: gives out 7 next; the other side\'s numbers begin at 9',
  ]);
});
