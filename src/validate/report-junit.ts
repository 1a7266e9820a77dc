import { xmlAttributes, xmlText } from '../core/xml.ts';
import { checksOf, subjectsOf, type Check, type CheckOptions } from './report-checks.ts';
import type { ValidationReport } from './report.ts';
import { RULES } from './rules/rule-checks.ts';

/**
 * The report as JUnit XML: a suite for each table and one for the rules, a case for each check. The cases are the same in every
 * run, so that a CI server can compare runs. Counts are exact; lists are the first ones.
 */
export function reportJunit(report: ValidationReport, options: CheckOptions = {}): string {
  const checks = checksOf(report, options);
  const suites = subjectsOf(checks).map((name) => suite(name, secondsOf(report, name), checks.filter((check) => check.table === name)));
  const root = { name: 'banyan validate', ...totals(checks), time: report.seconds.toFixed(3) };
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${xmlAttributes(root)}>\n${suites.join('')}</testsuites>\n`;
}

function suite(name: string, seconds: number, checks: readonly Check[]): string {
  const about = { name, ...totals(checks), time: seconds.toFixed(3) };
  return `  <testsuite${xmlAttributes(about)}>\n${checks.map(testCase).join('')}  </testsuite>\n`;
}

/** What the comparison of a table took, with its rules; or all rules that are of no table. */
function secondsOf({ tables, rules = [] }: ValidationReport, name: string): number {
  const parts = [...tables.filter(({ table }) => table === name), ...rules.filter(({ table = RULES }) => table === name)];
  return parts.reduce((sum, { seconds }) => sum + seconds, 0);
}

function totals(checks: readonly Check[]): Readonly<Record<string, string>> {
  const having = (outcome: Check['outcome']): string => String(checks.filter((check) => check.outcome === outcome).length);
  return { tests: String(checks.length), failures: having('failed'), errors: '0', skipped: having('skipped') };
}

function testCase(check: Check): string {
  const { table, name, outcome, severity, message } = check;
  const open = `    <testcase${xmlAttributes({ classname: table, name, time: '0' })}`;
  if (outcome === 'skipped') return `${open}>\n      <skipped${xmlAttributes({ message })}/>\n    </testcase>\n`;
  if (outcome === 'failed') return `${open}>\n      <failure${xmlAttributes({ message, type: severity })}>${xmlText(listing(check))}</failure>\n    </testcase>\n`;
  if (message !== '') return `${open}>\n      <system-out>${xmlText(message)}</system-out>\n    </testcase>\n`;
  return `${open}/>\n`;
}

function listing({ examples, total }: Check): string {
  const lines = examples.map(({ subject, detail }) => (detail === '' ? subject : `${subject}: ${detail}`));
  return [...lines, ...(examples.length > 0 && total > examples.length ? [`and ${total - examples.length} more`] : [])].join('\n');
}
