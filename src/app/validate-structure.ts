import type { Config, ServiceConfig } from '../config/config.ts';
import { parseColumnsOfTable, type DeclaredReference } from '../model/declared-reference.ts';
import { STRUCTURE_CHECKS, type StructureCheck } from '../model/structure-finding.ts';
import type { TableMapping } from '../model/table-mapping.ts';

/** What is looked at beside the rows: what is configured, but for what this run leaves out. */
export function checksToMake(configured: readonly StructureCheck[] | undefined, without: readonly StructureCheck[] = []): readonly StructureCheck[] {
  return (configured ?? STRUCTURE_CHECKS).filter((check) => !without.includes(check));
}

/**
 * How all tables of a service and the monolith's belong together, as far as the catalogues can tell: modules
 * are not loaded, for nothing is known of what they make. Unlike `loadMappings` this refuses nothing: what
 * does not fit any more is what is looked for.
 */
export function mappingsToCompare(service: ServiceConfig): readonly TableMapping[] {
  return service.tables.map(({ table, as, columns, computed, where, transform }, index, all) => ({
    monolith: table, service: as,
    ...(columns ? { columns } : {}),
    ...(computed ? { computed } : {}),
    ...(where === undefined ? {} : { where }),
    ...(transform === undefined ? {} : { functions: { reads: [] } }),
    ...(all.findIndex((other) => other.as === as) < index ? { part: true } : {}),
  }));
}

export function declaredReferences({ validate }: Pick<Config, 'validate'>): readonly DeclaredReference[] {
  return validate.references.map(({ from, to }) => ({ name: `${from} -> ${to}`, from: parseColumnsOfTable(from), to: parseColumnsOfTable(to) }));
}
