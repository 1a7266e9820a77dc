import type { ValidationReport } from '../report.ts';

/** For people: what of each table an incremental run looked at, a sentence for each. Empty of any other run. */
export function lookedAtLines({ tables }: Pick<ValidationReport, 'tables'>): readonly string[] {
  return tables.flatMap(({ table, incremental }) => {
    if (!incremental) return [];
    if ('whole' in incremental) return [`${table} was compared as a whole: ${incremental.whole}.`];
    const { since, rows } = incremental;
    return [`${table}: ${Math.max(rows.source, rows.target)} rows compared, of those written since all were (${since}).`];
  });
}
