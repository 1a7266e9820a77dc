import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { Haproxy } from '../../src/dataplane/haproxy/haproxy.ts';
import { RunningHaproxy } from '../../src/dataplane/haproxy/running-haproxy.ts';
import { runtimeSocket, type HaproxyCommand } from '../../src/dataplane/haproxy/runtime-socket.ts';
import type { PlanePlan } from '../../src/ports/data-plane.ts';
import { freePort } from '../../src/embedded/free-port.ts';
import { until } from '../support/condition.ts';
import { debianProgram } from '../support/debian-package.ts';

export const haproxy = await debianProgram('haproxy', { file: 'usr/sbin/haproxy' });

export interface HaproxyProcess {
  readonly url: string;
  readonly folder: string;
  readonly socket: string;
  readonly map: string;
  readonly plane: RunningHaproxy;
  /** Ends it at once and starts it again from its files. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** One HAProxy that is started from its files, killed, and started again. */
export interface HaproxyRun {
  readonly command: HaproxyCommand;
  /** Resolves when its runtime socket answers; rejects with its words if it ends before. */
  readonly start: () => Promise<void>;
  /** Ends it at once; nothing if it does not run. */
  readonly stop: () => Promise<void>;
}

/** @param files its configuration, and the runtime socket that this names. */
export function haproxyRun(files: { readonly config: string; readonly socket: string }): HaproxyRun {
  const command = runtimeSocket(files.socket, { timeoutMs: 5000 });
  let child: ChildProcess | undefined;
  return {
    command,
    start: async () => {
      let said = '';
      const started = spawn(haproxy.path, ['-db', '-f', files.config], { env: haproxy.env, stdio: ['ignore', 'pipe', 'pipe'] });
      child = started;
      for (const stream of [started.stdout, started.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await until(async () => {
        if (started.exitCode !== null) throw new Error(`haproxy ended: ${said}`);
        return command('show version').then(() => true, () => false);
      });
    },
    stop: async () => {
      const running = child;
      if (!running || running.exitCode !== null || running.signalCode !== null) return;
      const ended = new Promise((resolve) => running.once('exit', resolve));
      running.kill('SIGKILL');
      await ended;
    },
  };
}

/** A real HAProxy with the configuration that is exported for `plan`. */
export async function startHaproxy(plan: Omit<PlanePlan, 'listen'>): Promise<HaproxyProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-haproxy-'));
  const socket = join(folder, 'run.sock');
  const map = join(folder, 'banyan.map');
  const port = await freePort();
  const { files } = new Haproxy({ socket }).render({ ...plan, listen: { host: '127.0.0.1', port } });
  for (const { path, content } of files) await writeFile(join(folder, path), content);
  const { command, start, stop } = haproxyRun({ config: join(folder, 'haproxy.cfg'), socket });
  await start();
  return {
    url: `http://127.0.0.1:${port}`, folder, socket, map,
    plane: new RunningHaproxy({ name: 'haproxy', command, mapFile: map, clock: systemClock }),
    restart: async () => (await stop(), start()),
    close: async () => (await stop(), rm(folder, { recursive: true, force: true })),
  };
}

/** The words of HAProxy on a configuration that it does not take; empty if it does. */
export async function haproxyRefuses(config: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-haproxy-'));
  try {
    for (const [name, content] of Object.entries({ ...files, 'haproxy.cfg': config })) await writeFile(join(folder, name), content);
    return await new Promise((resolve) => {
      let said = '';
      const child = spawn(haproxy.path, ['-c', '-f', join(folder, 'haproxy.cfg')], { env: haproxy.env });
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
      child.once('exit', (code) => resolve(code === 0 ? '' : said));
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
