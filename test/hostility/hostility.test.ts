import net from 'node:net';
import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../support/route-fixture.ts';
import { ATTACKS } from './attacks.ts';
import { campaign, type Target } from './campaign.ts';
import { carelessProxy } from './careless-proxy.ts';
import { unexplained } from './observed.ts';
import { converse, statuses } from './raw-connection.ts';
import { routerUnderAttack } from './target.ts';

let target: (Target & { close(): Promise<void> }) | undefined;
afterEach(async () => {
  await target?.close();
  target = undefined;
});

const lines = (): string[] => target!.upstream.seen.map(({ line }) => line);

it('refuses every request whose end, owner or meaning is in doubt, and what hides behind it', async () => {
  target = await routerUnderAttack();
  const { port } = target;
  const wrong = await Promise.all(
    ATTACKS.map(async ({ name, bytes }) => {
      const { received, hung } = await converse(port, { pieces: [bytes], leaving: 'waits' });
      const refused = statuses(received).every((status) => status >= 400 && status < 500);
      return hung || !refused ? `${name}: ${hung ? 'hung' : received.slice(0, 100)}` : '';
    }),
  );
  expect(wrong.filter((text) => text !== '')).toEqual([]);
  expect(lines().filter((line) => line.includes('smuggled'))).toEqual([]);
  expect(target.upstream.faults).toEqual([]);
  expect((await request(`http://127.0.0.1:${port}/x`)).statusCode).toBe(200);
});

it('cut into single bytes they are refused too', async () => {
  target = await routerUnderAttack({ limits: { headersMs: 5000, requestMs: 5000, idleMs: 300 } });
  const { port } = target;
  const short = ATTACKS.filter(({ bytes }) => bytes.length < 400);
  const outcomes = await Promise.all(short.map(async ({ bytes }) => converse(port, { pieces: bytes.split(''), leaving: 'waits' })));
  expect(outcomes.filter(({ hung, received }) => hung || statuses(received).some((status) => status < 400))).toEqual([]);
  expect(lines().filter((line) => line.includes('smuggled'))).toEqual([]);
});

it('takes one request of a connection after the other, and forgets those of a client who has gone', async () => {
  target = await routerUnderAttack();
  const sent = Array.from({ length: 50 }, (_, n) => `${n % 2 === 0 ? 'POST' : 'GET'} /f/${n} HTTP/1.1\r\nhost: x\r\nx-user-id: u\r\ncontent-length: 0\r\n${n === 49 ? 'connection: close\r\n' : ''}\r\n`);
  const { received } = await converse(target.port, { pieces: [sent.join('')], leaving: 'waits' });
  expect([...received.matchAll(/answer to (\w+ \S+)/g)].map((match) => match[1])).toEqual(lines());
  expect(lines()).toEqual(sent.map((text) => text.split(' HTTP')[0]));
  await converse(target.port, { pieces: [sent.join('')], leaving: 'resets' });
  await (await request(`http://127.0.0.1:${target.port}/last`)).body.dump();
  expect(unexplained(target.upstream.seen, target.taken)).toEqual([]);
});

describe('slow clients', () => {
  it('that send their head drop by drop are shut out together while others are served', async () => {
    target = await routerUnderAttack({ limits: { headersMs: 400, requestMs: 600, idleMs: 300 } });
    const { port } = target;
    let closed = 0;
    const drips = Array.from({ length: 200 }, () => {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {}).on('close', () => closed++).resume();
      socket.write('GET /x HTTP/1.1\r\nhost: x\r\n');
      const timer = setInterval(() => socket.write('x-a: b\r\n'), 50);
      socket.on('close', () => {
        clearInterval(timer);
      });
      return socket;
    });
    let served = 0;
    while (closed < drips.length) {
      expect((await request(`http://127.0.0.1:${port}/honest`)).statusCode).toBe(200);
      served++;
    }
    expect(served).toBeGreaterThan(0);
    expect(lines().every((line) => line === 'GET /honest')).toBe(true);
  });

  it('that are half-closed or reset anywhere leave nothing behind', async () => {
    target = await routerUnderAttack();
    const { port } = target;
    const whole = 'POST /f/1 HTTP/1.1\r\nhost: x\r\nx-user-id: u\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';
    const cuts = Array.from({ length: whole.length }, (_, n) => whole.slice(0, n + 1));
    for (const leaving of ['half-closes', 'resets'] as const) {
      const outcomes = await Promise.all(cuts.map(async (piece) => converse(port, { pieces: [piece], leaving })));
      expect(outcomes.filter(({ hung }) => hung)).toEqual([]);
    }
    await until(() => unexplained(target!.upstream.seen, target!.taken).length === 0, 'every request to be over');
    expect(target.upstream.faults).toEqual([]);
  });
});

describe('2,000 conversations with faults anywhere', () => {
  it('reach the upstream as what the router took, show nobody another’s, and all end', async () => {
    target = await routerUnderAttack();
    const { faults, answers, reached } = await campaign(target, { seed: 20_261, conversations: 2000 });
    expect(faults).toEqual([]);
    // Neither all refused nor all taken.
    expect(answers['200']).toBeGreaterThan(200);
    expect(answers['400']).toBeGreaterThan(200);
    expect(reached).toBeGreaterThan(200);
  });

  it('find out a careless proxy', async () => {
    target = await carelessProxy();
    const { faults } = await campaign(target, { seed: 20_261, conversations: 200 });
    expect(faults.filter((fault) => fault.startsWith('bytes that are no HTTP'))).not.toEqual([]);
    expect(faults.filter((fault) => fault.startsWith('an honest client'))).not.toEqual([]);
  });
});
