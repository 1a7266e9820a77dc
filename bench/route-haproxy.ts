/**
 * HAProxy with Banyan's exported configuration beside the same HAProxy with one written by hand for the
 * same decision and the same headers, in the same run: on one thread each, before the same upstream,
 * with the same clients. The rounds alternate. Requests a second say little on a machine that others
 * use as well; the processor time that a request costs does. HAProxy and wrk are Debian's, unpacked if
 * they are not installed.
 *
 * Run: npx tsx bench/route-haproxy.ts [--seconds 4] [--connections 64] [--rounds 7]
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { Haproxy } from '../src/dataplane/haproxy/haproxy.ts';
import { freePort } from '../src/embedded/free-port.ts';
import { matching, plan, route } from '../test/dataplane/plan.ts';
import { debianProgram } from '../test/support/debian-package.ts';
import { until } from '../test/support/condition.ts';

const run = promisify(execFile);

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '7' },
  },
});

const haproxy = await debianProgram('haproxy', { file: 'usr/sbin/haproxy' });
const wrk = await debianProgram('wrk', { file: 'usr/bin/wrk' });
for (const { absence } of [haproxy, wrk]) if (absence !== null) throw new Error(absence);

const folder = await mkdtemp(join(tmpdir(), 'banyan-bench-'));
const children: ChildProcess[] = [];

const DEFAULTS = `defaults
    mode http
    option http-keep-alive
    timeout connect 2s
    timeout client 300s
    timeout server 30s
`;

async function start(name: string, config: string, port: number): Promise<number> {
  const file = join(folder, `${name}.cfg`);
  await writeFile(file, config);
  const child = spawn(haproxy.path, ['-db', '-f', file], { env: haproxy.env, stdio: ['ignore', 'ignore', 'inherit'] });
  children.push(child);
  await until(() => fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false), { what: `${name} answers` });
  return child.pid ?? 0;
}

/** The processor time of a process so far, in microseconds, as the scheduler of Linux counts it. */
async function spent(pid: number): Promise<number> {
  return Number((await readFile(`/proc/${pid}/schedstat`, 'utf8')).split(' ')[0]) / 1000;
}

const [upstream, written, exported] = [await freePort(), await freePort(), await freePort()];
const body = JSON.stringify({ id: 1, name: 'Ada', pad: 'x'.repeat(400) });
await start('upstream', `global\n    nbthread 1\n${DEFAULTS}frontend up\n    bind 127.0.0.1:${upstream}\n    http-request return status 200 content-type application/json string '${body}'\n`, upstream);

await writeFile(join(folder, 'hand.map'), 'accounts 5000\n');
const hand = await start(
  'by hand',
  `global
    default-path config
    nbthread 1
${DEFAULTS}frontend hand
    bind 127.0.0.1:${written}
    option forwardfor
    http-request del-header x-banyan-side
    http-request set-header x-forwarded-proto http
    http-request set-header x-forwarded-host %[req.hdr(host)]
    acl accounts path_beg /api/users
    acl accounts path /login
    http-request set-var(txn.bucket) req.cook(uid),xxh32,mod(10000)
    http-request set-var(txn.share) str(accounts),map_str_int(hand.map,0)
    use_backend service if accounts { var(txn.bucket),sub(txn.share) -m int lt 0 }
    default_backend monolith
backend monolith
    http-response set-header x-banyan-side monolith
    server monolith 127.0.0.1:${upstream}
backend service
    http-response set-header x-banyan-side service
    server service 127.0.0.1:${upstream}
`,
  written,
);

const url = `http://127.0.0.1:${upstream}`;
const rendering = new Haproxy({ socket: join(folder, 'run.sock') }).render(
  plan({
    listen: { host: '127.0.0.1', port: exported }, monolith: url, router: url,
    routes: [route('accounts', url, { percent: 50, match: [matching('/api/users/**'), matching('/login')] })],
  }),
);
for (const { path, content } of rendering.files) if (path !== 'haproxy.cfg') await writeFile(join(folder, path), content);
const ours = await start('exported', rendering.files.find(({ path }) => path === 'haproxy.cfg')?.content.replace('global\n', 'global\n    nbthread 1\n') ?? '', exported);

const script = join(folder, 'users.lua');
await writeFile(script, 'local n = 0\nrequest = function()\n  n = (n + 1) % 1000\n  return wrk.format("GET", "/api/users/" .. n, { ["Cookie"] = "theme=dark; uid=user-" .. n, ["Accept"] = "application/json" })\nend\n');

interface Load {
  readonly rate: number;
  /** Microseconds of the processor for each request. */
  readonly cost: number;
}

async function load(port: number, pid: number, seconds: number): Promise<Load> {
  const before = await spent(pid);
  const { stdout } = await run(wrk.path, ['-t1', `-c${values.connections}`, `-d${seconds}s`, '-s', script, `http://127.0.0.1:${port}/`], { env: wrk.env });
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]), cost: ((await spent(pid)) - before) / requests };
}

const summary = (ratios: readonly number[]): string => {
  const sorted = ratios.toSorted((a, b) => a - b);
  return `median ${sorted[Math.floor(sorted.length / 2)]?.toFixed(3)}, from ${sorted[0]?.toFixed(3)} to ${sorted.at(-1)?.toFixed(3)}`;
};

try {
  console.log(`load average before: ${loadavg().map((each) => each.toFixed(1)).join(' ')}`);
  for (const [port, pid] of [[written, hand], [exported, ours]] as const) await load(port, pid, 1);
  const rates: number[] = [];
  const costs: number[] = [];
  for (let round = 1; round <= Number(values.rounds); round++) {
    // Who is first changes, so that a machine that slows down does not favour either.
    const first = round % 2 === 0 ? await load(written, hand, Number(values.seconds)) : undefined;
    const of = await load(exported, ours, Number(values.seconds));
    const by = first ?? (await load(written, hand, Number(values.seconds)));
    rates.push(of.rate / by.rate);
    costs.push(by.cost / of.cost);
    console.log(`round ${round}: by hand ${by.rate.toFixed(0)} req/s at ${by.cost.toFixed(1)} µs, exported ${of.rate.toFixed(0)} req/s at ${of.cost.toFixed(1)} µs`);
  }
  console.log(`exported / by hand, requests a second: ${summary(rates)}`);
  console.log(`exported / by hand, requests for the same processor time: ${summary(costs)}`);
  console.log(`load average after: ${loadavg().map((each) => each.toFixed(1)).join(' ')}`);
} finally {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
}
