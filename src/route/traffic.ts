import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Side } from '../model/side.ts';
import type { CausalBarrier } from './barrier.ts';
import { bucketOf } from './decide.ts';
import type { RequestFacts, Subject } from './decision/facts.ts';
import type { FactSources } from './decision/http-facts.ts';
import { clientAddress } from './headers.ts';
import type { Ids } from './ids.ts';
import { readKey, type KeySource } from './key.ts';
import { findMatch } from './match.ts';
import type { ProxyRequest } from './request.ts';
import type { Tracing } from './request-span.ts';
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
  /** How a request's tenant and region are found. */
  readonly facts: FactSources;
  /** Lower case; null: nobody can choose. */
  readonly overrideHeader: string | null;
  /** A path below which testers choose, without a slash at its end; null: nowhere. */
  readonly overridePath: string | null;
  readonly accessLog: boolean;
  /** Null: requests have no spans. */
  readonly tracing: Tracing | null;
  /** A client that neither sends nor takes a byte for so long, when it is its turn, is given up. */
  readonly clientStallMs: number;
  /** `Secure` on the anonymous cookie. */
  readonly secureCookie: boolean;
}

export function routeFor(traffic: Traffic, facts: RequestFacts): ServiceRoute | undefined {
  return findMatch(traffic.routes, facts);
}

/** Who sends a request, for the decision. */
export function subjectOf(key: string, facts: RequestFacts): Subject {
  return { key, bucket: bucketOf(key), facts };
}

export function keyOf(traffic: Traffic, request: ProxyRequest): string | undefined {
  return readKey(traffic.key, request, clientAddress(request, traffic.trustProxy));
}

/** The side that a tester asks for by the path `OVERRIDE/SIDE/…`, and the target that he means. */
export function overrideByPath(traffic: Traffic, target: string): { readonly side: Side; readonly target: string } | undefined {
  const { overridePath } = traffic;
  if (overridePath === null || !target.startsWith(overridePath)) return undefined;
  const [, side, rest = ''] = /^\/(monolith|service)(\/.*)?$/s.exec(target.slice(overridePath.length)) ?? [];
  return side === 'monolith' || side === 'service' ? { side, target: rest === '' ? '/' : rest } : undefined;
}

/** The side a tester asks for, where that is allowed. */
export function overrideOf(traffic: Traffic, request: ProxyRequest): Side | undefined {
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

/**
 * Whether two requests of one user may go to different sides without his having been moved: rules read
 * requests, and testers choose.
 */
const sidesVary = (traffic: Traffic, route: ServiceRoute): boolean => route.target.readsRequests || traffic.overrideHeader !== null || traffic.overridePath !== null;

/**
 * A request goes to another side than the user's last answer came from, and no move has placed a fence
 * in between: what he has read there, whoever wrote it, must have arrived here first.
 */
export function changeOfSide(traffic: Traffic, request: { readonly route: ServiceRoute; readonly key: string; readonly side: Side }): void {
  const { barrier } = traffic;
  const { route, key, side } = request;
  if (!barrier || !sidesVary(traffic, route)) return;
  const last = route.lastSides.get(key);
  if (last !== undefined && last !== side) barrier.wrote({ service: route.service, side: last, key });
}

/** The user has seen what a side had at this moment. */
export function answeredBy(traffic: Traffic, answer: { readonly route: ServiceRoute; readonly key: string; readonly side: Side }): void {
  const { route, key, side } = answer;
  if (traffic.barrier && sidesVary(traffic, route)) route.lastSides.set(key, side);
}
