/**
 * Banyan's router beside http-proxy-3 and a bare node:http + undici forwarder, in the same run, on the
 * same upstream and with the same clients. Each server is a process of its own; the rounds alternate. Beside the
 * throughput, which other work on the machine disturbs, stands the processor time of each server per request.
 *
 * Run: npx tsx bench/route-proxy.ts [--seconds 5] [--connections 64] [--rounds 3]
 */
import { fork, type ChildProcess } from 'node:child_process';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import { createProxyServer } from 'http-proxy-3';
import { bucketOf, homeOf } from '../src/route/decide.ts';
import { TrafficRouter } from '../src/route/router.ts';

const ROLES = ['upstream', 'banyan', 'bare', 'http-proxy-3'] as const;
type Role = (typeof ROLES)[number];

const fences = { place: async () => 1n as never, passed: async () => true };

async function listen(server: http.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** The server of a role; gives its port. */
async function serve(role: Role, upstream: string): Promise<number> {
  if (role === 'upstream') return upstreamServer();
  if (role === 'bare') return bareServer(upstream);
  if (role === 'banyan') {
    const router = new TrafficRouter({ key: [{ cookie: 'uid' }], fence: fences });
    await router.addRoute(
      { service: 'accounts', percent: 50, match: [{ path: '/api/users/**' }, { path: '/login' }] },
      { monolith: upstream, service: upstream },
    );
    return (await router.listen('127.0.0.1:0')).port;
  }
  const proxy = createProxyServer({ target: upstream, xfwd: true, agent: new http.Agent({ keepAlive: true }) });
  return listen(
    http.createServer((request, response) => {
      proxy.web(request, response);
    }),
  );
}

async function upstreamServer(): Promise<number> {
  const body = JSON.stringify({ id: 1, name: 'Ada', mail: 'ada@example.org', pad: 'x'.repeat(400) });
  return listen(
    http.createServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
      response.end(body);
    }),
  );
}

/** The least that a forwarder can do. */
async function bareServer(upstream: string): Promise<number> {
  const pool = new Pool(upstream);
  return listen(
    http.createServer((request, response) => {
      pool.dispatch(
        { method: request.method ?? 'GET', path: request.url ?? '/', headers: { host: 'x' } },
        {
          onRequestStart: () => {},
          onResponseStart: (_controller, status, headers) => {
            response.writeHead(status, headers as http.OutgoingHttpHeaders);
          },
          onResponseData: (_controller, chunk) => {
            response.write(chunk);
          },
          onResponseEnd: () => {
            response.end();
          },
          onResponseError: () => {
            response.destroy();
          },
        },
      );
    }),
  );
}

async function start(role: Role, upstream = ''): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = fork(fileURLToPath(import.meta.url), ['--role', role, '--upstream', upstream], { execArgv: process.execArgv });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => {
      resolve(Number(message));
    });
    child.once('exit', (code) => {
      reject(new Error(`${role} ended with ${code}`));
    });
  });
  return { child, url: `http://127.0.0.1:${port}` };
}

/** The processor time that a server has taken so far, in microseconds. */
async function cpuOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('message', (message) => {
      resolve(Number(message));
    });
    child.send('cpu');
  });
}

async function load(url: string, options: { readonly seconds: number; readonly connections: number }): Promise<{ readonly rps: number; readonly p50: number; readonly p99: number }> {
  const pool = new Pool(url, { connections: options.connections });
  const latencies: number[] = [];
  const end = performance.now() + options.seconds * 1000;
  const client = async (n: number): Promise<void> => {
    const headers = { cookie: `uid=user-${n}`, accept: 'application/json', 'user-agent': 'bench' };
    while (performance.now() < end) {
      const started = performance.now();
      const { body, statusCode } = await pool.request({ method: 'GET', path: `/api/users/${n}`, headers });
      await body.dump();
      if (statusCode !== 200) throw new Error(`status ${statusCode}`);
      latencies.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: options.connections }, (_, n) => client(n)));
  await pool.close();
  latencies.sort((a, b) => a - b);
  const at = (q: number): number => latencies[Math.floor(q * (latencies.length - 1))] ?? 0;
  return { rps: latencies.length / options.seconds, p50: at(0.5), p99: at(0.99) };
}

function decisions(): number {
  const keys = Array.from({ length: 1024 }, (_, n) => `user-${n}-abcdef`);
  let served = 0;
  const count = 5_000_000;
  const started = performance.now();
  for (let n = 0; n < count; n++) if (homeOf(bucketOf(keys[n & 1023] ?? ''), 37.5) === 'service') served++;
  if (served === 0) throw new Error('nobody was served');
  return count / ((performance.now() - started) / 1000);
}

const { values } = parseArgs({
  options: {
    role: { type: 'string' },
    upstream: { type: 'string', default: '' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
  },
});

if (values.role === undefined) {
  decisions();
  console.log(`decisions: ${(decisions() / 1e6).toFixed(1)} million/s on one core`);
  const upstream = await start('upstream');
  const roles = ['banyan', 'bare', 'http-proxy-3'] as const;
  const servers = new Map(await Promise.all(roles.map(async (role) => [role, await start(role, upstream.url)] as const)));
  const options = { seconds: Number(values.seconds), connections: Number(values.connections) };
  for (const { url } of servers.values()) await load(url, { ...options, seconds: 2 });
  const best = new Map<string, number>();
  const cheapest = new Map<string, number>();
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const role of roles) {
      const server = servers.get(role);
      if (!server) continue;
      const before = await cpuOf(server.child);
      const { rps, p50, p99 } = await load(server.url, options);
      const cpu = ((await cpuOf(server.child)) - before) / (rps * options.seconds);
      cheapest.set(role, Math.min(cheapest.get(role) ?? Infinity, cpu));
      best.set(role, Math.max(best.get(role) ?? 0, rps));
      console.log(`round ${round} ${role.padEnd(12)} ${rps.toFixed(0).padStart(7)} req/s  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms  processor ${cpu.toFixed(0)} µs/req`);
    }
  }
  const ratio = (role: string): string => ((best.get('banyan') ?? 0) / (best.get(role) ?? 1)).toFixed(2);
  console.log(`banyan / http-proxy-3: ${ratio('http-proxy-3')}   banyan / bare: ${ratio('bare')}`);
  const dearer = (role: string): string => ((cheapest.get(role) ?? 0) / (cheapest.get('banyan') ?? 1)).toFixed(2);
  console.log(`by processor time: banyan / http-proxy-3: ${dearer('http-proxy-3')}   banyan / bare: ${dearer('bare')}`);
  for (const { child } of [upstream, ...servers.values()]) child.kill();
} else {
  const role = ROLES.find((one) => one === values.role);
  if (!role) throw new Error(`unknown role ${values.role}`);
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  });
  process.send?.(await serve(role, values.upstream));
}
