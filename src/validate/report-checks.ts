import { printable, shortened } from '../core/printable.ts';
import type { Value } from '../model/change.ts';
import type { DifferentRow, Level, ReportedCopies, ReportedKey, TableReport, ValidationReport } from './report.ts';
import { SEVERITY_OF, type Severity } from './severity.ts';
import type { Unchecked } from './attempts.ts';
import { RULES, ruleCheck } from './rules/rule-checks.ts';
import { structureChecks } from './structure/structure-checks.ts';

/** A finding of a check: a row, a column. Control characters are shown as such. */
export interface Example {
  /** What is concerned: a row's key, a column. */
  readonly subject: string;
  readonly detail: string;
}

/** One question asked of one table, or of both sides by a rule, and its answer: a test case of JUnit, a group of rows in Markdown. */
export interface Check {
  readonly table: string;
  readonly name: string;
  /** `skipped`: it could not be answered, or says nothing at this level. */
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Of a failure. */
  readonly severity: Severity;
  /** One sentence. Empty: passed, and there is nothing to say. */
  readonly message: string;
  /** The first ones. */
  readonly examples: readonly Example[];
  /** How many there are in all, however few are listed. */
  readonly total: number;
}

export interface CheckOptions {
  /** Examples of each check. Default 20. */
  readonly mostExamples?: number;
}

/** Every check of a report, table by table; the same ones in the same order for whoever asks for the same. */
export function checksOf(report: ValidationReport, options: CheckOptions = {}): readonly Check[] {
  const most = options.mostExamples ?? 20;
  const rules = (report.rules ?? []).map((rule) => ruleCheck(rule, most));
  return [...report.tables.flatMap((table) => tableChecks(table, table.level ?? report.level, most)), ...rules, ...(report.unchecked ?? []).map(uncheckedCheck)];
}

/** What nobody could look at must not pass for equal. */
function uncheckedCheck({ check, name, message }: Unchecked): Check {
  const of = check === 'rows' ? { table: name ?? check, name: check } : { table: check === 'rule' ? RULES : check, name: name ?? check };
  return { ...of, outcome: 'failed', severity: 'high', message: `could not be checked: ${printable(shortened(message, LONGEST_REASON))}`, examples: [], total: 1 };
}

const LONGEST_REASON = 1000;

/** What the checks are of, each once: tables, and the rules that are of none. */
export function subjectsOf(checks: readonly Check[]): readonly string[] {
  return [...new Set(checks.map(({ table }) => table))];
}

/** Every check of one table. */
export function tableChecks(table: TableReport, level: Level, most: number): readonly Check[] {
  const check = (name: string, answer: Partial<Check>): Check => ({
    table: table.table, name, outcome: 'passed', severity: 'low', message: '', examples: [], total: 0, ...answer,
  });
  const unknown = table.absentOn === undefined ? undefined : 'the table is on one side only';
  const rows = (kind: 'missing' | 'extra' | 'different', found: readonly Example[], says: string): Check => {
    const total = table.counts[kind];
    if (unknown !== undefined) return check(kind, { outcome: 'skipped', message: unknown });
    if (total > 0) return check(kind, { outcome: 'failed', severity: SEVERITY_OF[kind], message: `${rowsText(total)} ${says}`, examples: found, total });
    if (kind === 'different' && level === 'count') return check(kind, { outcome: 'skipped', message: 'values are not compared at level count' });
    return check(kind, { message: table.sample === undefined ? '' : sampleText(table.sample) });
  };
  const { unsettled } = table.counts;
  return [
    structureCheck(table, check, most),
    ...structureChecks(table, most),
    rows('missing', keys(table.missing, most), 'only in the source'),
    rows('extra', keys(table.extra, most), 'only in the target'),
    rows('different', table.different.slice(0, most).map(differentExample), 'with other values'),
    check('settled', unsettled === 0 ? {} : { outcome: 'skipped', message: `${rowsText(unsettled)} written at every look: not known to be equal`, total: unsettled }),
  ];
}

function structureCheck(table: TableReport, check: (name: string, answer: Partial<Check>) => Check, most: number): Check {
  const { absentOn, drift = [] } = table;
  if (absentOn !== undefined) {
    return check('structure', { outcome: 'failed', severity: SEVERITY_OF.absent, message: `no such table on the ${absentOn}`, total: 1 });
  }
  if (drift.length === 0) return check('structure', {});
  return check('structure', {
    outcome: 'failed', severity: SEVERITY_OF.drift, total: drift.length,
    message: `${drift.length === 1 ? '1 column' : `${drift.length} columns`} on one side only`,
    examples: drift.slice(0, most).map(({ column, absentOn: side }) => ({ subject: printable(column), detail: `not on the ${side}` })),
  });
}

const rowsText = (count: number): string => (count === 1 ? '1 row' : `${count} rows`);

function sampleText({ rows, confidence, differingShareAtMost }: NonNullable<TableReport['sample']>): string {
  return `none in a sample of ${rowsText(rows)}: with ${percentText(confidence)} confidence at most ${percentText(differingShareAtMost, 'up')} of the rows`;
}

/** A share as a percentage of two decimals. What is not whole is not rounded to 100 %, and with `up` what is there is not rounded away. */
export function percentText(share: number, rounding: 'down' | 'up' = 'down'): string {
  const scaled = Number((share * 10_000).toFixed(6));
  return `${(rounding === 'down' ? Math.floor(scaled) : Math.ceil(scaled)) / 100} %`;
}

function keys(found: readonly ReportedKey[], most: number): Example[] {
  return found.slice(0, most).map((key) => ({ subject: keyText(key), detail: isCopies(key) ? copiesText(key) : '' }));
}

function differentExample({ key, columns, copies }: DifferentRow): Example {
  const values = Object.entries(columns).map(([name, { source, target }]) => `${printable(name)}: ${valueText(source)} ≠ ${valueText(target)}`);
  return { subject: keyText(key), detail: [...values, ...(copies ? [copiesText(copies)] : [])].join(', ') };
}

const copiesText = ({ source, target }: { readonly source: number; readonly target: number }): string => `${source} times in the source, ${target} in the target`;

function keyText(key: ReportedKey): string {
  if (typeof key === 'string') return valueText(key);
  return Object.entries(isCopies(key) ? key.row : key).map(([name, value]) => `${printable(name)}=${valueText(value)}`).join(', ');
}

function isCopies(key: ReportedKey): key is ReportedCopies {
  return typeof key === 'object' && typeof key['row'] === 'object';
}

/** Reports are for reading; the JSON document has whole values. */
const LONGEST_VALUE = 200;

function valueText(value: Value): string {
  return value === null ? 'null' : printable(shortened(value, LONGEST_VALUE));
}
