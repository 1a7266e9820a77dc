import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { IncomingMessage } from 'node:http';
import type { Side } from '../model/side.ts';
import type { CausalBarrier } from './barrier.ts';
import { bucketOf } from './decide.ts';
import { clientAddress } from './headers.ts';
import type { Ids } from './ids.ts';
import { readKey, type KeySource } from './key.ts';
import { findMatch } from './match.ts';
import type { ServiceRoute } from './service-route.ts';
import type { Upstream } from './upstream.ts';

/** What every request needs to know to find its way. */
export interface Traffic {
  readonly routes: readonly ServiceRoute[];
  /** Where everything goes that no route matches. */
  readonly monolith: Upstream;
  readonly barrier: CausalBarrier | null;
  readonly key: readonly KeySource[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly ids: Ids;
  readonly trustProxy: boolean;
  readonly sideHeader: boolean;
  /** Lower case; null: nobody can choose. */
  readonly overrideHeader: string | null;
  readonly accessLog: boolean;
  /** `Secure` on the anonymous cookie. */
  readonly secureCookie: boolean;
}

export function routeFor(traffic: Traffic, method: string, target: string): ServiceRoute | undefined {
  const mark = target.indexOf('?');
  return findMatch(traffic.routes, method, mark < 0 ? target : target.slice(0, mark));
}

export function keyOf(traffic: Traffic, request: IncomingMessage): string | undefined {
  return readKey(traffic.key, request, clientAddress(request, traffic.trustProxy));
}

/** The side a tester asks for, where that is allowed. */
export function overrideOf(traffic: Traffic, request: IncomingMessage): Side | undefined {
  if (traffic.overrideHeader === null) return undefined;
  const wanted = request.headers[traffic.overrideHeader];
  return wanted === 'monolith' || wanted === 'service' ? wanted : undefined;
}

/**
 * Remembers that `side` answered an unsafe request of these keys. What the monolith wrote concerns
 * every service that serves the user now, or may in a moment; other users never meet its copy.
 */
export function rememberWrite(
  traffic: Traffic,
  write: { readonly side: Side; readonly route: ServiceRoute | undefined; readonly keys: readonly string[]; readonly everywhere: boolean },
): void {
  const { barrier, routes } = traffic;
  if (!barrier) return;
  for (const key of write.keys) {
    if (write.side === 'service') {
      if (write.route) barrier.wrote({ service: write.route.service, side: 'service', key });
      continue;
    }
    const bucket = bucketOf(key);
    for (const { service, flow } of routes) {
      if (write.everywhere || flow.concernsService(bucket)) barrier.wrote({ service, side: 'monolith', key });
    }
  }
}
