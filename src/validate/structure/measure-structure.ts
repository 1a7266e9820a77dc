import type { Metrics } from '../../core/metrics.ts';
import type { TableReport } from '../report.ts';

/** How grave a finding is, in the words of the rows' differences. */
const SEVERITY = { error: 'high', warning: 'low' } as const;

/** Counts findings by their kind, beside the rows' differences. */
export function measureStructure(tables: readonly TableReport[], metrics: Metrics): void {
  for (const { table, schema = [], sequences = [] } of tables) {
    for (const { kind, severity } of [...schema, ...sequences]) {
      metrics.count('reconciliation_inconsistencies_total', { table, type: kind, severity: SEVERITY[severity] });
    }
  }
}
