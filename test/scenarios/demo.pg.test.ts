import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, expect, it, vi } from 'vitest';
import type { ApplicationContext } from '../../src/app/application.ts';
import { createApplication } from '../../src/app/create-application.ts';
import { systemClock } from '../../src/core/clock.ts';
import type * as processes from '../../src/app/demo/processes.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { compiledFile } from '../support/compiled.ts';
import { describePostgres } from '../support/postgres.ts';

/** What the demo starts of the shop; other files of it are copied as they are written. */
const SHOP_PROGRAMS = ['install.ts', 'journal.ts', 'server.ts', 'workload.ts'];

// The same programs, without the three seconds of a processor that compiling each takes at every start.
vi.mock('../../src/app/demo/processes.ts', async (original) => {
  const written = await original<typeof processes>();
  return {
    ...written,
    CLI_FILE: compiledFile(written.CLI_FILE),
    FAULT_PROXY_FILE: compiledFile(written.FAULT_PROXY_FILE),
    shopFile: (name: string) => (SHOP_PROGRAMS.includes(name) ? compiledFile(written.shopFile(name)) : written.shopFile(name)),
  };
});

/** A watchdog: on a busy machine it takes several times the half a minute that it takes alone. */
const LIMIT_MS = 900_000;
const stopping = new AbortController();
afterEach(() => stopping.abort());

const said: string[] = [];
const context: ApplicationContext = {
  configFile: 'banyan.yaml', env: process.env, signal: stopping.signal, clock: systemClock,
  logging: { logger: () => silentLogger },
  confirm: () => Promise.resolve(true),
  progress: {
    note: (text) => void said.push(text),
    begin: ({ name }) => ({
      advance: () => {}, expect: () => {},
      done: (text) => void said.push(`${name}: ${text ?? ''}`),
      failed: (text) => void said.push(`FAILED ${name}: ${text ?? ''}`),
    }),
  },
};

/** Sync workers that this process started and that run now. */
async function workers(): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,ppid=,args=']);
  return stdout
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null && Number(match[2]) === process.pid && match[3]?.includes('sync run'))
    .map((match) => Number(match?.[1]));
}

const KILLS = 3;

/** Kills the worker at a few random moments, or until told to stop; the moments go into the failure message. */
async function killWorkers(signal: AbortSignal): Promise<number[]> {
  const moments: number[] = [];
  const start = systemClock.monotonic();
  while (!signal.aborted && moments.length < KILLS) {
    await systemClock.sleep(10_000 + Math.random() * 15_000, signal).catch(() => {});
    if (signal.aborted) break;
    for (const pid of await workers()) {
      process.kill(pid, 'SIGKILL');
      moments.push(Math.round(systemClock.monotonic() - start));
    }
  }
  return moments;
}

describePostgres('the whole path', () => {
  it(
    'takes the accounts out of a live shop, loses nothing and moves nobody back, however often the sync worker is killed',
    async () => {
      const over = new AbortController();
      const killing = killWorkers(over.signal);
      const result = await createApplication(context).demo({ keep: false });
      over.abort();
      const moments = await killing;
      const evidence = `killed at ${moments.join(', ')} ms\n${said.join('\n')}\n${JSON.stringify(result)}`;
      expect(result.steps.filter((step) => !step.ok), evidence).toEqual([]);
      expect(moments.length, evidence).toBeGreaterThan(0);
      expect(result, evidence).toMatchObject({ writesLost: 0, requestsFailedOutsideFault: 0, movedBack: 0, staleReads: 0, differences: 0 });
      expect(result.writesAcknowledged, evidence).toBeGreaterThan(500);
      expect(result.rowsCompared, evidence).toBeGreaterThan(50_000);
    },
    LIMIT_MS,
  );
});
