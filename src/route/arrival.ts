import type { Side } from '../model/side.ts';
import type { RequestFacts } from './decision/facts.ts';
import { HttpFacts } from './decision/http-facts.ts';
import type { FenceBatch } from './fence-batches.ts';
import { suspect, type Suspicion } from './framing.ts';
import { originForm, requestIdOf, traceparentOf } from './headers.ts';
import type { ProxyRequest } from './request.ts';
import type { RequestSpan } from './request-span.ts';
import type { ServiceRoute } from './service-route.ts';
import { keyOf, overrideByPath, overrideOf, routeFor, type Traffic } from './traffic.ts';

/** What a request says of itself: whose it is, and which route's. */
export interface Arrival {
  /** Path and query, without a tester's choice of the side. */
  readonly target: string;
  readonly requestId: string;
  /** The user's; undefined: he has none yet. */
  readonly key: string | undefined;
  readonly facts: RequestFacts;
  /** Undefined: no route's, so the monolith's. */
  readonly route: ServiceRoute | undefined;
  /** The side a tester asks for, where that is allowed. */
  readonly override: Side | undefined;
  /** Null: nobody asked for spans. Whoever takes the request up ends it. */
  readonly span: RequestSpan | null;
}

/** Reads a request's head; or says why it is refused. */
export function arrive(traffic: Traffic, request: ProxyRequest): Arrival | Suspicion {
  const suspicion = suspect(request);
  if (suspicion) return suspicion;
  const asked = originForm(request.url);
  if (asked === undefined) return { status: 400, reason: 'the request target must be a path or an http URL' };
  const byPath = overrideByPath(traffic, asked);
  const target = byPath?.target ?? asked;
  const facts = new HttpFacts(traffic.facts, request, target);
  const requestId = requestIdOf(request, traffic.ids);
  const route = routeFor(traffic, facts);
  return {
    target,
    requestId,
    key: keyOf(traffic, request),
    facts,
    route,
    override: byPath?.side ?? overrideOf(traffic, request),
    span: traffic.tracing ? traffic.tracing.begin({
      method: request.method ?? 'GET', path: target.split('?', 1)[0] ?? target, route: route?.service, requestId, traceparent: traceparentOf(request),
    }) : null,
  };
}

/** What a user's request to a side has to wait for: what he wrote on the other. Undefined, the common case: nothing. */
export function awaited(traffic: Traffic, request: { readonly side: Side; readonly route: ServiceRoute | undefined; readonly key: string | undefined }): FenceBatch[] | undefined {
  const { side, route, key } = request;
  if (!traffic.barrier || key === undefined) return undefined;
  const service = side === 'service' ? route?.service : undefined;
  return traffic.barrier.before({ side, key, ...(service === undefined ? {} : { service }) });
}
