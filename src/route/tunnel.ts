import { ServerResponse, type ClientRequest, type IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Side } from '../model/side.ts';
import { adaptPath } from './adapt.ts';
import { arrive, awaited } from './arrival.ts';
import { bucketOf } from './decide.ts';
import { peerAddress, requestHeaders, responseHeaders } from './headers.ts';
import { logAccess } from './report.ts';
import { changeOfSide, subjectOf, type Traffic } from './traffic.ts';

/** Whether the request wants to become a WebSocket; other upgrades are served as plain HTTP/1.1. */
export function isWebSocket(request: IncomingMessage): boolean {
  return request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * Passes a WebSocket through. Its handshake is routed, held and ordered like any request; once open
 * it stays with its side until either end closes it, and no move waits for it.
 *
 * Only after the upstream has answered 101 are bytes passed unread; any other answer is passed on as
 * one response, and the connection closed, so nobody can smuggle further requests past the router.
 */
export async function tunnel(traffic: Traffic, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  // Behind a handshake come frames: a body would be taken for them, or they for one.
  const framed = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  const arrival = framed ? null : arrive(traffic, request);
  if (!arrival || 'reason' in arrival) {
    answer(socket, 400, 'Bad Request');
    return;
  }
  const { target, requestId, key, facts, route, override, span } = arrival;
  let side: Side = 'monolith';
  let status = 499;
  // A WebSocket without a key is served by the monolith: a handshake should set no cookie.
  const ticket = route && key !== undefined ? await route.flow.admit(subjectOf(key, facts), false) : null;
  try {
    if (route && ticket) {
      side = override ?? ticket.home;
      if (side === 'service' && !route.isHealthy('service')) side = 'monolith';
    }
    if (route && key !== undefined) changeOfSide(traffic, { route, key, side });
    const batches = awaited(traffic, { side, route, key });
    if (batches) await traffic.barrier?.wait(batches, side);
    if (socket.destroyed) return;
    const headers = requestHeaders(request, {
      peerAddress: peerAddress(request),
      trustProxy: traffic.trustProxy,
      requestId,
      ids: traffic.ids,
      span,
    });
    headers.push('connection', 'Upgrade', 'upgrade', 'websocket');
    const upstream = route?.upstream(side, key) ?? traffic.monolith;
    const path = side === 'service' && route ? adaptPath(route.adapters, target) : target;
    status = await connectBoth(traffic, { socket, head, side, outgoing: upstream.openUpgrade({ method: 'GET', path, headers }) });
    logAccess(traffic, { method: 'GET', target, status, side, service: route?.service, requestId });
  } finally {
    ticket?.leave();
    span?.end({ status, side, version: route?.version, bucket: route && key !== undefined ? bucketOf(key) : undefined });
  }
}

/** Resolves when the handshake is answered, with the answer's status; 499: the client went away before. */
async function connectBoth(
  traffic: Traffic,
  ends: {
    readonly socket: Duplex;
    readonly head: Buffer;
    readonly side: Side;
    readonly outgoing: ClientRequest;
  },
): Promise<number> {
  const { socket, head, side, outgoing } = ends;
  const sideHeader = traffic.sideHeader ? `x-banyan-side: ${side}\r\n` : '';
  return new Promise<number>((answered) => {
    socket.once('close', () => {
      outgoing.destroy();
      answered(499);
    });
    outgoing.on('timeout', () => {
      outgoing.destroy(new Error('no answer to the handshake in time'));
    });
    outgoing.on('error', (error) => {
      traffic.logger.warn('a WebSocket handshake failed', { side, reason: error.message });
      answer(socket, 502, 'Bad Gateway');
      answered(502);
    });
    outgoing.on('upgrade', (response, upstreamSocket, upstreamHead) => {
      outgoing.setTimeout(0);
      upstreamSocket.setTimeout(0);
      socket.write(`${responseLine(response)}connection: Upgrade\r\nupgrade: websocket\r\n${sideHeader}\r\n`, 'latin1');
      if (upstreamHead.length > 0) socket.write(upstreamHead);
      if (head.length > 0) upstreamSocket.write(head);
      joinSockets(socket, upstreamSocket);
      answered(101);
    });
    outgoing.on('response', (response) => {
      socket.write(`${responseLine(response)}connection: close\r\n${sideHeader}\r\n`, 'latin1');
      response.pipe(socket);
      response.on('error', () => {
        socket.destroy();
      });
      answered(response.statusCode ?? 502);
    });
    outgoing.end();
  });
}

function responseLine(response: IncomingMessage): string {
  let text = `HTTP/1.1 ${response.statusCode ?? 502} ${response.statusMessage ?? ''}\r\n`;
  const headers = responseHeaders(response.rawHeaders, response.headers.connection);
  for (let i = 0; i + 1 < headers.length; i += 2) text += `${headers[i] ?? ''}: ${headers[i + 1] ?? ''}\r\n`;
  return text;
}

/** Passes bytes both ways with back-pressure; what ends one ends the other. */
function joinSockets(client: Duplex, upstream: Duplex): void {
  upstream.on('error', () => {
    client.destroy();
  });
  client.on('close', () => {
    upstream.destroy();
  });
  upstream.on('close', () => {
    client.destroy();
  });
  client.pipe(upstream);
  upstream.pipe(client);
}

function answer(socket: Duplex, status: number, text: string): void {
  if (!socket.writable) return;
  socket.write(`HTTP/1.1 ${status} ${text}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
  takeLeave(socket);
}

/**
 * Ends a connection that the server has given away. What its client still sends is thrown away: closed over
 * unread bytes, it would be reset, and the answer with it; and unread, it would never end.
 */
function takeLeave(socket: Duplex): void {
  if (socket instanceof Socket) {
    socket.setTimeout(5000, () => {
      socket.destroy();
    });
  }
  socket.resume();
  socket.end();
}

/** A response for a request whose connection the server gave away because it asked for an upgrade. */
export function plainResponse(request: IncomingMessage): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(request.socket);
  response.on('finish', () => {
    response.detachSocket(request.socket);
    takeLeave(request.socket);
    // The server does this for its own responses: whoever waits for the end of one has to hear of it.
    response.emit('close');
  });
  return response;
}
