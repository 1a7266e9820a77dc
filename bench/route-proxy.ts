/**
 * Banyan's router, with and without its access log, beside http-proxy-3, @fastify/http-proxy, a bare node:http + undici
 * forwarder, NGINX and HAProxy, in the same run, on the same upstream and with the same clients. Each server is a process of its own; the rounds
 * alternate, ratios are of one round, and their median is told. Beside the throughput, which other work on the
 * machine disturbs, stands the processor time of each server per request. Then the latency that the router adds.
 *
 * Run: npm run bench:route -- [--seconds 3] [--connections 64] [--rounds 5] [--profile FOLDER]
 */
import { fork, type ChildProcess } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { load, type Load } from './route/load.ts';
import { NATIVE, startNative, type Native } from './route/native.ts';
import { ROLES, serve, type Role } from './route/servers.ts';

type Name = Role | Native;

const { values } = parseArgs({
  options: {
    role: { type: 'string' },
    upstream: { type: 'string', default: '' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' },
    profile: { type: 'string' },
  },
});
const [seconds, connections, rounds] = [Number(values.seconds), Number(values.connections), Number(values.rounds)];

interface Server {
  readonly port: number;
  /** Microseconds of processor time so far. */
  cpu(): Promise<number>;
  end(): Promise<void>;
}

async function start(role: Role, upstream = ''): Promise<Server> {
  const profile = values.profile === undefined || role === 'upstream' ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}/${role}`];
  const child = fork(fileURLToPath(import.meta.url), ['--role', role, '--upstream', upstream], { execArgv: [...process.execArgv, ...profile] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => {
      resolve(Number(message));
    });
    child.once('exit', (code) => {
      reject(new Error(`${role} ended with ${code}`));
    });
  });
  return {
    port,
    cpu: async () => cpuOf(child),
    end: () => {
      child.disconnect();
      return Promise.resolve();
    },
  };
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

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
};

interface Round extends Load {
  /** Microseconds of the server's processor time for a request. */
  readonly cpu: number;
}

/** One round of every server, one after the other. */
async function round(servers: ReadonlyMap<Name, Server>): Promise<ReadonlyMap<Name, Round>> {
  const result = new Map<Name, Round>();
  for (const [role, server] of servers) {
    const { port } = server;
    const before = await server.cpu();
    const seen = await load({ port, seconds, connections });
    const cpu = ((await server.cpu()) - before) / (seen.perSecond * seconds);
    result.set(role, { ...seen, cpu });
    console.log(`${role.padEnd(12)} ${seen.perSecond.toFixed(0).padStart(7)} req/s  p50 ${seen.p50.toFixed(2)} ms  p99 ${seen.p99.toFixed(2)} ms  processor ${cpu.toFixed(1)} µs/req`);
  }
  return result;
}

/** How much later an answer comes through the router than from the upstream itself, by the medians of alternating stretches. */
async function added(ports: { readonly router: number; readonly upstream: number }, options: { readonly connections: number; readonly rate?: number }): Promise<string> {
  const stretches = Math.max(3, rounds);
  const differences: number[] = [];
  for (let i = 0; i < stretches; i++) {
    const through = await load({ ...options, port: ports.router, seconds: 1 });
    const direct = await load({ ...options, port: ports.upstream, seconds: 1 });
    differences.push(through.p50 - direct.p50);
  }
  return `${median(differences).toFixed(3)} ms (${Math.min(...differences).toFixed(3)} to ${Math.max(...differences).toFixed(3)})`;
}

async function compare(): Promise<void> {
  const upstream = await start('upstream');
  const servers = new Map<Name, Server>();
  for (const role of ROLES) if (role !== 'upstream') servers.set(role, await start(role, `http://127.0.0.1:${upstream.port}`));
  for (const name of NATIVE) {
    const server = await startNative(name, upstream.port);
    if (server) servers.set(name, server);
    else console.log(`${name} can not be had here`);
  }
  for (const { port } of servers.values()) await load({ port, seconds: 2, connections });
  const all: ReadonlyMap<Name, Round>[] = [];
  for (let n = 1; n <= rounds; n++) {
    console.log(`round ${n}, load ${loadavg()[0]?.toFixed(1)}`);
    all.push(await round(servers));
  }
  const ratios = (of: (round: Round) => number, peer: Name, own: Name): number => median(all.map((round) => {
    const [one, other] = [round.get(own), round.get(peer)];
    return one && other ? of(one) / of(other) : NaN;
  }));
  for (const [own, peers] of [['banyan', ['http-proxy-3', 'fastify', 'bare', 'nginx', 'haproxy']], ['banyan-log', ['http-proxy-3', 'bare']], ['bare', ['http-proxy-3', 'nginx']]] as const) {
    for (const peer of peers) {
      const [throughput, cpu] = [ratios(({ perSecond }) => perSecond, peer, own), 1 / ratios(({ cpu }) => cpu, peer, own)];
      console.log(`${own} / ${peer}: ${throughput.toFixed(2)} by throughput, ${cpu.toFixed(2)} by processor time`);
    }
  }
  const router = servers.get('banyan');
  if (router) {
    const ports = { router: router.port, upstream: upstream.port };
    const half = median(all.map((round) => round.get('banyan')?.perSecond ?? 0)) / 2;
    console.log(`added p50, one connection: ${await added(ports, { connections: 1 })}`);
    console.log(`added p50, ${half.toFixed(0)} requests/s (half of the most): ${await added(ports, { connections, rate: half })}`);
  }
  for (const server of [upstream, ...servers.values()]) await server.end();
}

if (values.role === undefined) await compare();
else {
  const role = ROLES.find((one) => one === values.role);
  if (!role) throw new Error(`unknown role ${values.role}`);
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  });
  // An orderly end: a profile is written at it.
  process.on('disconnect', () => process.exit(0));
  process.send?.(await serve(role, values.upstream));
}
