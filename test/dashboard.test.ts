import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { METRICS } from '../src/app/metric-names.ts';
import { checkPromql } from './support/promql.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly fieldConfig?: { readonly defaults: object; readonly overrides: readonly unknown[] };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string; readonly datasource: object }[];
}

interface Dashboard {
  readonly id: null;
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string; readonly query: string | { readonly query: string } }[] };
}

/** What is wrong with a dashboard: what Grafana would show as nothing, without a word. */
function faultsOf(dashboard: Dashboard): string[] {
  const faults: string[] = [];
  const { panels, templating } = dashboard;
  const variables = new Set(templating.list.map(({ name }) => name));
  for (const { name, type, query } of templating.list) {
    if (type !== 'query') continue;
    const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(typeof query === 'string' ? query : query.query) ?? [];
    if (METRICS[metric]?.labels.includes(label) !== true) faults.push(`the variable ${name} asks for ${metric} by ${label}`);
  }
  const source = JSON.stringify({ type: 'prometheus', uid: '${datasource}' });
  const taken = new Map<string, string>();
  const ids = new Set<number>();
  for (const panel of panels) {
    const { id, type, title, gridPos: { x, y, w, h }, targets = [] } = panel;
    const say = (what: string): void => void faults.push(`${title}: ${what}`);
    if (ids.has(id)) say('an id that another has');
    ids.add(id);
    if (x < 0 || w < 1 || x + w > 24) say('outside the 24 columns');
    for (let cell = 0; cell < w * h; cell += 1) {
      const place = `${x + (cell % w)},${y + Math.floor(cell / w)}`;
      if (taken.has(place)) say(`lies on ${taken.get(place)}`);
      taken.set(place, title);
    }
    if (type === 'row') continue;
    if (!['timeseries', 'stat'].includes(type)) say(`a panel of the type ${type}`);
    if (targets.length === 0 || panel.fieldConfig === undefined || JSON.stringify(panel.datasource) !== source) say('no query, form or source');
    if (new Set(targets.map(({ refId }) => refId)).size !== targets.length) say('two queries of one name');
    for (const { expr, legendFormat, datasource } of targets) {
      if (JSON.stringify(datasource) !== source) say('another source');
      const { faults: found, labels } = checkPromql(expr, METRICS);
      for (const fault of found) say(`${fault} in ${expr}`);
      for (const [, name = ''] of expr.matchAll(/\$(\w+)/g)) if (!variables.has(name) && name !== '__rate_interval') say(`no variable ${name}`);
      for (const [, name = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) if (!labels.includes(name)) say(`names the label ${name}, which ${expr} does not have`);
    }
  }
  return faults;
}

const read = async (): Promise<Dashboard> => JSON.parse(await readFile(new URL('../docs/grafana-dashboard.json', import.meta.url), 'utf8')) as Dashboard;

describe('the dashboard', () => {
  it('is one that Grafana imports, and asks only for what there is', async () => {
    const dashboard = await read();
    expect(dashboard).toMatchObject({ id: null, uid: 'banyan', title: 'Banyan', schemaVersion: 42 });
    expect(faultsOf(dashboard)).toEqual([]);
    expect(dashboard.panels.length).toBeGreaterThan(10);
    const asked = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join('\n');
    for (const name of ['data_drift_percentage', 'reconciliation_inconsistencies_total', 'reconciliation_duration_seconds', 'banyan_validate_score']) expect(asked).toContain(name);
  });

  it('would not pass with a fault', async () => {
    const dashboard = await read();
    const [first, ...rest] = dashboard.panels.filter(({ type }) => type !== 'row');
    const planted = (change: Partial<Panel>) => faultsOf({ ...dashboard, panels: [{ ...first!, ...change }, ...rest] }).join();
    const query = { ...first!.targets![0]! };
    expect(planted({ targets: [{ ...query, expr: 'max by (service) (banyan_validate_scores)' }] })).toContain('banyan_validate_scores is no metric');
    expect(planted({ targets: [{ ...query, legendFormat: '{{table}}' }] })).toContain('names the label table');
    expect(planted({ targets: [{ ...query, expr: 'max by (service) (banyan_validate_score{service=~"$other"})' }] })).toContain('no variable other');
    expect(planted({ id: rest[0]!.id })).toContain('an id that another has');
    expect(planted({ gridPos: rest[0]!.gridPos })).toContain('lies on');
    expect(planted({ gridPos: { x: 20, y: 900, w: 6, h: 1 } })).toContain('outside');
  });
});

describe('the reader of expressions', () => {
  it.each([
    'max by (service) (banyan_sync_paused) == 1',
    'abs(banyan_sync_clock_skew_seconds) - banyan_sync_clock_skew_uncertainty_seconds > 1',
    'time() - max by (service) (banyan_validate_last_run_timestamp_seconds) > 90000',
    'max by (service, direction) (banyan_sync_slot_active) == 0 unless on (service) max by (service) (banyan_sync_paused) == 1',
    'histogram_quantile(0.95, sum by (le, side) (rate(http_request_duration_seconds_bucket[5m])))',
    'sum by (type) (increase(reconciliation_inconsistencies_total{table=~"$table", severity="critical"}[$__rate_interval])) > 0.5',
  ])('understands %s', (expr) => {
    expect(checkPromql(expr, METRICS).faults).toEqual([]);
  });

  it.each([
    ['max by (service) (banyan_sync_lag) > 1', 'banyan_sync_lag is no metric'],
    ['max by (service) (banyan_sync_paused > 1', 'expected )'],
    ['max by (direction) (banyan_sync_paused) == 1', 'no label direction'],
    ['sum by (service) (banyan_sync_retries_total) > 1', 'is a counter'],
    ['rate(banyan_sync_paused[5m])', 'does not only grow'],
    ['sum(rate(banyan_sync_retries_total)) > 1', 'without a range'],
    ['banyan_sync_paused{table="a"}', 'has no label table'],
    ['banyan_sync_paused{service=a}', 'a text in quotes'],
    ['histogram_quantile(0.95, sum by (side) (rate(http_request_duration_seconds_bucket[5m])))', 'without the label le'],
    ['http_request_duration_seconds', 'is a histogram'],
    ['1 > 2', 'no metric'],
    ['banyan_sync_paused == 1 banyan_sync_paused', 'does not understand'],
  ])('refuses %s', (expr, fault) => {
    expect(checkPromql(expr, METRICS).faults.join()).toContain(fault);
  });
});
