import { expect, it } from 'vitest';
import { parseTableName } from '../../model/names.ts';
import { buildTable } from './build-table.ts';
import type { ConstraintRow, TableRow } from './rows.ts';

const table: TableRow = {
  oid: '1', kind: 'r', isPartition: false, bound: null, partitionBy: null, replicaIdentity: 'n', replicaIdentityIndex: null,
  unlogged: false, rowSecurity: false, comment: null, estimatedRows: 0, bytes: 0,
};
const key: ConstraintRow = {
  table: '1', type: 'f', name: 'broken', deferrable: false, definition: '', columns: null, nullsNotDistinct: false,
  foreignSchema: null, foreignTable: null, foreignColumns: null, onDelete: 'd', onUpdate: 'r',
};
const build = (constraint: ConstraintRow) =>
  buildTable({
    name: parseTableName('t'), parent: undefined, table, columns: [], constraints: [constraint], indexes: [], triggers: [],
  });

it('calls a foreign key without its target impossible', () => {
  expect(() => build(key)).toThrow(/foreign key broken without its target/);
});

it('survives a constraint whose columns are gone', () => {
  expect(build({ ...key, foreignSchema: 'a', foreignTable: 'b' })).toMatchObject({
    replicaIdentity: 'nothing',
    foreignKeys: [{ columns: [], referencedColumns: [], references: 'a.b', onDelete: 'set default', onUpdate: 'restrict' }],
  });
  expect(build({ ...key, type: 'u' }).uniques).toMatchObject([{ columns: [] }]);
});
