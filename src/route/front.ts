import type http from 'node:http';
import type { Server, Socket } from 'node:net';
import { Server as TlsServer, TLSSocket } from 'node:tls';
import type { Logger } from '../core/logger.ts';
import { networkTable } from '../core/network.ts';
import { readProxyHeader } from './proxy-protocol.ts';

/*
 * What happens to a connection before the HTTP server has it. The server's own listeners are taken away, and called
 * when we are done.
 */

type ConnectionListener = (socket: Socket) => void;

function takeOver(server: Server, event: 'connection' | 'secureConnection', instead: (socket: Socket, go: ConnectionListener) => void): void {
  const before = server.listeners(event);
  server.removeAllListeners(event);
  server.on(event, (socket: Socket) => {
    instead(socket, (ready) => {
      for (const listener of before) Reflect.apply(listener, server, [ready]);
    });
  });
}

/** Hands connections on which both ends agreed on HTTP/2 to its server. */
export function splitByProtocol(server: http.Server, http2: Server): void {
  takeOver(server, 'secureConnection', (socket, go) => {
    if (socket instanceof TLSSocket && socket.alpnProtocol === 'h2') http2.emit('connection', socket);
    else go(socket);
  });
}

/**
 * Reads the PROXY protocol's header from trusted senders, of whom each connection must begin with one; others are
 * closed, or they could say who they are. `remoteAddress` of the connection becomes the client's.
 */
export function readProxied(server: http.Server, options: { readonly trusted: readonly string[]; readonly headerMs: number; readonly logger: Logger }): void {
  const inside = networkTable({ trusted: options.trusted });
  /** Clients by the connection that carries them: TLS puts a socket of its own upon it. */
  const clients = new Map<string, string>();
  const refuse = (socket: Socket, reason: string): void => {
    options.logger.warn('a connection was refused', { peer: socket.remoteAddress, reason });
    socket.destroy();
  };
  takeOver(server, 'connection', (socket, go) => {
    const peer = plain(socket.remoteAddress);
    if (inside(peer) === undefined) {
      refuse(socket, 'it is not from a network in route.proxyProtocol.trusted');
      return;
    }
    let bytes = Buffer.alloc(0);
    const failed = (): void => {
      socket.destroy();
    };
    const late = (): void => {
      refuse(socket, 'no PROXY header came in time');
    };
    const read = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const header = readProxyHeader(bytes);
      if (header === 'more') return;
      socket.off('data', read).off('error', failed).off('timeout', late);
      socket.setTimeout(0);
      if (header === 'none') {
        refuse(socket, 'it did not begin with a PROXY header');
        return;
      }
      socket.pause();
      const name = nameOf(socket);
      if (header.address !== null) {
        clients.set(name, header.address);
        socket.once('close', () => clients.delete(name));
        setAddress(socket, header.address);
      }
      if (bytes.length > header.length) socket.unshift(bytes.subarray(header.length));
      go(socket);
      // TLS reads beneath the stream: flowing, that would take its bytes away.
      if (!(server instanceof TlsServer)) socket.resume();
    };
    socket.on('data', read).on('error', failed).on('timeout', late);
    socket.setTimeout(options.headerMs);
  });
  server.prependListener('secureConnection', (socket: Socket) => {
    const client = clients.get(nameOf(socket));
    if (client !== undefined) setAddress(socket, client);
  });
}

const nameOf = (socket: Socket): string => `${socket.remoteAddress ?? ''}|${socket.remotePort ?? 0}`;

const setAddress = (socket: Socket, address: string): void => {
  Object.defineProperty(socket, 'remoteAddress', { value: address, configurable: true });
};

const plain = (address = ''): string => (address.startsWith('::ffff:') ? address.slice(7) : address);
