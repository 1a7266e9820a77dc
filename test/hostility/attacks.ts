/** Requests by which one end of a connection could be made to see other requests than the other end. */
export interface Attack {
  readonly name: string;
  readonly bytes: string;
}

/** What must not arrive anywhere: the request that hides in an attack. */
export const HIDDEN = 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n';

const post = (headers: string, body: string): string => `POST /attack HTTP/1.1\r\nhost: x\r\n${headers}\r\n\r\n${body}`;
const te = (value: string): Attack => ({
  name: `Transfer-Encoding: ${JSON.stringify(value)} beside a length`,
  bytes: post(`content-length: 4\r\ntransfer-encoding:${value}`, `0\r\n\r\n${HIDDEN}`),
});
const encoding = (name: string, lines: string): Attack => ({ name, bytes: post(lines, `0\r\n\r\n${HIDDEN}`) });
const length = (name: string, lines: string): Attack => ({ name, bytes: post(lines, `abc${HIDDEN}`) });
const chunks = (name: string, body: string): Attack => ({ name: `chunks: ${name}`, bytes: post('transfer-encoding: chunked', `${body}${HIDDEN}`) });
const head = (name: string, bytes: string): Attack => ({ name, bytes: `${bytes}${HIDDEN}` });

/** Each must be refused as a whole: nothing but 4xx or a closed connection, and the hidden request nowhere. */
export const ATTACKS: readonly Attack[] = [
  // CL.TE, TE.CL, TE.TE
  { name: 'CL.TE', bytes: post(`content-length: ${HIDDEN.length + 5}\r\ntransfer-encoding: chunked`, `0\r\n\r\n${HIDDEN}`) },
  { name: 'TE.CL', bytes: post('transfer-encoding: chunked\r\ncontent-length: 4', `${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`) },
  ...[' chunked', ' Chunked', ' xchunked', ' chunked, identity', ' identity, chunked', '\tchunked', ' chunked ', ' "chunked"', '\x0bchunked', ' chunked;q=1', ''].map(te),
  encoding('TE.TE: two codings', 'transfer-encoding: chunked\r\ntransfer-encoding: cow'),
  encoding('TE.TE: identity first', 'transfer-encoding: identity\r\ntransfer-encoding: chunked'),
  encoding('TE.TE: chunked twice', 'transfer-encoding: chunked, chunked'),
  encoding('a coding that nobody takes off', 'transfer-encoding: gzip, chunked'),
  encoding('a space before the colon', 'transfer-encoding : chunked'),
  encoding('a folded encoding', 'transfer-encoding:\r\n chunked'),
  encoding('an encoding behind a folded line', 'x-a: b\r\n transfer-encoding: chunked'),
  encoding('an encoding behind a bare CR', 'x-a: b\rtransfer-encoding: chunked'),
  encoding('an encoding behind a bare LF', 'x-a: b\ntransfer-encoding: chunked'),
  encoding('an encoding with a NUL', 'transfer-encoding: chunked\0'),
  { name: 'an encoding in HTTP/1.0', bytes: `POST /attack HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}` },
  // lengths
  length('two lengths', 'content-length: 3\r\ncontent-length: 40'),
  length('the same length twice', 'content-length: 3\r\ncontent-length: 3'),
  ...['3, 3', '+3', '-1', '0x3', '3 3', '3;', '3.0', '3e0', '99999999999999999999', ''].map((value) => length(`a length of ${JSON.stringify(value)}`, `content-length: ${value}`)),
  length('a length with a space before its colon', 'content-length : 3'),
  length('a length that Connection takes away', 'connection: content-length\r\ncontent-length: 3'),
  length('a host that Connection takes away', 'connection: close, host\r\ncontent-length: 3'),
  // chunks
  chunks('a size that is none', 'zz\r\nabc\r\n0\r\n\r\n'),
  chunks('a size too large for a number', `${'f'.repeat(17)}\r\nabc\r\n0\r\n\r\n`),
  chunks('a size that wraps', '10000000000000003\r\nabc\r\n0\r\n\r\n'),
  chunks('a negative size', '-3\r\nabc\r\n0\r\n\r\n'),
  chunks('a size with 0x', '0x3\r\nabc\r\n0\r\n\r\n'),
  chunks('a size with a space', '3 \r\nabc\r\n0\r\n\r\n'),
  chunks('a bare LF after a size', '3\nabc\r\n0\r\n\r\n'),
  chunks('a bare LF in an extension', '3;a\nb\r\nabc\r\n0\r\n\r\n'),
  chunks('a bare CR in an extension', '3;a\rb\r\nabc\r\n0\r\n\r\n'),
  chunks('no end after the data', '3\r\nabcXX0\r\n\r\n'),
  chunks('more data than said', '3\r\nabcdef\r\n0\r\n\r\n'),
  chunks('a bare LF at the end', '3\r\nabc\r\n0\n\n'),
  chunks('a length as a trailer', '0\r\ncontent-length: 40\r\n\r\n'),
  chunks('an extension without an end', `3;${'a'.repeat(40_000)}\r\nabc\r\n0\r\n\r\n`),
  chunks('trailers without an end', `0\r\n${'x-a: b\r\n'.repeat(5000)}\r\n`),
  // heads
  head('bare LFs', 'GET /attack HTTP/1.1\nhost: x\n\n'),
  head('a bare LF in the middle', 'GET /attack HTTP/1.1\r\nhost: x\nx-a: b\r\n\r\n'),
  head('a bare LF at the end', 'GET /attack HTTP/1.1\r\nhost: x\r\n\n'),
  head('a folded line', 'GET /attack HTTP/1.1\r\nhost: x\r\nx-a: b\r\n c\r\n\r\n'),
  head('a line that begins with a space', 'GET /attack HTTP/1.1\r\n host: x\r\n\r\n'),
  head('a line without a colon', 'GET /attack HTTP/1.1\r\nhost: x\r\nnothing\r\n\r\n'),
  head('a name that is none', 'GET /attack HTTP/1.1\r\nhost: x\r\nx\0a: b\r\n\r\n'),
  head('a NUL in a value', 'GET /attack HTTP/1.1\r\nhost: x\r\nx-a: b\0c\r\n\r\n'),
  head('two hosts', 'GET /attack HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n'),
  head('a host that is a path', 'GET /attack HTTP/1.1\r\nhost: x/y?z@w\r\n\r\n'),
  head('no host', 'GET /attack HTTP/1.1\r\n\r\n'),
  head('a protocol of its own', 'GET /attack HTTP/1.2\r\nhost: x\r\n\r\n'),
  head('HTTP/2 without its preface', 'GET /attack HTTP/2.0\r\nhost: x\r\n\r\n'),
  head('HTTP/0.9', 'GET /attack\r\n\r\n'),
  head('another protocol', 'EHLO example.org\r\n\r\n'),
  head('a space in the target', 'GET /attack /b HTTP/1.1\r\nhost: x\r\n\r\n'),
  head('a target that is no path', 'GET attack HTTP/1.1\r\nhost: x\r\n\r\n'),
  head('a tunnel', 'CONNECT x:80 HTTP/1.1\r\nhost: x:80\r\n\r\n'),
  head('an upgrade with a body', 'POST /attack HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 3\r\n\r\nabc'),
  // too much of everything
  head('a target that is too long', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`),
  head('a header that is too long', `GET /attack HTTP/1.1\r\nhost: x\r\nx-a: ${'a'.repeat(20_000)}\r\n\r\n`),
  head('a name that is too long', `GET /attack HTTP/1.1\r\nhost: x\r\n${'a'.repeat(20_000)}: b\r\n\r\n`),
  head('too many headers', `GET /attack HTTP/1.1\r\nhost: x\r\n${'x-a: b\r\n'.repeat(3000)}\r\n`),
  head('a method that is too long', `${'A'.repeat(20_000)} / HTTP/1.1\r\nhost: x\r\n\r\n`),
];
