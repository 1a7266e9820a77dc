import type { Random } from '../../src/core/random.ts';
import type { Conversation, Leaving } from './raw-connection.ts';

/** A hostile conversation, and whose it is. */
export interface FuzzCase extends Conversation {
  readonly token: string;
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'get', 'TRACE', 'PROPFIND', 'X'];
const FRAMINGS = [
  'transfer-encoding: chunked', 'Transfer-Encoding: chunked', 'transfer-encoding: identity', 'transfer-encoding: gzip, chunked', 'transfer-encoding : chunked',
  'transfer-encoding:\tchunked', 'transfer-encoding: xchunked', 'transfer-encoding:\r\n chunked', 'transfer_encoding: chunked', 'content-length: 0', 'content-length: 5',
  'content-length: 05', 'content-length: +5', 'content-length: 5, 5', 'content-length: 999', 'content_length: 5', 'connection: keep-alive', 'connection: close',
  'connection: content-length', 'connection: upgrade', 'upgrade: websocket', 'upgrade: h2c', 'expect: 100-continue', 'expect: nonsense', 'te: trailers', 'trailer: x-t',
  'x-forwarded-for: 10.0.0.1', 'cookie: uid=7', 'host: y', 'x-request-id: again', 'sec-websocket-key: abc',
];
const JUNK = ['\r', '\n', '\r\n', '\r\n\r\n', '\0', ' ', '\t', ':', '0\r\n\r\n', '\xff', '%00', '\r\n ', 'HTTP/1.1', 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n'];

/** One conversation of one to four requests with faults in their framing, cut into pieces anywhere. */
export function fuzzCase(random: Random): FuzzCase {
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const token = `tok-${Array.from({ length: 16 }, () => below(16).toString(16)).join('')}`;
  const chunk = (text: string): string => `${random() < 0.9 ? text.length.toString(16) : pick(['0', '5', 'ffffffffffffffff', '-1', 'zz', '5 ', '05', '5;a=b'])}${random() < 0.95 ? '\r\n' : '\n'}${text}\r\n`;
  const request = (): string => {
    const body = random() < 0.5 ? `${token}GET /smuggled/${token} HTTP/1.1\r\nhost: x\r\n\r\n`.slice(0, below(80)) : '';
    const chunked = random() < 0.4;
    const framing = chunked ? 'transfer-encoding: chunked' : body === '' && random() < 0.5 ? '' : `content-length: ${body.length}`;
    const odd = Array.from({ length: random() < 0.5 ? 0 : 1 + below(3) }, () => pick(FRAMINGS));
    const lines = [`${pick(METHODS)} /f/${token}/${below(1000)} HTTP/1.${random() < 0.95 ? 1 : 0}`, 'host: x', `x-user-id: ${token}`, ...(framing === '' ? [] : [framing]), ...odd];
    const sent = chunked ? `${body === '' ? '' : chunk(body)}0\r\n${random() < 0.1 ? `x-t: ${token}\r\n` : ''}\r\n` : body;
    return `${lines.join('\r\n')}\r\n\r\n${sent}`;
  };
  let text = Array.from({ length: 1 + below(4) }, request).join('');
  for (let n = random() < 0.5 ? 0 : 1 + below(3); n > 0; n--) {
    const at = below(text.length);
    const kind = below(3);
    text = kind === 0 ? text.slice(0, at) + pick(JUNK) + text.slice(at) : kind === 1 ? text.slice(0, at) + text.slice(at + 1 + below(4)) : text.slice(0, at) + String.fromCodePoint(below(256)) + text.slice(at + 1);
  }
  // It ends what is still open, if the other end has understood what we meant.
  text += `GET /f/${token}/last HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-user-id: ${token}\r\n\r\n`;
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const size = random() < 0.5 ? text.length : 1 + below(60);
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  const leaving: Leaving = random() < 0.8 ? 'waits' : random() < 0.5 ? 'half-closes' : 'resets';
  return { token, pieces, leaving };
}
