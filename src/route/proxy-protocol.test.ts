import { expect, it } from 'vitest';
import { readProxyHeader } from './proxy-protocol.ts';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const v2 = (command: number, family: number, addresses: Buffer): Buffer =>
  Buffer.concat([signature, Buffer.from([0x20 + command, family, addresses.length >> 8, addresses.length & 255]), addresses]);
const four = Buffer.from([203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80]);
const six = Buffer.concat([Buffer.from('20010db8000000000000000000000007', 'hex'), Buffer.alloc(16), Buffer.from([0, 1, 0, 2])]);

it.each([
  ['PROXY TCP4 203.0.113.7 10.0.0.1 4660 80\r\n', '203.0.113.7'],
  ['PROXY TCP6 2001:db8::7 ::1 1 2\r\n', '2001:db8::7'],
  ['PROXY UNKNOWN\r\n', null],
  ['PROXY UNKNOWN ffff::1 ::1 1 2\r\n', null],
  [v2(1, 0x11, four), '203.0.113.7'],
  [v2(1, 0x11, Buffer.concat([four, Buffer.alloc(40)])), '203.0.113.7'],
  [v2(1, 0x21, six), '2001:db8::7'],
  [v2(0, 0, Buffer.alloc(0)), null],
  [v2(1, 0x31, Buffer.alloc(216)), null],
])('reads %j, however it is cut', (header, address) => {
  const bytes = Buffer.from(header);
  for (let cut = 0; cut < bytes.length; cut++) expect(readProxyHeader(bytes.subarray(0, cut))).toBe('more');
  const found = { length: bytes.length, address };
  expect(readProxyHeader(bytes)).toEqual(found);
  expect(readProxyHeader(Buffer.concat([bytes, Buffer.from('GET / HTTP/1.1\r\n')]))).toEqual(found);
});

it.each([
  ['GET / HTTP/1.1\r\n'],
  ['PROXY TCP4 203.0.113.7 10.0.0.1 4660 80\n\r\n'],
  ['PROXY TCP4 2001:db8::7 ::1 1 2\r\n'],
  ['PROXY TCP4 203.0.113.7 10.0.0.1 4660 70000\r\n'],
  ['PROXY TCP4 203.0.113.7 10.0.0.1 4660 80 x\r\n'],
  ['PROXY TCP4 203.0.113.7\r\n'],
  ['PROXY UDP4 203.0.113.7 10.0.0.1 4660 80\r\n'],
  [`PROXY TCP4 ${'1'.repeat(200)}`],
  [v2(2, 0x11, four)],
  [Buffer.concat([signature, Buffer.from([0x31, 0x11, 0, 12]), four])],
  [v2(1, 0x11, four.subarray(0, 8))],
  [v2(1, 0x21, four)],
  [v2(1, 0x11, Buffer.alloc(5000))],
])('takes %j for none', (header) => {
  expect(readProxyHeader(Buffer.from(header))).toBe('none');
});
