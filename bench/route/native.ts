import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/embedded/free-port.ts';
import { until } from '../../test/support/condition.ts';
import { debianProgram } from '../../test/support/debian-package.ts';

/** Proxies that are no Node.js: Debian's, unpacked if they are not installed, on one thread, doing nothing but passing on. */
export const NATIVE = ['nginx', 'haproxy'] as const;
export type Native = (typeof NATIVE)[number];

export interface NativeServer {
  readonly port: number;
  /** Microseconds of processor time so far, as the scheduler of Linux counts it. */
  cpu(): Promise<number>;
  end(): Promise<void>;
}

const HAPROXY = (port: number, upstream: number): string => `global
    nbthread 1
defaults
    mode http
    option http-keep-alive
    timeout connect 2s
    timeout client 300s
    timeout server 30s
frontend all
    bind 127.0.0.1:${port}
    default_backend side
backend side
    http-reuse always
    server one 127.0.0.1:${upstream}
`;

const NGINX = (folder: string, port: number, upstream: number): string => `daemon off;
master_process off;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${folder}/${name};\n`).join('')}
  upstream side { server 127.0.0.1:${upstream}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 100000000;
    location / { proxy_pass http://side; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }
  }
}
`;

/** Starts one of them before an upstream; undefined where it can not be had. */
export async function startNative(name: Native, upstream: number): Promise<NativeServer | undefined> {
  const program = await debianProgram(name, { file: `usr/sbin/${name}` });
  if (program.absence !== null) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'banyan-bench-'));
  const port = await freePort();
  const file = join(folder, 'config');
  await writeFile(file, name === 'nginx' ? NGINX(folder, port, upstream) : HAPROXY(port, upstream));
  const words = name === 'nginx' ? ['-p', folder, '-c', file, '-e', `${folder}/error.log`] : ['-db', '-f', file];
  const child = spawn(program.path, words, { env: program.env, stdio: ['ignore', 'ignore', 'inherit'] });
  await until(() => fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false), { what: `${name} answers` });
  return {
    port,
    cpu: async () => Number((await readFile(`/proc/${child.pid ?? 0}/schedstat`, 'utf8')).split(' ')[0]) / 1000,
    end: async () => {
      child.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
