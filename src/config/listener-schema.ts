import { Type } from 'typebox';
import { listOf, section, text, whole } from './schema-parts.ts';

/** How clients connect to the router, and the router to the sides. */
export const listenerSchema = {
  tls: Type.Optional(
    section(
      {
        cert: text('file', 'The certificate and its chain, in PEM; relative to this file. Read again when it changes.'),
        key: text('file', 'Its key, in PEM; relative to this file.'),
        clientCa: Type.Optional(text('file', 'Clients must show a certificate signed by one of these authorities. Default: none is asked for.')),
      },
      { description: 'Serve HTTPS: HTTP/2 and HTTP/1.1. Default: HTTP/1.1 in the clear.' },
    ),
  ),
  upstreamTls: Type.Optional(
    section(
      {
        ca: Type.Optional(text('file', "The authorities of the sides' certificates, in PEM; relative to this file. Default: those that Node.js knows.")),
        cert: Type.Optional(text('file', 'A certificate that the router shows to the sides.')),
        key: Type.Optional(text('file', 'Its key.')),
        serverName: Type.Optional(text('text', "The name that the certificates must have. Default: the URL's host.")),
        verify: Type.Boolean({ default: true, description: 'False takes any certificate: whoever sits between may read and change everything.' }),
      },
      { description: 'For sides with https URLs.' },
    ),
  ),
  proxyProtocol: Type.Optional(
    section(
      { trusted: listOf(text('network', 'A network, or one address.'), 'Who may connect, and must begin with the header.', { minItems: 1 }) },
      { description: 'A load balancer in front tells the clients’ addresses by the PROXY protocol, version 1 or 2. Default: connections are taken as they are.' },
    ),
  ),
  clients: section(
    {
      headersMs: whole('Milliseconds until a client has sent its headers (408), made its TLS handshake, or a balancer its PROXY header.', { minimum: 1, default: 10_000 }),
      requestMs: whole('Milliseconds until it has sent the whole request. 0: no limit.', { minimum: 0, default: 300_000 }),
      bodyMs: whole('Milliseconds that a client may stand still in the middle of sending a body (408) or of taking an answer.', { minimum: 1, default: 30_000 }),
      idleMs: whole('Milliseconds that an unused connection of a client is kept: longer than a load balancer in front keeps it.', { minimum: 1, default: 65_000 }),
      maxHeaderBytes: whole('Largest head of a request (431).', { minimum: 1024, maximum: 1_048_576, default: 16_384 }),
      connections: whole('Most connections of clients; further ones are closed.', { minimum: 1, default: 10_000 }),
    },
    { default: {}, description: 'What is asked of clients.' },
  ),
  bulkhead: Type.Optional(
    section(
      {
        monolith: Type.Optional(Type.Integer({ minimum: 1, description: 'At the monolith. Default: no bound.' })),
        service: Type.Optional(Type.Integer({ minimum: 1, description: 'At each service. Default: no bound.' })),
      },
      { description: 'Most requests under way at once. Beyond it reads of a service go to the monolith; all else is answered 503 with Retry-After at once.' },
    ),
  ),
};
