import { within } from '../../core/exact-decimal.ts';
import type { Value } from '../../model/change.ts';
import { isBanyanError } from '../../core/errors.ts';
import type { RuleReader, RuleRows } from '../../ports/rule-reader.ts';
import type { Barrier } from '../barrier.ts';
import { compareGroups, refused } from './compare-groups.ts';
import { isAgreement, type AgreementRule, type ExpectationRule, type Rule } from './rule.ts';
import type { RuleReport } from './rule-report.ts';
import { settleFindings, type Findings } from './settle-findings.ts';

export interface RuleSides {
  readonly source: RuleReader;
  readonly target: RuleReader;
}

export interface CheckRuleOptions {
  readonly sides: RuleSides;
  readonly barrier: Barrier;
  /** Looks at most. */
  readonly rounds: number;
  /** Differences listed. */
  readonly limit: number;
  readonly signal?: AbortSignal;
}

/** Groups of a side at most: they are in memory. */
export const MOST_GROUPS = 100_000;
/** Rows that are followed one by one from look to look; more are only counted. */
export const MOST_FOLLOWED = 10_000;

type Outcome = Pick<RuleReport, 'kind' | 'differences' | 'counts' | 'groups'>;

/** Whether a rule holds, on what no stream will change any more. */
export async function checkRule(rule: Rule, options: CheckRuleOptions): Promise<Outcome> {
  try {
    return isAgreement(rule) ? await checkAgreement(rule, options) : await checkExpectation(rule, options);
  } catch (error) {
    if (!isBanyanError(error, 'BANYAN_VALIDATE_RULE') || error.details['rule'] !== undefined) throw error;
    throw refused(rule.name, error.message.replace(/\.$/, ''), error);
  }
}

async function checkAgreement(rule: AgreementRule, options: CheckRuleOptions): Promise<Outcome> {
  const { sides, limit } = options;
  const limits = { mostRows: MOST_GROUPS, timeoutMs: rule.timeoutMs ?? 60_000, ...(options.signal ? { signal: options.signal } : {}) };
  const look = async () => {
    const [source, target] = await both(sides.source.query(rule.source, limits), sides.target.query(rule.target, limits));
    for (const { total } of [source, target]) {
      if (total > MOST_GROUPS) throw refused(rule.name, `it gives ${total} groups, more than ${MOST_GROUPS}: group more coarsely`);
    }
    return compareGroups(source, target, { ...rule, rule: rule.name });
  };
  // By their values alone, as a row without a version.
  const { confirmed, unsettled, last } = await settleFindings({ ...options, look, stays: 3, follow: 'first' });
  return { kind: 'agreement', groups: last.groups, differences: confirmed.slice(0, limit), counts: { failing: confirmed.length, unsettled } };
}

/** Both have ended before an error is passed on. */
async function both(source: Promise<RuleRows>, target: Promise<RuleRows>): Promise<[RuleRows, RuleRows]> {
  await Promise.allSettled([source, target]);
  return Promise.all([source, target]);
}

async function checkExpectation(rule: ExpectationRule, options: CheckRuleOptions): Promise<Outcome> {
  const { sides, limit } = options;
  const limits = { mostRows: MOST_FOLLOWED, timeoutMs: rule.timeoutMs ?? 60_000, ...(options.signal ? { signal: options.signal } : {}) };
  const look = async () => {
    const found = await sides[rule.on].query(rule.sql, limits);
    return rule.expect === 'none' ? { ...many(found.total, rowFindings(found)), rows: found } : { total: 0, findings: valueFindings(rule, found, rule.expect.value), rows: found };
  };
  const { confirmed, unsettled, last } = await settleFindings({ ...options, look, stays: 2, follow: 'all' });
  if (last.total <= MOST_FOLLOWED || confirmed.length === 0) return { kind: 'expectation', differences: confirmed.slice(0, limit), counts: { failing: confirmed.length, unsettled } };
  return { kind: 'expectation', differences: [...rowFindings(last.rows).values()].slice(0, limit).map(({ finding }) => finding), counts: { failing: last.total, unsettled: 0 } };
}

/** More than can be followed are one finding: that there are so many. */
export function many(total: number, findings: Findings): { readonly total: number; readonly findings: Findings } {
  return { total, findings: total > MOST_FOLLOWED ? new Map([['many', { stamp: 'many', finding: { subject: {} } }]]) : findings };
}

function rowFindings({ columns, rows }: RuleRows): Findings {
  const times = new Map<string, number>();
  return new Map(
    rows.map((row) => {
      const text = JSON.stringify(row);
      const copy = times.get(text) ?? 0;
      times.set(text, copy + 1);
      return [`${text}#${copy}`, { stamp: text, finding: { subject: named(columns, row) } }];
    }),
  );
}

function valueFindings(rule: ExpectationRule, found: RuleRows, expected: Value): Findings {
  if (found.total !== 1 || found.columns.length !== 1) {
    throw refused(rule.name, `it gives ${found.total} rows of ${found.columns.length} columns; expected one row of one column`);
  }
  const value = found.rows[0]?.[0] ?? null;
  if (value === expected || (value !== null && expected !== null && found.numeric[0] === true && within(value, expected, rule.tolerance ?? {}))) return new Map();
  return new Map([['value', { stamp: JSON.stringify(value), finding: { subject: named(found.columns, [value]), check: `expected ${expected === null ? 'null' : expected}` } }]]);
}

export function named(columns: readonly string[], row: readonly Value[]): Readonly<Record<string, Value>> {
  return Object.fromEntries(columns.map((name, at) => [name, row[at] ?? null]));
}
