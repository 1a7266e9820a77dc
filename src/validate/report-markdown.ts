import { lookedAtLines } from './incremental/looked-at.ts';
import { checksOf, percentText, subjectsOf, type Check, type CheckOptions } from './report-checks.ts';
import type { ValidationReport } from './report.ts';

/** The report as Markdown (GitHub's tables): an overview, then the first findings of each table. Counts are exact. */
export function reportMarkdown(report: ValidationReport, options: CheckOptions = {}): string {
  const checks = checksOf(report, options);
  const sections = [
    `# Validation: ${report.consistent ? 'equal' : 'not equal'}`,
    `${report.rows} rows compared at level ${report.level} in ${report.seconds.toFixed(1)} s. Score: ${percentText(report.score)}.`,
    ...(report.tables.length === 0 ? [] : [overview(report)]),
    ...lookedAtLines(report).map(escaped),
    ...subjectsOf(checks).flatMap((name) => findings(name, checks.filter((check) => check.table === name))),
  ];
  return `${sections.join('\n\n')}\n`;
}

function overview(report: ValidationReport): string {
  const head = ['', 'table', 'source', 'target', 'missing', 'extra', 'different', 'unsettled', 'score'];
  const rows = report.tables.map(({ table, consistent, source, target, counts, score }) => [
    consistent ? '✓' : '✗', table,
    ...[source, target, counts.missing, counts.extra, counts.different, counts.unsettled].map(String),
    percentText(score),
  ]);
  return tableText(head, rows, 2);
}

function findings(table: string, checks: readonly Check[]): string[] {
  const told = checks.filter(({ outcome, message }) => outcome === 'failed' || message !== '');
  if (told.every(({ outcome, total }) => outcome === 'passed' && total === 0)) return [];
  const examples = told.flatMap(({ name, examples }) => examples.map(({ subject, detail }) => [name, subject, detail]));
  return [
    `## ${escaped(table)}`,
    tableText(['check', 'result', 'severity', 'found'], told.map(({ name, outcome, severity, message }) => [name, outcome, outcome === 'failed' ? severity : '', message])),
    ...(examples.length === 0 ? [] : [tableText(['check', 'key', 'found'], examples)]),
    ...told.flatMap(({ name, examples: listed, total }) => (listed.length > 0 && total > listed.length ? [`${total - listed.length} more of ${escaped(name)} are not listed.`] : [])),
  ];
}

/** Columns from `numbers` on are aligned to the right. */
function tableText(head: readonly string[], rows: readonly (readonly string[])[], numbers = head.length): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index < numbers ? '---' : '---:'))), ...rows.map((cells) => line(cells.map(escaped)))].join('\n');
}

/**
 * Text that means nothing to Markdown: every sign that could is escaped, which Markdown allows for all
 * ASCII punctuation. Line ends have been made visible before; what is left of them would end the row.
 */
function escaped(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').replace(/[\\`*_{}[\]()#+!|<>&~$@:^"']/g, '\\$&');
}
