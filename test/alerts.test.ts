import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { METRICS } from '../src/app/metric-names.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const FUNCTIONS = new Set(['max', 'min', 'sum', 'abs', 'rate', 'increase', 'by', 'on', 'unless', 'and', 'or', 'ignoring', 'without']);

/** What is wrong with a rule, as far as the metrics and the grammar of expressions tell. */
function faultsOf({ alert, expr, for: lasting, annotations, labels }: Rule): string[] {
  const faults: string[] = [];
  const say = (what: string): void => void faults.push(`${alert}: ${what}`);
  let depth = 0;
  for (const sign of expr.replaceAll(/\[[0-9]+[smhd]\]/g, '')) {
    if ('([{'.includes(sign)) depth += 1;
    if (')]}'.includes(sign)) depth -= 1;
    if (depth < 0) break;
  }
  if (depth !== 0) say(`brackets that do not match in ${expr}`);
  if (/[[\]{}]/.test(expr.replaceAll(/\[[0-9]+[smhd]\]/g, ''))) say(`a range or selector that is not understood in ${expr}`);
  if (!/(==|<|>) *-?[0-9.]+(e[0-9]+)?$/.test(expr)) say(`${expr} compares with nothing`);
  const grouped = groupsOf(expr);
  const words = [...expr.replaceAll(/\b(?:by|on) *\([^)]*\)/g, '').replaceAll(/\[[^\]]*\]/g, '').matchAll(/[a-z_]+[a-z0-9_]*/g)].map(([word]) => word).filter((word) => !/^e[0-9]*$/.test(word));
  const metrics = words.filter((word) => !FUNCTIONS.has(word));
  if (metrics.length === 0) say(`no metric in ${expr}`);
  for (const name of metrics) {
    const metric = METRICS[name] ?? METRICS[name.replace(/_(bucket|sum|count)$/, '')];
    if (!metric) say(`${name} is no metric`);
    else if (metric.type === 'counter' && !/\b(rate|increase)\(/.test(expr)) say(`${name} is a counter, of which only the growth tells something`);
  }
  // Each operand is grouped by labels of its own metrics.
  for (const operand of expr.split(/\b(?:unless|and|or)\b/)) {
    const labelled = metrics.filter((name) => operand.includes(name)).flatMap((name) => METRICS[name] ?? []);
    for (const label of groupsOf(operand)) if (labelled.some((metric) => !metric.labels.includes(label))) say(`no label ${label} in ${operand.trim()}`);
  }
  const known = grouped.length > 0 ? grouped : metrics.flatMap((name) => METRICS[name]?.labels ?? []);
  for (const text of Object.values(annotations)) {
    for (const [, label = ''] of text.matchAll(/\$labels\.([a-z_]+)/g)) if (!known.includes(label)) say(`its text names the label ${label}, which the result does not have`);
  }
  if (lasting !== undefined && !/^[0-9]+[smhd]$/.test(lasting)) say(`lasts ${lasting}`);
  if (!['page', 'ticket'].includes(labels['severity'] ?? '')) say('has no severity');
  return faults;
}

function groupsOf(expr: string): string[] {
  return [...expr.matchAll(/\b(?:by|on) *\(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(',').map((name) => name.trim()));
}

async function readRules(): Promise<readonly Rule[]> {
  const file = parse(await readFile(new URL('../docs/prometheus-alerts.yaml', import.meta.url), 'utf8')) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
  return file.groups.flatMap(({ rules }) => rules);
}

describe('the alert rules', () => {
  it('ask for metrics that there are, in expressions that can be read', async () => {
    const rules = await readRules();
    expect(rules.length).toBeGreaterThan(10);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    expect(rules.flatMap(faultsOf)).toEqual([]);
  });

  it.each([
    ['max by (service) (banyan_sync_lag) > 1', 'banyan_sync_lag is no metric'],
    ['max by (service) (banyan_sync_paused > 1', 'brackets'],
    ['max by (direction) (banyan_sync_paused) == 1', 'no label direction'],
    ['sum by (service) (banyan_sync_retries_total) > 1', 'is a counter'],
    ['max by (service) (banyan_sync_paused)', 'compares with nothing'],
  ])('would not pass with %s', (expr, fault) => {
    expect(faultsOf({ alert: 'Planted', expr, labels: { severity: 'page' }, annotations: {} }).join()).toContain(fault);
  });
});
