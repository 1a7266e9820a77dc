import { tableName } from '../../../model/names.ts';
import type { Schema } from '../../../model/schema.ts';
import type { Comparison } from '../finding.ts';
import { adviseOn } from './advice.ts';
import { compareDefinedTypes } from './compare-defined-types.ts';
import { compareSequences, compareSurroundings, compareViews } from './compare-others.ts';
import { compareGrants } from './compare-grants.ts';
import { compareObjectGrants } from './compare-object-grants.ts';
import { comparePolicies } from './compare-policies.ts';
import { compareRoutines } from './compare-routines.ts';
import { compareRules } from './compare-rules.ts';
import { compareStatistics } from './compare-statistics.ts';
import { compareTables } from './compare-tables.ts';
import { Differences, type Pair } from './differences.ts';
import { applyRenames, followSequences } from './renames.ts';

export interface CompareSchemasOptions {
  readonly before: Schema;
  readonly after: Schema;
  /** Confirmed renames: `table.column` or `table`, old to new. Nothing is taken for a rename that is not here. */
  readonly renames?: ReadonlyMap<string, string>;
}

/**
 * What changed between two databases, whom it hurts, and the scripts that lead from one to the other and back. The
 * scripts are in the order in which they run; their rollbacks run in reverse. A second run of either ends in the same schema.
 * @throws BANYAN_DOCUMENT if a rename names something that the old schema does not have.
 */
export function compareSchemas({ before, after, renames }: CompareSchemasOptions): Comparison {
  const differences = new Differences();
  const fresh = withFullTypes(after);
  const original = withFullTypes(before);
  const old = followSequences(applyRenames(original, renames ?? new Map(), differences), fresh, differences);
  const { rebuilt, remade } = compareDefinedTypes({ before: old, after: fresh, differences });
  const pair: Pair = { original, before: old, after: fresh, differences, remade, rebuilt };
  compareSurroundings(pair);
  compareSequences(pair);
  const routines = compareRoutines(pair);
  compareTables(pair);
  comparePolicies(pair);
  compareRules(pair);
  compareStatistics(pair);
  const views = compareViews(pair, routines);
  compareGrants(pair, views);
  compareObjectGrants(pair, { routines, types: { remade, rebuilt } });
  adviseOn(pair);
  return { findings: differences.findings, scripts: differences.scripts() };
}

/** Types of schema public with their schema, as a server spells them whose search path is empty. */
export function withFullTypes(schema: Schema): Schema {
  const own = new Map([...schema.enums, ...schema.domains, ...(schema.structuredTypes ?? [])].filter((type) => type.schema === 'public').map(({ name }) => [name, tableName('public', name)]));
  if (own.size === 0) return schema;
  const full = (type: string): string => {
    const [, base = type, array = ''] = /^(.*?)((?:\[\])*)$/.exec(type) ?? [];
    return `${own.get(base) ?? base}${array}`;
  };
  return { ...schema, tables: schema.tables.map((table) => ({ ...table, columns: table.columns.map((column) => ({ ...column, type: full(column.type) })) })) };
}
