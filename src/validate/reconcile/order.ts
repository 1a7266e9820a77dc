import type { TableName } from '../../model/names.ts';
import type { ReconciledTable } from './reconciled-table.ts';

/** Tables so that each comes behind those that its foreign keys point at, on either side. Within a circle the given order stays. */
export function parentsFirst(tables: readonly ReconciledTable[]): readonly ReconciledTable[] {
  const byName = { monolith: new Map(tables.map((table) => [table.names.monolith, table])), service: new Map(tables.map((table) => [table.names.service, table])) };
  const parentsOf = (table: ReconciledTable): readonly ReconciledTable[] =>
    (['monolith', 'service'] as const).flatMap((side) => table.references[side].map((name: TableName) => byName[side].get(name)).filter((parent) => parent !== undefined));
  const ordered: ReconciledTable[] = [];
  const begun = new Set<ReconciledTable>();
  const visit = (table: ReconciledTable): void => {
    if (begun.has(table)) return;
    begun.add(table);
    for (const parent of parentsOf(table)) visit(parent);
    ordered.push(table);
  };
  for (const table of tables) visit(table);
  return ordered;
}
