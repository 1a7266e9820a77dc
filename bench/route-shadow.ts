/**
 * What the shadow costs those who are served: latency of requests through the router with 0, 10 and 100 % of them
 * compared, and of the same requests asked of the upstream directly, at the same rate. The four are interleaved, slice
 * by slice in each round, in another order each time; ratios are taken within a round, and the median of them told.
 * Each server is a process of its own.
 *
 * Run: npm run bench:shadow -- [--rounds 9] [--seconds 3] [--rate 300] [--warm 2]
 */
import { fork, type ChildProcess } from 'node:child_process';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import { TrafficRouter } from '../src/route/router.ts';

const SHARES = [0, 10, 100] as const;

const { values } = parseArgs({
  options: {
    role: { type: 'string' },
    upstreams: { type: 'string', default: '' },
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '300' },
    warm: { type: 'string', default: '2' },
  },
});

/** Answers with a few hundred bytes of JSON, in which one field is noise. */
async function upstream(): Promise<number> {
  const items = Array.from({ length: 5 }, (_, id) => ({ id, name: `item ${id}`, price: '12.50' }));
  const server = http.createServer((request, response) => {
    request.resume();
    const body = JSON.stringify({ id: 1, name: 'Ada', mail: 'ada@example.org', items, at: performance.now() });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function router(percent: number, [monolith = '', service = '']: readonly string[]): Promise<number> {
  const router = new TrafficRouter({ key: [{ cookie: 'uid' }] });
  await router.addRoute({ service: 'accounts', match: [{ path: '/api/**' }], triggers: [], shadow: { percent } }, { monolith, service });
  process.on('message', () => {
    const [route] = router.status().routes;
    const { user, system } = process.cpuUsage();
    process.send?.({ shadow: route?.shadow, cpu: user + system });
  });
  return (await router.listen('127.0.0.1:0')).port;
}

async function start(role: string, upstreams: readonly string[] = []): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = fork(fileURLToPath(import.meta.url), ['--role', role, '--upstreams', upstreams.join()], { execArgv: process.execArgv });
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

interface Told {
  readonly shadow: Readonly<Record<string, number>>;
  /** Processor time so far, in microseconds. */
  readonly cpu: number;
}

async function tellOf(child: ChildProcess): Promise<Told> {
  return new Promise((resolve) => {
    child.once('message', (message) => {
      resolve(message as Told);
    });
    child.send('tell');
  });
}

/** Requests at a fixed rate, whether or not those before were answered; their milliseconds. */
async function load(pool: Pool, options: { readonly seconds: number; readonly rate: number }): Promise<number[]> {
  const latencies: number[] = [];
  const asked: Promise<void>[] = [];
  const one = async (n: number): Promise<void> => {
    const started = performance.now();
    const { body, statusCode } = await pool.request({ method: 'GET', path: `/api/users/${n}`, headers: { cookie: `uid=user-${n}` } });
    await body.dump();
    if (statusCode !== 200) throw new Error(`status ${statusCode}`);
    latencies.push(performance.now() - started);
  };
  const began = performance.now();
  for (let n = 0; n < options.rate * options.seconds; n++) {
    const wait = began + (n * 1000) / options.rate - performance.now();
    if (wait > 0) await delay(wait);
    asked.push(one(n));
  }
  await Promise.all(asked);
  return latencies.sort((a, b) => a - b);
}

const at = (sorted: readonly number[], q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
const median = (numbers: readonly number[]): number => at([...numbers].sort((a, b) => a - b), 0.5);

async function measure(): Promise<void> {
  const upstreams = await Promise.all([start('upstream'), start('upstream')]);
  const urls = upstreams.map(({ url }) => url);
  const routers = await Promise.all(SHARES.map(async (share) => start(String(share), urls)));
  const roles = [{ name: 'direct', url: urls[0] ?? '' }, ...SHARES.map((share, n) => ({ name: `${share} %`, url: routers[n]?.url ?? '' }))];
  const pools = new Map(roles.map(({ name, url }) => [name, new Pool(url, { connections: 32 })]));
  const slice = async (name: string, seconds: number): Promise<number[]> => {
    const pool = pools.get(name);
    return pool ? load(pool, { seconds, rate: Number(values.rate) }) : [];
  };
  for (const { name } of roles) await slice(name, Number(values.warm));
  const seen: Record<string, { p50: number; p99: number; cpu: number }[]> = Object.fromEntries(roles.map(({ name }) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    const order = [...roles.slice(round % roles.length), ...roles.slice(0, round % roles.length)];
    for (const { name } of order) {
      const server = routers[roles.findIndex((role) => role.name === name) - 1]?.child;
      const before = server ? (await tellOf(server)).cpu : 0;
      const sorted = await slice(name, Number(values.seconds));
      // What is compared after the answer is part of the cost.
      if (server) await delay(300);
      const cpu = server ? ((await tellOf(server)).cpu - before) / sorted.length : 0;
      const { p50, p99 } = { p50: at(sorted, 0.5), p99: at(sorted, 0.99) };
      seen[name]?.push({ p50, p99, cpu });
      console.log(`round ${round + 1} ${name.padEnd(7)} p50 ${p50.toFixed(3)} ms  p99 ${p99.toFixed(3)} ms${server ? `  processor ${cpu.toFixed(0)} µs/request` : ''}`);
    }
  }
  const ratio = (name: string, what: 'p50' | 'p99' | 'cpu'): string => median((seen[name] ?? []).map((each, n) => each[what] / (seen['0 %']?.[n]?.[what] ?? NaN))).toFixed(3);
  for (const name of ['10 %', '100 %']) {
    console.log(`shadow ${name} against 0 %: p50 × ${ratio(name, 'p50')}  p99 × ${ratio(name, 'p99')}  processor × ${ratio(name, 'cpu')} (median of ${values.rounds} rounds; goal at 10 %: p99 × 1.05)`);
  }
  const added = median((seen['0 %'] ?? []).map(({ p50 }, n) => p50 - (seen['direct']?.[n]?.p50 ?? NaN)));
  console.log(`the router adds ${added.toFixed(3)} ms at p50 (median of rounds; goal: 0.3 ms); load of the machine ${loadavg()[0]?.toFixed(1)}`);
  for (const [n, { child }] of routers.entries()) {
    const { compared = 0, equal = 0, different = 0, skipped = 0, failed = 0 } = (await tellOf(child)).shadow;
    console.log(`at ${SHARES[n]} %: ${compared} compared, ${equal} equal, ${different} different, ${skipped} skipped, ${failed} failed`);
    child.kill();
  }
  for (const { child } of upstreams) child.kill();
  await Promise.all([...pools.values()].map((pool) => pool.close()));
}

if (values.role === undefined) await measure();
else {
  // Whoever started it is gone.
  process.on('disconnect', () => process.exit());
  process.send?.(values.role === 'upstream' ? await upstream() : await router(Number(values.role), values.upstreams.split(',')));
}
