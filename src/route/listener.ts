import http from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import { readProxied, splitByProtocol } from './front.ts';
import { createHttp2 } from './http2.ts';
import type { Incoming } from './request.ts';
import { serve } from './serve.ts';
import { isWebSocket, plainResponse, tunnel } from './tunnel.ts';
import type { Traffic } from './traffic.ts';

export interface ListenLimits {
  /** Largest request head in bytes; beyond it 431. Default 16,384. */
  readonly maxHeaderBytes?: number;
  /** A client must have sent its request's head within this many milliseconds. Default 10,000. */
  readonly headersMs?: number;
  /** And the whole request within this; 0: no limit. Default 300,000. */
  readonly requestMs?: number;
  /** A client must not let so many milliseconds pass without a byte, sending a body or taking an answer. Default 30,000. */
  readonly bodyMs?: number;
  /** An unused client connection is kept this long. Default 65,000: longer than common load balancers do. */
  readonly idleMs?: number;
  /** Most client connections; further ones are closed. Default 10,000. */
  readonly connections?: number;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `host:port`, `[::1]:8080`, or a port alone (on 127.0.0.1).
 * @throws BANYAN_ROUTE_INVALID
 */
export function parseAddress(text: string | ListenAddress): ListenAddress {
  if (typeof text !== 'string') return text;
  const match = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? -1);
  if (!match || port > 65_535) {
    throw new BanyanError('BANYAN_ROUTE_INVALID', { message: `"${text}" is no address to listen on; expected host:port.` });
  }
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port };
}

function incomingOf(traffic: Traffic, request: http.IncomingMessage, response: http.ServerResponse, wantsContinue: boolean): Incoming {
  const length = request.headers['content-length'];
  const hasBody = request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
  return { request, response, body: hasBody ? request : null, wantsContinue, startedAt: traffic.clock.monotonic() };
}

/** The listener for plain requests; with `wantsContinue`, for those that wait for a word before their body. */
export function requestListener(traffic: Traffic, wantsContinue = false): http.RequestListener {
  return (request, response) => {
    const incoming = incomingOf(traffic, request, response, wantsContinue);
    if (response.socket !== null) {
      serve(traffic, incoming);
      return;
    }
    // It was sent before the answer to the one before it, and begins when that was given: what is sent in one order
    // is done in it, and one connection has one request under way.
    response.once('socket', () => {
      serve(traffic, incoming);
    });
  };
}

/** Whether an earlier request of the connection is still to be answered. */
const isBusy = (socket: Duplex): boolean => '_httpMessage' in socket && socket._httpMessage !== null && socket._httpMessage !== undefined;

export interface ProxyServer {
  readonly server: http.Server;
  /** Connections that became tunnels: the server no longer knows them. */
  readonly tunnels: ReadonlySet<Duplex>;
  /** Connections of HTTP/2, which it does not know either. */
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  /** New connections get this certificate. */
  readonly renew: (tls: SecureContextOptions) => void;
}

/** The router's public server, not listening yet. */
export function createProxyServer(
  traffic: Traffic,
  options: { readonly limits: ListenLimits; readonly tls?: SecureContextOptions; readonly proxyProtocol?: readonly string[] },
): ProxyServer {
  const { limits, tls, proxyProtocol } = options;
  const { maxHeaderBytes = 16_384, headersMs = 10_000, requestMs = 300_000, idleMs = 65_000, connections = 10_000 } = limits;
  const tunnels = new Set<Duplex>();
  const sessions = new Set<ServerHttp2Session>();
  const httpOptions = {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: idleMs,
    // Late heads and requests are looked for this often.
    connectionsCheckingInterval: Math.min(1000, Math.max(50, headersMs / 2)),
  };
  let server: http.Server;
  let renew: ProxyServer['renew'] = () => {};
  if (tls) {
    const secure = https.createServer({
      ...httpOptions, ...tls, handshakeTimeout: headersMs, ALPNProtocols: ['h2', 'http/1.1'],
      ...(tls.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true }),
    });
    const http2 = createHttp2(traffic, { maxHeaderBytes, idleMs, streams: 128 });
    http2.on('session', (session) => {
      sessions.add(session);
      session.once('close', () => sessions.delete(session));
    });
    splitByProtocol(secure, http2);
    renew = (context) => {
      secure.setSecureContext(context);
    };
    server = secure;
  } else {
    server = http.createServer(httpOptions);
  }
  server.on('request', requestListener(traffic));
  // By itself it would leave out what is beyond its own limit, and say nothing.
  server.maxHeadersCount = 0;
  server.maxConnections = connections;
  serveSpecial(server, traffic, tunnels);
  if (proxyProtocol) readProxied(server, { trusted: proxyProtocol, headerMs: headersMs, logger: traffic.logger });
  return { server, tunnels, sessions, renew };
}

/** Requests that wait for a word before their body, or want to become something else. */
function serveSpecial(server: http.Server, traffic: Traffic, tunnels: Set<Duplex>): void {
  // The body is asked for only when the request goes on, so a held or refused one is not uploaded.
  server.on('checkContinue', requestListener(traffic, true));
  server.on('upgrade', (request, socket, head) => {
    if (isBusy(socket)) {
      // Two answers would be written into each other.
      socket.destroy();
      return;
    }
    tunnels.add(socket);
    socket.once('close', () => tunnels.delete(socket));
    // A socket without a listener would end the process when its peer resets it.
    socket.on('error', () => {
      socket.destroy();
    });
    if (isWebSocket(request)) {
      tunnel(traffic, request, socket, head).catch((error: unknown) => {
        traffic.logger.error('a WebSocket could not be passed on', { reason: messageOf(error) });
        socket.destroy();
      });
      return;
    }
    const response = plainResponse(request);
    const { headers } = request;
    if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') {
      // The body of such a request is no longer framed by the parser.
      response.writeHead(400, { 'content-length': 0 });
      response.end();
      return;
    }
    serve(traffic, incomingOf(traffic, request, response, false));
  });
}


/**
 * Listens, and gives the address in use.
 * @throws BANYAN_ROUTE_LISTEN
 */
export async function listenOn(server: http.Server, address: ListenAddress): Promise<ListenAddress> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new BanyanError('BANYAN_ROUTE_LISTEN', {
          message: `Could not listen on ${address.host}:${address.port}: ${error.message}`,
          cause: error,
        }),
      );
    });
    server.listen(address.port, address.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { host: address.host, port };
}

/**
 * Takes no new connections, closes tunnels, which have no end of their own, lets requests under way
 * end within `drainMs`, then closes the rest.
 */
export async function drain(
  { server, tunnels, sessions }: Omit<ProxyServer, 'renew'>,
  options: { readonly clock: Clock; readonly drainMs: number },
): Promise<void> {
  if (!server.listening) return;
  const { clock, drainMs } = options;
  const end = new Promise<true>((resolve) => {
    server.close(() => {
      resolve(true);
    });
  });
  // They take no new requests, and end when those under way are answered.
  for (const session of sessions) session.close();
  const deadline = clock.monotonic() + drainMs;
  let closed = false;
  while (!closed && clock.monotonic() < deadline) {
    // A kept connection becomes idle when its last request is answered.
    server.closeIdleConnections();
    // In every round: a handshake under way may have become a tunnel since.
    for (const socket of tunnels) socket.destroy();
    closed = await Promise.race([end, clock.sleep(20).then(() => false)]);
  }
  server.closeAllConnections();
  for (const connection of [...tunnels, ...sessions]) connection.destroy();
  await end;
}
