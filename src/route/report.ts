import type { Side } from '../model/side.ts';
import type { Traffic } from './traffic.ts';

/** What the access log says of a request. */
export interface Served {
  readonly method: string;
  readonly target: string;
  /** 499: the client went away before the answer's end. */
  readonly status: number;
  readonly side: Side;
  readonly service: string | undefined;
  readonly requestId: string;
}

/** Tells the metrics, and the access log if there is one, of a request that is over. */
export function reportRequest(traffic: Traffic, served: Served & { readonly startedAt: number }): void {
  const seconds = (traffic.clock.monotonic() - served.startedAt) / 1000;
  const { side, status, service: route = 'other' } = served;
  traffic.metrics.observe('http_request_duration_seconds', seconds, { route, side, status: String(status) });
  logAccess(traffic, served, { seconds });
}

/** Tells the access log alone. */
export function logAccess(traffic: Traffic, served: Served, more: { readonly seconds?: number } = {}): void {
  if (!traffic.accessLog) return;
  const { method, target, status, side, service: route = 'other', requestId } = served;
  traffic.logger.info('request', { method, path: target.split('?', 1)[0], status, side, route, requestId, ...more });
}
