import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import type { ValidationReport } from '../../src/validate/report.ts';
import { programArguments } from '../support/compiled.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';

const SCHEMA = ['first', 'second', 'third']
  .map((name) => `CREATE TABLE public.${name} (id int8 PRIMARY KEY, v text); INSERT INTO public.${name} SELECT g, 'v' || g FROM generate_series(1, 10000) g;`)
  .join('\n');

describePostgres('a validation that was killed', () => {
  it('goes on from the last finished range, and reports what is true then', async () => {
    const [source, target] = await Promise.all([testDatabase({ schema: SCHEMA }), testDatabase({ schema: SCHEMA })]);
    const start = (resume: boolean): ChildProcess => {
      const argument = JSON.stringify({ source: source.url, target: target.url, resume });
      return spawn(process.execPath, [...programArguments(new URL('./resume-worker.ts', import.meta.url)), argument], { stdio: ['ignore', 'pipe', 'inherit'] });
    };
    await target.query("UPDATE public.first SET v = 'stays' WHERE id = 7; UPDATE public.first SET v = 'mended' WHERE id = 8; DELETE FROM public.second WHERE id IN (9, 10)");
    const holder = await source.pool.connect();
    await holder.query('SELECT pg_advisory_lock(42)');
    const killed = start(false);
    try {
      const progress = async (): Promise<number> => {
        const found = await source.query("SELECT progress::json->'left'->>2 AS next FROM banyan.validation_progress WHERE table_name = 'public.second'").catch(() => []);
        return Number(found[0]?.['next'] ?? 0);
      };
      // Its next range has the row in the middle.
      await until(async () => (await progress()) > 3500, { what: 'half of the second table is done', timeoutMs: 30_000 });
      await until(async () => (await source.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).length > 0);
    } finally {
      killed.kill('SIGKILL');
      await once(killed, 'exit');
      await holder.query('SELECT pg_advisory_unlock(42)');
      holder.release();
    }
    // What is finished is not scanned again, so these are not seen; what differed is looked at again.
    await target.query("UPDATE public.first SET v = 'unseen' WHERE id = 9000; UPDATE public.second SET v = 'unseen' WHERE id = 100");
    await target.query("UPDATE public.first SET v = 'v8' WHERE id = 8; INSERT INTO public.second VALUES (9, 'v9')");
    await target.query("UPDATE public.second SET v = 'seen' WHERE id = 9999; UPDATE public.third SET v = 'seen' WHERE id = 1");
    const resumed = start(true);
    let output = '';
    resumed.stdout?.on('data', (text: Buffer) => (output += text.toString()));
    await once(resumed, 'close');
    const { report } = JSON.parse(output) as { readonly report: ValidationReport };
    const found = report.tables.map(({ table, source: here, target: there, missing, extra, different, counts }) => ({
      table, here, there, missing, extra, different: different.map(({ key }) => key), counts: counts.missing + counts.extra + counts.different,
    }));
    expect(found).toEqual([
      { table: 'public.first', here: 10_000, there: 10_000, missing: [], extra: [], different: ['7'], counts: 1 },
      // As many rows as there were when they were scanned.
      { table: 'public.second', here: 10_000, there: 9998, missing: ['10'], extra: [], different: ['9999'], counts: 2 },
      { table: 'public.third', here: 10_000, there: 10_000, missing: [], extra: [], different: ['1'], counts: 1 },
    ]);
    expect(await source.query('SELECT * FROM banyan.validation_progress')).toEqual([]);
  });
});
