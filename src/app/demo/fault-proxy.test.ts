import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import { FaultProxy, isFault } from './fault-proxy.ts';

let service: Server;
let target: string;
let proxy: FaultProxy;
let url: string;
let asked: string[];
let slept: number[];

/** Sleeps last no time, but are noted. */
const clock: Clock = { ...systemClock, sleep: (ms) => (slept.push(ms), Promise.resolve()) };

beforeEach(async () => {
  asked = [];
  slept = [];
  service = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push(`${request.method} ${request.url} ${String(request.headers['x-a'])} ${body}`.trim());
      if (request.url === '/broken') request.socket.destroy();
      else response.writeHead(201, { 'x-from': 'the service' }).end('made');
    });
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  target = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  proxy = new FaultProxy({ clock, delayMs: 2500 });
  url = await proxy.listen();
});

afterEach(async () => {
  await proxy.close();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

const post = (path = '/things?x=1') => fetch(`${url}${path}`, { method: 'POST', headers: { 'x-a': 'b' }, body: 'content' });

describe('the fault proxy', () => {
  it('answers for nobody before it knows the service', async () => {
    expect((await post()).status).toBe(503);
    expect(asked).toEqual([]);
  });

  it('changes nothing while nothing is broken', async () => {
    proxy.target = target;
    const response = await post();
    expect([response.status, response.headers.get('x-from'), await response.text()]).toEqual([201, 'the service', 'made']);
    expect(asked).toEqual(['POST /things?x=1 b content']);
    expect(slept).toEqual([]);
  });

  it('lets the service answer late, and lets it do what was asked', async () => {
    proxy.target = target;
    proxy.fault = 'slow';
    expect((await post()).status).toBe(201);
    expect(slept).toEqual([2500]);
    expect(asked).toHaveLength(1);
  });

  it('answers with an error, and the service hears nothing of it', async () => {
    proxy.target = target;
    proxy.fault = 'error';
    const response = await post();
    expect([response.status, await response.text()]).toEqual([503, 'broken on purpose\n']);
    expect(asked).toEqual([]);
    proxy.fault = 'none';
    expect((await post()).status).toBe(201);
  });

  it('passes a broken connection on as one', async () => {
    proxy.target = target;
    await expect(post('/broken')).rejects.toThrow('fetch failed');
    expect((await post()).status).toBe(201);
  });

  it('knows its faults', () => {
    expect(['none', 'slow', 'error', 'other', 1].map(isFault)).toEqual([true, true, true, false, false]);
  });
});
