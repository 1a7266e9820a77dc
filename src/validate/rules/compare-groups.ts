import { difference, within, type Bounds } from '../../core/exact-decimal.ts';
import { BanyanError } from '../../core/errors.ts';
import type { Value } from '../../model/change.ts';
import type { RuleRows } from '../../ports/rule-reader.ts';
import { setOwn } from '../judge.ts';
import type { Disagreement, RuleDifference } from './rule-report.ts';
import type { Findings } from './settle-findings.ts';

interface Grouping {
  readonly rule: string;
  /** Names of the columns that make the group. Default: all but the last. */
  readonly group?: readonly string[];
  readonly tolerance?: Bounds;
}

/** A result by its groups. */
interface Grouped {
  readonly names: readonly string[];
  /** Positions of the group's columns, and of the others. */
  readonly keys: readonly number[];
  readonly values: readonly number[];
  readonly rows: ReadonlyMap<string, readonly Value[]>;
}

/**
 * The groups in which two results do not agree. Columns belong together by their place, so they may have
 * other names on the two sides.
 * @throws BANYAN_VALIDATE_RULE if the results do not fit each other, or a group comes twice.
 */
export function compareGroups(source: RuleRows, target: RuleRows, grouping: Grouping): { readonly groups: number; readonly findings: Findings } {
  if (source.columns.length !== target.columns.length) {
    throw refused(grouping.rule, `the source's query gives ${source.columns.length} columns, the target's ${target.columns.length}`);
  }
  const here = byGroup(source, grouping, 'source');
  // Named groups are places in the source's result.
  const there = byGroup(target, grouping, 'target', here.keys);
  const findings = new Map<string, { readonly stamp: string; readonly finding: RuleDifference }>();
  const groups = new Set([...here.rows.keys(), ...there.rows.keys()]);
  for (const id of groups) {
    const [a, b] = [here.rows.get(id), there.rows.get(id)];
    const subject = Object.fromEntries(here.keys.map((at) => [here.names[at] ?? '', (a ?? b)?.[at] ?? null]));
    if (!a || !b) {
      findings.set(id, { stamp: JSON.stringify([a, b]), finding: { subject, columns: {}, absentOn: a ? 'target' : 'source' } });
      continue;
    }
    const columns: Record<string, Disagreement> = {};
    for (const at of here.values) {
      const numbers = source.numeric[at] === true || target.numeric[at] === true;
      const found = disagreement(a[at] ?? null, b[at] ?? null, numbers ? grouping.tolerance ?? {} : undefined);
      if (found) setOwn(columns, here.names[at] ?? '', found);
    }
    if (Object.keys(columns).length > 0) findings.set(id, { stamp: JSON.stringify([a, b]), finding: { subject, columns } });
  }
  return { groups: groups.size, findings };
}

/** Undefined: they agree. Numbers are compared by their value, to the last digit; without bounds, as texts: the account 007 is not 7. */
export function disagreement(source: Value, target: Value, tolerance: Bounds | undefined): Disagreement | undefined {
  if (source === target) return undefined;
  if (source === null || target === null) return { source, target };
  if (!tolerance) return { source, target };
  if (within(source, target, tolerance)) return undefined;
  const apart = difference(target, source);
  return { source, target, ...(apart === undefined ? {} : { apart }) };
}

function byGroup({ columns, numeric, rows }: RuleRows, { rule, group }: Grouping, side: 'source' | 'target', keysOfSource?: readonly number[]): Grouped {
  const keys = keysOfSource ?? (group ? group.map((name) => placeOf(columns, name, rule)) : columns.slice(0, -1).map((_, at) => at));
  const values = columns.map((_, at) => at).filter((at) => !keys.includes(at));
  const found = new Map<string, readonly Value[]>();
  for (const row of rows) {
    const id = JSON.stringify(keys.map((at) => (numeric[at] === true ? plainNumber(row[at] ?? null) : row[at])));
    if (found.has(id)) throw refused(rule, keys.length === 0 ? `the ${side}'s query gives several rows and no column to group them by` : `the ${side}'s query gives the group ${id} twice`);
    found.set(id, row);
  }
  return { names: columns, keys, values, rows: found };
}

/** A number that names a group, without the zeros of its scale: 7 and 7.00 are one group. */
function plainNumber(value: Value): Value {
  return value === null || !/^-?\d+\.\d+$/.test(value) ? value : value.replace(/\.?0+$/, '').replace(/^-0$/, '0');
}

function placeOf(columns: readonly string[], name: string, rule: string): number {
  const at = columns.indexOf(name);
  if (at < 0) throw refused(rule, `the source's query has no column "${name}" to group by; it has ${columns.join(', ')}`);
  return at;
}

export function refused(rule: string, reason: string, cause?: unknown): BanyanError {
  return new BanyanError('BANYAN_VALIDATE_RULE', { message: `The rule ${rule} can not be checked: ${reason}.`, details: { rule }, ...(cause === undefined ? {} : { cause }) });
}
