import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { MetricDeclaration } from './metric-names.ts';
import { METRICS } from './metric-names.ts';
import { createMetrics, serveMetrics, type MetricsServer } from './metrics.ts';

const DECLARED: Readonly<Record<string, MetricDeclaration>> = {
  rows_total: { type: 'counter', help: 'Rows.', labels: ['service'] },
  lag_seconds: { type: 'gauge', help: 'Lag.', labels: [] },
  latency_seconds: { type: 'histogram', help: 'Latency.', labels: ['service'], buckets: [0.1, 1] },
  plain_seconds: { type: 'histogram', help: 'Plain.', labels: [] },
};

describe('metrics', () => {
  test('are Prometheus text', async () => {
    const metrics = createMetrics(DECLARED);
    metrics.count('rows_total', { service: 'a' });
    metrics.count('rows_total', { service: 'a' }, 4);
    metrics.gauge('lag_seconds', 1.5);
    metrics.observe('latency_seconds', 0.5, { service: 'a' });
    metrics.observe('plain_seconds', 1);
    const text = await metrics.text();
    expect(text).toContain('# HELP rows_total Rows.\n# TYPE rows_total counter\nrows_total{service="a"} 5\n');
    expect(text).toContain('lag_seconds 1.5\n');
    expect(text).toContain('latency_seconds_bucket{le="0.1",service="a"} 0\nlatency_seconds_bucket{le="1",service="a"} 1\n');
  });

  test.each<[string, (metrics: ReturnType<typeof createMetrics>) => void, string]>([
    ['an unknown name', (metrics) => metrics.count('nope'), 'The metric nope is not declared.'],
    ['a name of Object', (metrics) => metrics.count('constructor'), 'The metric constructor is not declared.'],
    ['an unknown label', (metrics) => metrics.count('rows_total', { table: 't' }), 'The metric rows_total has no label table.'],
    ['a gauge that is counted', (metrics) => metrics.count('lag_seconds'), 'The metric lag_seconds is no counter.'],
    ['a counter that is set', (metrics) => metrics.gauge('rows_total', 1), 'The metric rows_total is no gauge.'],
    ['a gauge that is observed', (metrics) => metrics.observe('lag_seconds', 1), 'The metric lag_seconds is no histogram.'],
  ])('%s is BANYAN_INTERNAL', (_name, write, message) => {
    expect(() => write(createMetrics(DECLARED))).toThrow(expect.objectContaining({ code: 'BANYAN_INTERNAL', message }));
  });

  test('forget a gauge whose labels say so, and no other', async () => {
    const metrics = createMetrics({ ...DECLARED, behind: { type: 'gauge', help: 'B.', labels: ['service', 'direction'] } });
    for (const service of ['a', 'b']) for (const direction of ['x', 'y']) metrics.gauge('behind', 1, { service, direction });
    metrics.forget('behind', { service: 'a' });
    metrics.gauge('behind', 0, { service: 'a', direction: 'y' });
    expect((await metrics.text()).match(/^behind\{.*$/gm)).toEqual(['behind{service="b",direction="x"} 1', 'behind{service="b",direction="y"} 1', 'behind{service="a",direction="y"} 0']);
    expect(() => metrics.forget('rows_total', {})).toThrow(expect.objectContaining({ code: 'BANYAN_INTERNAL' }));
  });

  test('of two registries do not meet', async () => {
    const one = createMetrics(DECLARED);
    one.gauge('lag_seconds', 7);
    expect(await createMetrics(DECLARED).text()).not.toContain('lag_seconds 7');
  });
});

test('every metric that a room writes is declared with its kind, and none is declared for nothing', async () => {
  const root = join(import.meta.dirname, '..');
  const files = (await readdir(root, { recursive: true })).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  const written = new Map<string, string>();
  for (const file of files) {
    if (file.endsWith('metric-names.ts')) continue;
    const text = await readFile(join(root, file), 'utf8');
    for (const [, kind, name] of text.matchAll(/\.(count|gauge|observe)\(\s*'([a-z_]+)'/g)) written.set(name!, kind!);
  }
  const kinds = { count: 'counter', gauge: 'gauge', observe: 'histogram' } as Record<string, string>;
  expect(files.length).toBeGreaterThan(20);
  expect(Object.fromEntries([...written].map(([name, kind]) => [name, kinds[kind]]))).toEqual(
    Object.fromEntries(Object.entries(METRICS).map(([name, { type }]) => [name, type])),
  );
});

describe('the server', () => {
  let server: MetricsServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  test('answers metrics, life and readiness', async () => {
    let ready = false;
    const metrics = createMetrics(DECLARED);
    metrics.gauge('lag_seconds', 3);
    server = await serveMetrics({ listen: { host: '127.0.0.1', port: 0 }, metrics, ready: () => ready });
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${server!.port}${path}`);
      return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
    };
    expect(await get('/metrics?x=1')).toMatchObject({ status: 200, type: metrics.contentType, body: expect.stringContaining('lag_seconds 3\n') });
    expect(await get('/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
    expect(await get('/readyz')).toMatchObject({ status: 503, body: 'not ready\n' });
    ready = true;
    expect(await get('/readyz')).toMatchObject({ status: 200, body: 'ready\n' });
    expect(await get('/constructor')).toMatchObject({ status: 404 });
    expect(await get('//')).toMatchObject({ status: 404 });
  });

  test('is ready from the start unless told otherwise', async () => {
    server = await serveMetrics({ listen: { host: '127.0.0.1', port: 0 }, metrics: createMetrics(DECLARED) });
    expect((await fetch(`http://127.0.0.1:${server.port}/readyz`)).status).toBe(200);
  });

  test('metrics that cannot be read end the connection, not the process', async () => {
    const metrics = { ...createMetrics(DECLARED), text: () => Promise.reject(new Error('broken')) };
    server = await serveMetrics({ listen: { host: '127.0.0.1', port: 0 }, metrics });
    await expect(fetch(`http://127.0.0.1:${server.port}/metrics`)).rejects.toThrow();
    expect((await fetch(`http://127.0.0.1:${server.port}/healthz`)).status).toBe(200);
  });

  test('an address that is taken is BANYAN_LISTEN', async () => {
    server = await serveMetrics({ listen: { host: '127.0.0.1', port: 0 }, metrics: createMetrics(DECLARED) });
    const listen = { host: '127.0.0.1', port: server.port };
    await expect(serveMetrics({ listen, metrics: createMetrics(DECLARED) })).rejects.toMatchObject({ code: 'BANYAN_LISTEN' });
  });
});

test('the operators\' page and the alert rules name the metrics of sync that there are', async () => {
  const docs = join(import.meta.dirname, '../../docs');
  const named = (text: string): Set<string> => new Set(text.match(/\bbanyan_sync_[a-z_]+/g));
  const declared = Object.keys(METRICS).filter((name) => name.startsWith('banyan_sync_'));
  expect([...named(await readFile(join(docs, 'operations.md'), 'utf8'))].toSorted()).toEqual(declared.toSorted());
  const rules = named(await readFile(join(docs, 'prometheus-alerts.yaml'), 'utf8'));
  expect(rules.size).toBeGreaterThan(10);
  expect([...rules].filter((name) => !declared.includes(name))).toEqual([]);
});
