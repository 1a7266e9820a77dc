import type { StructureCheck } from '../../model/structure-finding.ts';
import type { StructureComparer, StructureScope } from '../../ports/structure.ts';
import { pairNames, type TableToValidate } from '../pair.ts';
import type { TableReport } from '../report.ts';

/**
 * The reports with what the catalogues say. A table with a finding that is an error is not consistent,
 * however equal its rows are; its score is of rows alone.
 */
export async function checkStructure(options: {
  readonly comparer: StructureComparer;
  readonly tables: readonly TableReport[];
  readonly specs: readonly TableToValidate[];
  readonly checks: ReadonlySet<StructureCheck>;
}): Promise<readonly TableReport[]> {
  const { comparer, tables, specs, checks } = options;
  if (!checks.has('schema') && !checks.has('sequences')) return tables;
  const found = await comparer.compare({ tables: specs.map(scopeOf), checks });
  const byTarget = new Map(found.map((table) => [table.target, table]));
  return tables.map((report) => {
    const { schema = [], sequences = [] } = byTarget.get(report.targetTable ?? report.table) ?? {};
    const wrong = [...schema, ...sequences].some(({ severity }) => severity === 'error');
    return {
      ...report,
      consistent: report.consistent && !wrong,
      ...(checks.has('schema') ? { schema } : {}),
      ...(checks.has('sequences') ? { sequences } : {}),
    };
  });
}

/** What a specification says of the structure. */
export function scopeOf(spec: TableToValidate): StructureScope {
  const { columns, exclude, sharedOnly, where, targetWhere = where } = spec;
  return {
    ...pairNames(spec),
    ...(columns ? { columns: columns.map((column) => (typeof column === 'string' ? { source: column, target: column } : column)) } : {}),
    ...(exclude ? { exclude } : {}),
    ...(where === undefined ? {} : { where }),
    ...(targetWhere === undefined || targetWhere === 'true' ? {} : { targetWhere }),
    ...(sharedOnly === true ? { opaque: true } : {}),
  };
}
