import { createRequire } from 'node:module';
import { join } from 'node:path';
import { BanyanError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { tracingBy, type TracingApi } from '../route/request-span.ts';

const API = '@opentelemetry/api';

/**
 * The user's `@opentelemetry/api`: that of the first folder from which it can be had. His own comes first because an
 * SDK takes nothing from an API that is newer than the one it came with.
 * @throws BANYAN_ROUTE_TRACING
 */
export function loadTracing({ folders, logger }: { readonly folders: readonly string[]; readonly logger: Logger }): TracingApi {
  const api = firstFound(folders);
  if (!isApi(api)) throw new BanyanError('BANYAN_ROUTE_TRACING', { message: `route.tracing: ${API} was found, but gives no tracers; expected version 1.` });
  if (!isTaken(api)) logger.warn('route.tracing is on, but no OpenTelemetry SDK is registered: no span goes anywhere', { remedy: 'NODE_OPTIONS=--import ./tracing.js' });
  return api;
}

function firstFound(folders: readonly string[]): unknown {
  let failure: unknown;
  for (const folder of folders) {
    try {
      return createRequire(join(folder, 'any.js'))(API);
    } catch (error) {
      failure = error;
    }
  }
  throw new BanyanError('BANYAN_ROUTE_TRACING', { message: `route.tracing: ${API} could not be loaded from ${folders.join(' or ')}: ${messageOf(failure)}`, cause: failure });
}

const isApi = (value: unknown): value is TracingApi =>
  typeof value === 'object' && value !== null && 'ROOT_CONTEXT' in value && 'trace' in value &&
  typeof value.trace === 'object' && value.trace !== null && 'getTracer' in value.trace && 'setSpanContext' in value.trace;

/** Whether an SDK stands behind it: without one a span has no identity. It is never ended, so it goes nowhere. */
function isTaken(api: TracingApi): boolean {
  const probe = tracingBy(api).begin({ method: 'GET', path: '/', route: undefined, requestId: '', traceparent: undefined });
  return probe.traceparent !== undefined;
}
