import type { Clock } from '../../core/clock.ts';
import { BanyanError } from '../../core/errors.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Attempts } from '../attempts.ts';
import { checkRule, type CheckRuleOptions } from './check-rule.ts';
import { checkTimes, type TimedTable } from './check-times.ts';
import type { Rule } from './rule.ts';
import type { RuleReport } from './rule-report.ts';

/** What a run checks beside its tables. */
export interface RulesToRun {
  readonly rules: readonly Rule[];
  readonly tables: readonly TimedTable[];
}

/** Checks rules one after the other, each on what has come to rest. @throws BANYAN_VALIDATE_RULE with the name of one that can not be checked */
export async function runRules({ rules, tables }: RulesToRun, options: CheckRuleOptions & { readonly attempts: Attempts; readonly clock: Clock; readonly metrics: Metrics }): Promise<readonly RuleReport[]> {
  const { attempts, clock, metrics, signal } = options;
  const names = rules.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) throw new BanyanError('BANYAN_VALIDATE_RULE', { message: `There are two rules named ${twice}.`, details: { rule: twice } });
  const reports: RuleReport[] = [];
  const add = async (report: Pick<RuleReport, 'name' | 'severity'>, check: () => Promise<Omit<RuleReport, 'name' | 'severity' | 'ok' | 'seconds'>>): Promise<void> => {
    signal?.throwIfAborted();
    const startedMs = clock.monotonic();
    const outcome = await attempts.make({ check: 'rule', name: report.name }, check);
    if (!outcome) return;
    const { failing } = outcome.counts;
    if (failing > 0) metrics.count('reconciliation_inconsistencies_total', { table: outcome.table ?? report.name, type: outcome.kind, severity: report.severity }, failing);
    reports.push({ ...report, ...outcome, ok: failing === 0, seconds: (clock.monotonic() - startedMs) / 1000 });
  };
  for (const rule of rules) await add({ name: rule.name, severity: rule.severity ?? 'high' }, () => checkRule(rule, options));
  for (const table of tables) await add({ name: `temporal:${table.pair.table}`, severity: table.rules.severity ?? 'medium' }, () => checkTimes(table, options));
  return reports;
}
