import { BanyanError } from '../../core/errors.ts';
import type { Selection, TableShape } from '../../ports/checksummer.ts';
import type { MisplacedRow, RuleReader, TimeCheck, TimeFamily } from '../../ports/rule-reader.ts';
import type { PairedColumn, TablePair } from '../pair.ts';
import { MOST_FOLLOWED, many, named, type CheckRuleOptions } from './check-rule.ts';
import type { TemporalRules } from './rule.ts';
import type { RuleDifference, RuleReport } from './rule-report.ts';
import { settleFindings, type Findings } from './settle-findings.ts';

type SideName = 'source' | 'target';

/** A table whose times are checked. */
export interface TimedTable {
  readonly pair: TablePair;
  readonly shapes: Readonly<Record<SideName, TableShape>>;
  readonly rules: TemporalRules;
}

/** Rows of either side whose times can not be. */
export async function checkTimes(table: TimedTable, options: CheckRuleOptions): Promise<Pick<RuleReport, 'kind' | 'differences' | 'counts' | 'checks' | 'table'>> {
  const checks = checksOf(table);
  const found = {
    source: await checkSide({ table, side: 'source', checks: checks.map((check) => check.source), names: checks.map(({ name }) => name) }, options),
    target: await checkSide({ table, side: 'target', checks: checks.map((check) => check.target), names: checks.map(({ name }) => name) }, options),
  };
  const differences = [...found.source.differences, ...found.target.differences];
  return {
    kind: 'temporal', table: table.pair.table,
    differences: differences.slice(0, options.limit),
    counts: { failing: found.source.failing + found.target.failing, unsettled: found.source.unsettled + found.target.unsettled },
    checks: checks.map(({ name }, at) => ({ check: name, source: found.source.totals[at] ?? 0, target: found.target.totals[at] ?? 0 })),
  };
}

interface SideCheck {
  readonly table: TimedTable;
  readonly side: SideName;
  readonly checks: readonly TimeCheck[];
  readonly names: readonly string[];
}

async function checkSide(
  { table, side, checks, names }: SideCheck,
  options: CheckRuleOptions,
): Promise<{ readonly differences: readonly RuleDifference[]; readonly failing: number; readonly unsettled: number; readonly totals: readonly number[] }> {
  const { pair, rules } = table;
  const reader: RuleReader = options.sides[side];
  const selection: Selection = pair[side];
  const limits = { mostRows: MOST_FOLLOWED, timeoutMs: rules.timeoutMs ?? 600_000, ...(options.signal ? { signal: options.signal } : {}) };
  const findingOf = (row: MisplacedRow): RuleDifference => {
    const check = checks[row.check];
    const columns = check?.kind === 'ordered' ? [check.earlier, check.later] : [check?.column ?? ''];
    const shown = pair.keyLength > 0 ? pair.columns.slice(0, pair.keyLength) : pair.columns;
    return { subject: named(shown.map(({ source }) => source), row.key), check: names[row.check] ?? '', side, times: named(columns, row.times) };
  };
  const look = async () => {
    const { rows, totals } = await reader.misplaced(selection, checks, limits);
    const findings: Findings = new Map(rows.map((row) => [JSON.stringify([row.check, row.key]), { stamp: JSON.stringify(row.times), finding: findingOf(row) }]));
    return { ...many(totals.reduce((sum, each) => sum + each, 0), findings), rows, totals };
  };
  // Without a key a row that changes is another row.
  const { confirmed, unsettled, last } = await settleFindings({ ...options, look, stays: 2, follow: pair.keyLength > 0 ? 'first' : 'all' });
  if (last.total > MOST_FOLLOWED && confirmed.length > 0) {
    return { differences: last.rows.slice(0, options.limit).map(findingOf), failing: last.total, unsettled: 0, totals: last.totals };
  }
  const totals = names.map((name) => confirmed.filter(({ check }) => check === name).length);
  return { differences: confirmed, failing: confirmed.length, unsettled, totals };
}

interface PairedCheck {
  readonly name: string;
  readonly source: TimeCheck;
  readonly target: TimeCheck;
}

/** The checks in each side's names. @throws BANYAN_VALIDATE_COLUMN if a column is none of times. */
function checksOf({ pair, shapes, rules }: TimedTable): readonly PairedCheck[] {
  const { notInFuture = [], ordered = [], clockToleranceMs = 1000 } = rules;
  const columnOf = (name: string): PairedColumn => {
    const column = pair.columns.find(({ source }) => source === name);
    if (column) return column;
    throw new BanyanError('BANYAN_VALIDATE_COLUMN', { message: `The temporal rules of ${pair.table} name the column "${name}", which is not compared; there are ${pair.columns.map(({ source }) => source).join(', ')}.`, details: { table: pair.table, column: name } });
  };
  const familyOf = (side: SideName, column: PairedColumn): TimeFamily => {
    const known = shapes[side].columns.find(({ name }) => name === column[side]);
    if (known?.family === 'date' || known?.family === 'timestamp' || known?.family === 'instant') return known.family;
    throw new BanyanError('BANYAN_VALIDATE_COLUMN', { message: `The temporal rules of ${pair.table} name the column "${column.source}", which is of type ${known?.type ?? 'unknown'} on the ${side} and no date or timestamp.`, details: { table: pair.table, column: column.source, side } });
  };
  const onBoth = (make: (side: SideName) => TimeCheck): Pick<PairedCheck, SideName> => ({ source: make('source'), target: make('target') });
  return [
    ...notInFuture.map((name) => {
      const column = columnOf(name);
      return { name: `${name} is not in the future`, ...onBoth((side) => ({ kind: 'future', column: column[side], family: familyOf(side, column), toleranceMs: clockToleranceMs })) };
    }),
    ...ordered.map(({ earlier, later, nulls = 'allowed' }) => {
      const [a, b] = [columnOf(earlier), columnOf(later)];
      const make = (side: SideName): TimeCheck => {
        familyOf(side, a);
        familyOf(side, b);
        return { kind: 'ordered', earlier: a[side], later: b[side], refuseNulls: nulls === 'refused' };
      };
      return { name: `${earlier} <= ${later}${nulls === 'refused' ? ', neither null' : ''}`, ...onBoth(make) };
    }),
  ];
}
