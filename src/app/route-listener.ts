import { readFile } from 'node:fs/promises';
import type { RouteConfig } from '../config/config.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import type { TrafficRouterOptions } from '../route/router.ts';

type ListenerOptions = Pick<TrafficRouterOptions, 'timeouts' | 'limits' | 'listenTls' | 'upstreamTls' | 'proxyProtocol' | 'bulkhead' | 'secureCookie'>;

/** How the router meets its clients and the sides, as configured. @throws BANYAN_ROUTE_TLS */
export async function listenerOptions(route: RouteConfig): Promise<ListenerOptions> {
  const { timeouts, clients, tls, upstreamTls, proxyProtocol, bulkhead } = route;
  const { drainMs: _, ...sides } = timeouts;
  return {
    timeouts: sides,
    limits: clients,
    ...(tls ? { listenTls: { cert: tls.cert, key: tls.key, ...(tls.clientCa === undefined ? {} : { clientCa: tls.clientCa }) }, secureCookie: true } : {}),
    ...(upstreamTls
      ? {
          upstreamTls: {
            ca: await pem(upstreamTls.ca), cert: await pem(upstreamTls.cert), key: await pem(upstreamTls.key),
            servername: upstreamTls.serverName, rejectUnauthorized: upstreamTls.verify,
          },
        }
      : {}),
    ...(proxyProtocol ? { proxyProtocol: proxyProtocol.trusted } : {}),
    ...(bulkhead
      ? { bulkhead: { ...(bulkhead.monolith === undefined ? {} : { monolith: bulkhead.monolith }), ...(bulkhead.service === undefined ? {} : { service: bulkhead.service }) } }
      : {}),
  };
}

async function pem(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new BanyanError('BANYAN_ROUTE_TLS', { message: `route.upstreamTls: ${file} could not be read: ${messageOf(error)}`, cause: error });
  }
}
