import { expect, it } from 'vitest';
import { parseTableName } from '../../model/names.ts';
import type { SchemaFinding } from '../../model/structure-finding.ts';
import type { BrokenReference } from '../report.ts';
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

it('count the rows that refer to nothing, and do not call broken what never stood still', () => {
  const broken: BrokenReference = {
    name: 'orders_user', by: 'constraint', from: { database: 'target', table, columns: ['tenant', 'user'] }, to: { database: 'accounts', table: parseTableName('crm.people'), columns: ['t', 'id'] },
    orphans: [{ key: { tenant: '1', user: '2' }, rows: 3 }, { key: { tenant: '1', user: '4' }, rows: 1 }], counts: { orphans: 2, rows: 4, unsettled: 0 },
  };
  const [failed] = structureChecks({ table, references: [broken] }, 1);
  expect(failed).toMatchObject({
    name: 'references', outcome: 'failed', severity: 'high', message: '4 rows that refer to nothing', total: 2,
    examples: [{ subject: 'tenant=1, user=2', detail: '3 rows of public.users (tenant, user) on target; not in crm.people (t, id) on accounts (orders_user)' }],
  });
  const [waiting] = structureChecks({ table, references: [{ ...broken, orphans: [], counts: { orphans: 0, rows: 0, unsettled: 2 } }] }, 1);
  expect(waiting).toMatchObject({ outcome: 'skipped', message: '2 keys whose rows were written at every look', total: 0 });
  const [unread] = structureChecks({ table, references: [{ ...broken, orphans: [], counts: { orphans: 0, rows: 0, unsettled: 0 }, unread: 'no right' }] }, 1);
  expect(unread).toMatchObject({ outcome: 'skipped', message: 'no right', total: 0 });
  expect(structureChecks({ table, references: [] }, 1)).toMatchObject([{ outcome: 'passed', message: '', total: 0 }]);
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
