import type { SchemaFinding, SchemaFindingKind } from '../../model/structure-finding.ts';

/** Findings that hold two texts of one expression against each other. */
const SPELLED: ReadonlySet<SchemaFindingKind> = new Set(['check_changed', 'exclusion_changed', 'column_generated', 'unique_missing']);

/** Servers of two versions may print one expression in two ways: then two texts under one name are not known to differ. Pure. */
export function asSpelled(findings: readonly SchemaFinding[], sameSpelling: boolean): readonly SchemaFinding[] {
  if (sameSpelling) return findings;
  return findings.map((each) => (each.source !== null && each.target !== null && SPELLED.has(each.kind) ? { ...each, severity: 'warning' } : each));
}
