import { access } from 'node:fs/promises';
import { expect, it, describe } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { BanyanError } from '../../core/errors.ts';
import { silentLogger } from '../../core/logger.ts';
import type { ApplicationContext } from '../application.ts';
import { isFine, runDemo, type DemoCounts, type RunDemoOptions } from './demo.ts';

const GOOD: DemoCounts = {
  writesAcknowledged: 10, writesLost: 0, requests: 100, requestsFailed: 3, requestsFailedOutsideFault: 0, movedBack: 0, staleReads: 0,
  syncLatencyMs: { p50: 5, p95: 99.9, p99: 400 }, conflicts: 2, rowsCompared: 50, differences: 0,
};

type Steps = Readonly<Record<string, () => Promise<string>>>;

async function run(steps: Steps, options: { readonly counts?: DemoCounts; readonly keep?: boolean; readonly stop?: AbortController } = {}) {
  const said: string[] = [];
  let folder = '';
  const context: ApplicationContext = {
    configFile: 'banyan.yaml', env: {}, signal: (options.stop ?? new AbortController()).signal, clock: systemClock,
    logging: { logger: () => silentLogger }, confirm: () => Promise.resolve(true),
    progress: {
      note: (text) => void said.push(text),
      begin: ({ name }) => ({ advance: () => {}, expect: () => {}, done: (text) => void said.push(`${name}: ${text}`), failed: (text) => void said.push(`${name} failed: ${text}`) }),
    },
  };
  const createJourney: RunDemoOptions['createJourney'] = (parts) => {
    ({ folder } = parts);
    return {
      counts: options.counts, steps: () => Object.entries(steps),
      close: () => (said.push('closed'), Promise.resolve()), leaveRunning: () => 'left running',
    };
  };
  const createApplication = (): never => {
    throw new Error('the steps do that');
  };
  const result = await runDemo({ context, keep: options.keep ?? false, createApplication, createJourney }).catch((error: unknown) => error as Error);
  const folderKept = await access(folder).then(() => true, () => false);
  return { result, said, folder, folderKept };
}

const fine = (text: string) => () => Promise.resolve(text);

describe('the demo', () => {
  it('goes through its steps, counts, and tidies up', async () => {
    const { result, said, folderKept } = await run({ one: fine('done one'), two: fine('done two') }, { counts: GOOD });
    expect(result).toMatchObject({ ok: true, steps: [{ name: 'one', ok: true }, { name: 'two', ok: true }], ...GOOD });
    expect(said).toEqual(['one: done one', 'two: done two', 'closed']);
    expect(folderKept).toBe(false);
  });

  it('ends at the step that fails, says why, and where the logs are', async () => {
    const { result, said, folder, folderKept } = await run({
      one: () => Promise.reject(new BanyanError('BANYAN_DEMO', { message: 'it did not work' })),
      two: fine('never'),
    });
    expect(result).toMatchObject({ ok: false, steps: [{ name: 'one', ok: false }], writesAcknowledged: 0 });
    expect(said).toEqual(['one failed: BANYAN_DEMO: it did not work', 'closed', `The logs are in ${folder}`]);
    expect(folderKept).toBe(true);
    expect((await run({ one: () => Promise.reject(new Error('plain')) })).said[0]).toBe('one failed: plain');
  });

  it('is not fine when a promise was not kept, however well its steps went', async () => {
    const { result, said, folderKept } = await run({ one: fine('1') }, { counts: { ...GOOD, writesLost: 1 } });
    expect(result).toMatchObject({ ok: false, writesLost: 1, steps: [{ ok: true }] });
    expect(said.at(-1)).toMatch(/^The logs are in /);
    expect(folderKept).toBe(true);
  });

  it('leaves everything running when asked to', async () => {
    const { result, said, folderKept } = await run({ one: fine('1') }, { counts: GOOD, keep: true });
    expect(result).toMatchObject({ ok: true });
    expect(said).toEqual(['one: 1', 'left running']);
    expect(folderKept).toBe(true);
  });

  it('stops when asked to, within a step or between two, and leaves nothing behind', async () => {
    for (const keep of [false, true]) {
      const within = new AbortController();
      const stopped = await run({ one: () => (within.abort(new Error('stopped')), Promise.reject(new Error('cut short'))) }, { stop: within, keep });
      expect(stopped.result).toMatchObject({ message: 'cut short' });
      expect(stopped).toMatchObject({ folderKept: false, said: ['one failed: cut short', 'closed'] });
    }
    const between = new AbortController();
    const stopped = await run({ one: () => (between.abort(new Error('stopped')), Promise.resolve('1')), two: fine('never') }, { stop: between });
    expect(stopped.result).toMatchObject({ message: 'stopped' });
    expect(stopped).toMatchObject({ folderKept: false, said: ['one: 1', 'closed'] });
  });
});

describe('isFine', () => {
  it('takes what a user would', () => {
    expect(isFine(GOOD)).toBe(true);
  });
  it.each([
    { writesAcknowledged: 0 }, { rowsCompared: 0 }, { writesLost: 1 }, { requestsFailedOutsideFault: 1 }, { movedBack: 1 }, { staleReads: 1 },
    { differences: 1 }, { syncLatencyMs: { p50: 1, p95: 100, p99: 100 } },
  ])('does not take %j', (worse) => {
    expect(isFine({ ...GOOD, ...worse })).toBe(false);
  });
});
