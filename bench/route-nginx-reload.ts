/**
 * What a reload of NGINX costs: clients with keep-alive connections ask it all the time while its exported
 * configuration is reloaded again and again, each time with another share. Counted are the connections that broke
 * in the middle of a request, beside as long a time without reloads. NGINX and wrk are Debian's, unpacked if they
 * are not installed.
 *
 * Run: npx tsx bench/route-nginx-reload.ts [--reloads 20] [--seconds 20] [--connections 64]
 */
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { nginx, startNginx } from '../test/dataplane/nginx-process.ts';
import { matching, plan, route } from '../test/dataplane/plan.ts';
import { debianProgram } from '../test/support/debian-package.ts';

const run = promisify(execFile);

const { values } = parseArgs({
  options: {
    reloads: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '20' },
    connections: { type: 'string', default: '64' },
  },
});
const [reloads, seconds] = [Number(values.reloads), Number(values.seconds)];

const wrk = await debianProgram('wrk', { file: 'usr/bin/wrk' });
for (const { absence } of [nginx, wrk]) if (absence !== null) throw new Error(absence);

const upstream = createServer((_request, response) => void response.end('{"id":1}'));
await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
const at = (percent: number) => plan({ monolith: url, routes: [route('accounts', url, { percent, match: [matching('/api/users/**')] })] });

const folder = await mkdtemp(join(tmpdir(), 'banyan-bench-'));
const script = join(folder, 'users.lua');
await writeFile(script, 'local n = 0\nrequest = function()\n  n = (n + 1) % 1000\n  return wrk.format("GET", "/api/users/" .. n, { ["Cookie"] = "uid=user-" .. n })\nend\n');

interface Clients {
  readonly requests: number;
  /** Connections that ended before the answer that was waited for. */
  readonly broken: number;
  readonly refused: number;
  /** Answers of 400 and above. */
  readonly failed: number;
}

async function clients(target: string): Promise<Clients> {
  const { stdout } = await run(wrk.path, ['-t1', `-c${values.connections}`, `-d${seconds}s`, '-s', script, target], { env: wrk.env });
  const count = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0);
  return {
    requests: count(/(\d+) requests in/), refused: count(/connect (\d+),/), failed: count(/Non-2xx or 3xx responses: (\d+)/),
    broken: count(/read (\d+),/) + count(/write (\d+),/) + count(/timeout (\d+)/),
  };
}

const line = (what: string, { requests, broken, refused, failed }: Clients): string =>
  `${what}: ${requests} requests, ${broken} broken, ${refused} connections refused, ${failed} failed answers; load ${loadavg()[0]?.toFixed(1)}\n`;

const proxy = await startNginx(at(10));
try {
  process.stdout.write(line('without a reload', await clients(proxy.url)));
  let done = 0;
  const reloading = async (): Promise<void> => {
    const began = performance.now();
    while (done < reloads) {
      await proxy.reload(at(10 + (done % 2) * 10));
      done++;
      // Spread over the time, from its beginning: a reload takes as long as it takes.
      const next = began + (done * (seconds - 1) * 1000) / reloads;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
    }
  };
  const [counted] = await Promise.all([clients(proxy.url), reloading()]);
  process.stdout.write(line(`${done} reloads`, counted));
} finally {
  await proxy.close();
  upstream.close();
  upstream.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
}
