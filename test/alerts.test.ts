import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { METRICS } from '../src/app/metric-names.ts';
import { checkPromql } from './support/promql.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What is wrong with a rule, as far as the metrics and the grammar of expressions tell. */
function faultsOf({ alert, expr, for: lasting, annotations, labels }: Rule): string[] {
  const { faults, labels: known } = checkPromql(expr, METRICS);
  const found = faults.map((fault) => `${fault} in ${expr}`);
  if (!/(==|<|>) *-?[0-9.]+(e[0-9]+)?$/.test(expr)) found.push(`${expr} compares with nothing`);
  for (const text of Object.values(annotations)) {
    for (const [, label = ''] of text.matchAll(/\$labels\.([a-z_]+)/g)) if (!known.includes(label)) found.push(`its text names the label ${label}, which the result does not have`);
  }
  if (lasting !== undefined && !/^[0-9]+[smhd]$/.test(lasting)) found.push(`lasts ${lasting}`);
  if (!['page', 'ticket'].includes(labels['severity'] ?? '')) found.push('has no severity');
  return found.map((fault) => `${alert}: ${fault}`);
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
    ['max by (service) (banyan_sync_paused > 1', 'expected )'],
    ['max by (direction) (banyan_sync_paused) == 1', 'no label direction'],
    ['sum by (service) (banyan_sync_retries_total) > 1', 'is a counter'],
    ['max by (service) (banyan_sync_paused)', 'compares with nothing'],
  ])('would not pass with %s', (expr, fault) => {
    expect(faultsOf({ alert: 'Planted', expr, labels: { severity: 'page' }, annotations: {} }).join()).toContain(fault);
  });
});
