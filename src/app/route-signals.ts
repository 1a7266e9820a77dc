import type { LoadConfig } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Side } from '../model/side.ts';
import type { RouteSignalReader, RouteSignals } from '../ports/route-signals.ts';

const TIMEOUT_MS = 1500;
const SIDES = ['monolith', 'service'] as const satisfies readonly Side[];
const MOST_BYTES = 4_000_000;

/** Where a side tells its load. */
export interface LoadSource {
  readonly read: () => Promise<{ readonly cpu?: number; readonly memory?: number }>;
}

/** What can be read of one service; absent: nobody asks. */
export interface SignalSources {
  readonly syncLagMs?: () => Promise<number | undefined>;
  readonly validatorDrift?: () => Promise<number | undefined>;
  readonly load?: Partial<Readonly<Record<Side, LoadSource>>>;
}

/** Reads each source by itself: one that fails leaves out its own value only. */
export function signalReader(options: { readonly sources: (service: string) => SignalSources; readonly logger: Logger }): RouteSignalReader {
  const { sources, logger } = options;
  return {
    read: async (service) => {
      const { syncLagMs, validatorDrift, load = {} } = sources(service);
      const tried = async <T>(what: string, read: (() => Promise<T>) | undefined): Promise<T | undefined> => {
        try {
          return await read?.();
        } catch (error) {
          logger.debug('what a trigger looks at could not be read', { service, what, reason: messageOf(error) });
          return undefined;
        }
      };
      const [lag, drift, monolith, own] = await Promise.all([
        tried('sync lag', syncLagMs), tried('validator drift', validatorDrift),
        tried("the monolith's load", load.monolith?.read), tried("the service's load", load.service?.read),
      ]);
      const loads = { monolith, service: own };
      const bySide = (what: 'cpu' | 'memory'): Partial<Record<Side, number>> =>
        Object.fromEntries(SIDES.flatMap((side) => (loads[side]?.[what] === undefined ? [] : [[side, loads[side][what]]])));
      const [cpu, memory] = [bySide('cpu'), bySide('memory')];
      const signals: RouteSignals = {
        ...(lag === undefined ? {} : { syncLagMs: lag }),
        ...(drift === undefined ? {} : { validatorDrift: drift }),
        ...(Object.keys(cpu).length === 0 ? {} : { cpu }),
        ...(Object.keys(memory).length === 0 ? {} : { memory }),
      };
      return signals;
    },
  };
}

/**
 * Reads processor and memory from a URL that answers with Prometheus' text format or with JSON. Of a counter (a name
 * that ends in `_total`) the growth a second counts: of `process_cpu_seconds_total`, the processors in use.
 */
export function loadSource(config: LoadConfig, options: { readonly clock: Clock; readonly fetch?: typeof fetch }): LoadSource {
  const { clock } = options;
  const past = new Map<string, { readonly value: number; readonly at: number }>();
  const valueOf = (name: string, values: (name: string) => number | undefined): number | undefined => {
    const value = values(name);
    if (value === undefined || !name.replace(/\{.*$/, '').endsWith('_total')) return value;
    const before = past.get(name);
    const at = clock.monotonic();
    past.set(name, { value, at });
    // One that fell began anew, or is another instance's.
    return before === undefined || value < before.value || at <= before.at ? undefined : ((value - before.value) * 1000) / (at - before.at);
  };
  return {
    read: async () => {
      const response = await (options.fetch ?? fetch)(config.url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const text = await response.text();
      if (text.length > MOST_BYTES) throw new Error('the answer is too long');
      const values = text.trimStart().startsWith('{') ? jsonValues(text) : prometheusValues(text);
      const [cpu, memory] = [valueOf(config.cpu, values), valueOf(config.memory, values)];
      return { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) };
    },
  };
}

/** By path: `system.cpu.load`. */
function jsonValues(text: string): (name: string) => number | undefined {
  const document: unknown = JSON.parse(text);
  return (name) => {
    let value: unknown = document;
    for (const key of name.split('.')) value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
  };
}

/** By metric, `name` or `name{label="value"}` as the source writes it; without labels, the sum of all. */
function prometheusValues(text: string): (name: string) => number | undefined {
  return (name) => {
    let sum: number | undefined;
    for (const line of text.split('\n')) {
      const match = /^([a-zA-Z_:][\w:]*)(\{[^}]*\})?\s+(\S+)/.exec(line);
      if (!match || (name !== match[1] && name !== `${match[1]}${match[2] ?? ''}`)) continue;
      const value = Number(match[3]);
      if (Number.isFinite(value)) sum = (sum ?? 0) + value;
    }
    return sum;
  };
}
