import http from 'node:http';
import { timingSafeEqual } from 'node:crypto';
import { BanyanError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { ListenAddress } from './listener.ts';

export interface AdminOptions {
  /** The metrics in Prometheus' text format. */
  readonly metricsText?: () => string | Promise<string>;
  readonly status: () => unknown;
  /** Why the router is not ready; empty: it is. */
  readonly notReady: () => string;
  /** Needed when the interface listens beyond this machine. */
  readonly token?: string;
  readonly logger: Logger;
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/;

/** @throws BANYAN_ADMIN_OPEN if the address is not loopback and there is no token. */
export function checkAdminAddress(address: ListenAddress, token: string | undefined): void {
  if (LOOPBACK.test(address.host) || token) return;
  throw new BanyanError('BANYAN_ADMIN_OPEN', {
    message: `The admin interface would listen on ${address.host}:${address.port} without a token.`,
  });
}

/** `/metrics`, `/healthz`, `/readyz` and `/status`; it changes nothing. */
export function createAdminServer(options: AdminOptions): http.Server {
  return http.createServer((request, response) => {
    respond(request, options).then(
      ({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
        response.end(request.method === 'HEAD' ? undefined : body);
      },
      (error: unknown) => {
        options.logger.error('an admin request failed', { path: request.url, reason: messageOf(error) });
        response.writeHead(500, { 'content-type': 'text/plain' });
        response.end('internal error\n');
      },
    );
  });
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function respond(request: http.IncomingMessage, options: AdminOptions): Promise<Reply> {
  const text = (status: number, body: string): Reply => ({ status, type: 'text/plain; charset=utf-8', body: `${body}\n` });
  const path = (request.url ?? '').split('?', 1)[0];
  if (path === '/healthz') return text(200, 'alive');
  if (path === '/readyz') {
    const why = options.notReady();
    return why === '' ? text(200, 'ready') : text(503, why);
  }
  if (options.token !== undefined && !isAuthorized(request.headers.authorization, options.token)) {
    return text(401, 'a bearer token is needed');
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET');
  if (path === '/metrics') {
    const body = (await options.metricsText?.()) ?? '';
    return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body };
  }
  if (path === '/status') {
    return { status: 200, type: 'application/json', body: `${JSON.stringify(options.status())}\n` };
  }
  return text(404, 'there are /metrics, /healthz, /readyz and /status');
}

function isAuthorized(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
