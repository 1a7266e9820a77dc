import type { Metrics } from '../../core/metrics.ts';
import type { TableReport } from '../report.ts';
import { SEVERITY_OF_FINDING } from './structure-checks.ts';

/** Counts findings by their kind, beside the rows' differences. */
export function measureStructure(tables: readonly TableReport[], metrics: Metrics): void {
  for (const { table, schema = [], sequences = [], references = [] } of tables) {
    for (const { kind, severity } of [...schema, ...sequences]) {
      metrics.count('reconciliation_inconsistencies_total', { table, type: kind, severity: SEVERITY_OF_FINDING[severity] });
    }
    const rows = references.reduce((sum, { counts }) => sum + counts.rows, 0);
    if (rows > 0) metrics.count('reconciliation_inconsistencies_total', { table, type: 'orphan', severity: SEVERITY_OF_FINDING.error }, rows);
  }
}
