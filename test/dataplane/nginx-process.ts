import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Nginx } from '../../src/dataplane/nginx.ts';
import { freePort } from '../../src/embedded/free-port.ts';
import type { PlanePlan } from '../../src/ports/data-plane.ts';
import { until } from '../support/condition.ts';
import { debianProgram } from '../support/debian-package.ts';

export const nginx = await debianProgram('nginx', { file: 'usr/sbin/nginx' });

export interface NginxProcess {
  readonly url: string;
  /** Writes the files of another plan and reloads; resolves when the new workers answer. */
  reload(plan: Omit<PlanePlan, 'listen'>): Promise<void>;
  close(): Promise<void>;
}

/** What Debian's build wants to write, kept inside one folder; it runs in the foreground. */
const PRIVATE = (folder: string): string => `error_log ${folder}/error.log;pid ${folder}/pid;daemon off;`;
const INSIDE = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

async function write(folder: string, plan: PlanePlan, generation: number): Promise<void> {
  for (const { path, content } of new Nginx().render(plan).files) {
    const temporary = INSIDE.map((name) => `    ${name}_temp_path ${folder}/${name};\n`).join('');
    // How a test knows that the workers are the new ones.
    const said = `    add_header x-generation ${generation} always;\n`;
    await writeFile(join(folder, path), path === 'nginx.conf' ? content.replace('http {\n', `http {\n${temporary}`) : content.replace('    location / {\n', `    location / {\n    ${said}`));
  }
}

function command(folder: string, ...words: string[]): ReturnType<typeof spawn> {
  return spawn(nginx.path, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-g', PRIVATE(folder), ...words], { env: nginx.env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The words of NGINX on an exported configuration; empty if it takes it. */
export async function nginxRefuses(plan: PlanePlan): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-nginx-'));
  await write(folder, plan, 0);
  const said = await ended(command(folder, '-t'));
  await rm(folder, { recursive: true, force: true });
  return said;
}

function ended(child: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('exit', (code) => resolve(code === 0 ? '' : said));
  });
}

/** A real NGINX with the configuration that is exported for `plan`. */
export async function startNginx(plan: Omit<PlanePlan, 'listen'>): Promise<NginxProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-nginx-'));
  await mkdir(join(folder, 'client_body'));
  const listen = { host: '127.0.0.1', port: await freePort() };
  const url = `http://127.0.0.1:${listen.port}`;
  let generation = 0;
  await write(folder, { ...plan, listen }, generation);
  const child = command(folder);
  const over = ended(child);
  const answers = (wanted: number) => (): Promise<boolean> =>
    Promise.race([
      fetch(`${url}/is-up`, { headers: { connection: 'close' } }).then((response) => response.headers.get('x-generation') === String(wanted), () => false),
      over.then((said) => Promise.reject(new Error(`nginx ended: ${said}`))),
    ]);
  await until(answers(0));
  return {
    url,
    reload: async (next) => {
      await write(folder, { ...next, listen }, ++generation);
      child.kill('SIGHUP');
      await until(answers(generation));
    },
    close: async () => {
      child.kill('SIGTERM');
      await over;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
