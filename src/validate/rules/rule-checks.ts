import { printable, shortened } from '../../core/printable.ts';
import type { Value } from '../../model/change.ts';
import type { Check, Example } from '../report-checks.ts';
import type { RuleDifference, RuleReport } from './rule-report.ts';

/** What rules are listed under that are of no table. */
export const RULES = 'rules';

/** Reports are for reading; the JSON document has whole values. */
const LONGEST_VALUE = 200;

/** A rule as a check of a report: under its table where it has one, else under "rules". */
export function ruleCheck(rule: RuleReport, most: number): Check {
  const { failing, unsettled } = rule.counts;
  const check = { table: rule.table ?? RULES, name: rule.table === undefined ? rule.name : 'times', severity: rule.severity };
  if (failing > 0) return { ...check, outcome: 'failed', message: failureText(rule), examples: rule.differences.slice(0, most).map(exampleOf), total: failing };
  if (unsettled > 0) return { ...check, outcome: 'skipped', message: `${unsettled} changed at every look: not known to agree`, examples: [], total: unsettled };
  return { ...check, outcome: 'passed', message: rule.groups === undefined ? '' : `${rule.groups} groups agree`, examples: [], total: 0 };
}

function failureText({ kind, counts: { failing }, groups }: RuleReport): string {
  if (kind === 'agreement') return `${failing} of ${groups ?? failing} groups do not agree`;
  return kind === 'temporal' ? `${failing} rows with times that can not be` : `${failing} found that must not be`;
}

function exampleOf({ subject, columns = {}, absentOn, check, side, times = {} }: RuleDifference): Example {
  const values = Object.entries(columns).map(([name, { source, target, apart }]) => `${printable(name)}: ${valueText(source)} ≠ ${valueText(target)}${apart === undefined ? '' : ` (${apart})`}`);
  const parts = [...values, ...(absentOn === undefined ? [] : [`not on the ${absentOn}`]), ...(check === undefined ? [] : [side === undefined ? check : `${check} fails on the ${side}`]), ...pairs(times)];
  return { subject: Object.keys(subject).length === 0 ? 'all' : pairs(subject).join(', '), detail: parts.join(', ') };
}

const pairs = (row: Readonly<Record<string, Value>>): string[] => Object.entries(row).map(([name, value]) => `${printable(name)}=${valueText(value)}`);

const valueText = (value: Value): string => (value === null ? 'null' : printable(shortened(value, LONGEST_VALUE)));
