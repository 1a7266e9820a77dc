import { createServer } from 'node:http';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { BanyanError, invariant } from '../core/errors.ts';
import type { Labels, Metrics } from '../core/metrics.ts';
import { METRICS, type MetricDeclaration } from './metric-names.ts';

/** Metrics that can be read as Prometheus text. */
export interface PrometheusMetrics extends Metrics {
  /** What `/metrics` answers. */
  text(): Promise<string>;
  readonly contentType: string;
  /** Drops the series of a gauge that have these labels, until they are set again. */
  forget(name: string, labels: Labels): void;
}

/**
 * Prometheus metrics in a registry of their own. Every series is declared in metric-names.ts.
 * Its methods throw BANYAN_INTERNAL for a name, a kind or a label that is not declared.
 */
export function createMetrics(declarations: Readonly<Record<string, MetricDeclaration>> = METRICS): PrometheusMetrics {
  const registry = new Registry();
  const series = new Map(Object.entries(declarations).map(([name, declaration]) => [name, make(name, declaration, registry)]));
  const find = (name: string, labels: Labels): Counter | Gauge | Histogram => {
    const declared = declarations[name];
    const found = series.get(name);
    if (declared === undefined || found === undefined) throw new BanyanError('BANYAN_INTERNAL', { message: `The metric ${name} is not declared.` });
    // Asked with every request: without a closure, or a text that is not needed.
    for (const label in labels) if (!declared.labels.includes(label)) throw new BanyanError('BANYAN_INTERNAL', { message: `The metric ${name} has no label ${label}.` });
    return found;
  };
  /** The gauges' series, by name: only who knows all of its labels can drop one. */
  const written = new Map<string, Map<string, Labels>>();
  const wrongKind = (name: string, kind: string) => new BanyanError('BANYAN_INTERNAL', { message: `The metric ${name} is no ${kind}.` });
  return {
    count: (name, labels = {}, value = 1) => {
      const metric = find(name, labels);
      if (!(metric instanceof Counter)) throw wrongKind(name, 'counter');
      metric.inc({ ...labels }, value);
    },
    gauge: (name, value, labels = {}) => {
      const metric = find(name, labels);
      if (!(metric instanceof Gauge)) throw wrongKind(name, 'gauge');
      metric.set({ ...labels }, value);
      const all = written.get(name) ?? new Map<string, Labels>();
      written.set(name, all.set(JSON.stringify(labels), labels));
    },
    observe: (name, value, labels = {}) => {
      const metric = find(name, labels);
      if (!(metric instanceof Histogram)) throw wrongKind(name, 'histogram');
      metric.observe({ ...labels }, value);
    },
    forget: (name, labels) => {
      const metric = find(name, labels);
      if (!(metric instanceof Gauge)) throw wrongKind(name, 'gauge');
      const gone = [...(written.get(name)?.values() ?? [])].filter((each) => Object.entries(labels).every(([label, value]) => each[label] === value));
      for (const each of gone) {
        metric.remove({ ...each });
        written.get(name)?.delete(JSON.stringify(each));
      }
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function make(name: string, declaration: MetricDeclaration, registry: Registry): Counter | Gauge | Histogram {
  const options = { name, help: declaration.help, labelNames: [...declaration.labels], registers: [registry] };
  if (declaration.type === 'counter') return new Counter(options);
  if (declaration.type === 'gauge') return new Gauge(options);
  return new Histogram({ ...options, ...(declaration.buckets === undefined ? {} : { buckets: [...declaration.buckets] }) });
}

const notFound = () => Promise.resolve({ status: 404, type: 'text/plain', body: 'not found\n' });

export interface ServeMetricsOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly metrics: PrometheusMetrics;
  /** Whether the process does its work now. Default: always. */
  readonly ready?: () => boolean;
}

/** A running metrics server. */
export interface MetricsServer {
  /** The port the system chose, if it was asked to. */
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `/metrics`, `/healthz` (200 while the process lives) and `/readyz` (503 until ready).
 * @throws BANYAN_LISTEN if the address cannot be had.
 */
export async function serveMetrics(options: ServeMetricsOptions): Promise<MetricsServer> {
  const { listen, metrics, ready = () => true } = options;
  const answers: Readonly<Record<string, () => Promise<{ status: number; type: string; body: string }>>> = {
    '/metrics': async () => ({ status: 200, type: metrics.contentType, body: await metrics.text() }),
    '/healthz': () => Promise.resolve({ status: 200, type: 'text/plain', body: 'ok\n' }),
    '/readyz': () => Promise.resolve(ready() ? { status: 200, type: 'text/plain', body: 'ready\n' } : { status: 503, type: 'text/plain', body: 'not ready\n' }),
  };
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '/';
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined;
    (answer ?? notFound)().then(
      ({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body),
      (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new BanyanError('BANYAN_LISTEN', { message: `Cannot listen on ${listen.host}:${listen.port}: ${cause.message}`, cause })),
    );
    server.listen(listen.port, listen.host, resolve);
  });
  const address = server.address();
  invariant(typeof address === 'object' && address !== null, 'A listening server has no address.');
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
