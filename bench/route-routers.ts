/**
 * From a command to its effect on three routers: `npm run bench:routers`.
 *
 * Three routers, each a process, with their state in PostgreSQL, before two idle sides. Each command stores a decision; then each
 * router is asked, again and again over a connection of its own, until it answers from the other side. The time is
 * from the call that stores the decision until the last of the three has answered so. Fences pass at once: what is
 * measured is Banyan, not a stream.
 *
 * `BENCH_COMMANDS` (200), `BENCH_ROUTERS` (3), `BENCH_POSTGRES` (a server of this machine).
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { systemClock } from '../src/core/clock.ts';
import { awaitRouters } from '../src/route/await-routers.ts';
import { PostgresRouteStore } from '../src/state/route-store.ts';
import { createPool } from '../src/postgres/connect.ts';

const COMMANDS = Number(process.env['BENCH_COMMANDS'] ?? 200);
const ROUTERS = Number(process.env['BENCH_ROUTERS'] ?? 3);
const DEPTH = 4;

async function side(): Promise<{ readonly url: string; readonly server: http.Server }> {
  const server = http.createServer((request, response) => {
    request.resume();
    response.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** Asks a router until it answers from `wanted`. */
async function untilFrom(client: Pool, wanted: string): Promise<void> {
  for (;;) {
    const { headers, body } = await client.request({ method: 'GET', path: '/api/users/1', headers: { cookie: 'uid=anna' } });
    await body.dump();
    if (headers['x-banyan-side'] === wanted) return;
    await systemClock.sleep(2);
  }
}

function percentiles(times: number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1);
  return `median ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms (${sorted.length} commands)`;
}

const server = process.env['BENCH_POSTGRES'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const name = `banyan_bench_${process.pid}`;
const admin = createPool({ url: server, max: 1, applicationName: 'bench' });
await admin.query(`CREATE DATABASE ${name}`);
const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
const pool = createPool({ url, max: 2, applicationName: 'bench' });
const store = new PostgresRouteStore({ pool, clock: systemClock });
const [monolith, service] = [await side(), await side()];
const processes: ChildProcess[] = [];
const clients: Pool[] = [];
for (let n = 0; n < ROUTERS; n++) {
  const router = fork(join(import.meta.dirname, 'route-router-process.ts'), [url, `router-${n}`, monolith.url, service.url], { execArgv: ['--import', 'tsx'] });
  const [{ port }] = (await once(router, 'message')) as [{ readonly port: number }];
  processes.push(router);
  clients.push(new Pool(`http://127.0.0.1:${port}`, { connections: 1 }));
}

const times: Record<'set' | 'rollback', number[]> = { set: [], rollback: [] };
const began = performance.now();
for (let command = -2 * DEPTH; command < COMMANDS; command++) {
  for (const kind of ['set', 'rollback'] as const) {
    const started = performance.now();
    const { version } = await store.save({ service: 'accounts', percent: kind === 'set' ? 100 : 0, by: 'bench', why: kind });
    await Promise.all(clients.map(async (client) => untilFrom(client, kind === 'set' ? 'service' : 'monolith')));
    if (command >= 0) times[kind].push(performance.now() - started);
    await awaitRouters({ store, service: 'accounts', version, clock: systemClock, timeoutMs: 10_000 });
  }
}
console.log(`${ROUTERS} routers, each in a process of its own, state in PostgreSQL, ${((performance.now() - began) / 1000).toFixed(0)} s, load ${loadavg()[0]?.toFixed(1)}`);
console.log(`route set 100:  ${percentiles(times.set)}`);
console.log(`route rollback: ${percentiles(times.rollback)}`);
for (const client of clients) await client.close();
for (const router of processes) {
  const ended = once(router, 'exit');
  router.disconnect();
  await ended;
}
for (const { server } of [monolith, service]) server.close();
await pool.end();
await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
await admin.end();
