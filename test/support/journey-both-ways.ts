import { expect } from 'vitest';
import { until } from './condition.ts';
import { Journal } from './journal.ts';
import { rowsOf, type RunningSync } from './sync-engine.ts';
import type { SyncPair } from './sync-pair.ts';

/** The journal's tables. */
export const TABLES = ['account', 'entry'];
export const ROWS = `INSERT INTO account SELECT g, 'seed-' || g FROM generate_series(1, 40) g`;

export async function expectEqual(pair: SyncPair): Promise<void> {
  for (const side of [pair.monolith, pair.service]) expect(await side.query('SELECT stream, key_text, kind, code, reason, row FROM banyan.quarantine')).toEqual([]);
  for (const table of TABLES) expect(await rowsOf(pair.service, `public.${table}`)).toEqual(await rowsOf(pair.monolith, `public.${table}`));
}

/** Conflicts are settled by the monolith and told to the service, so equality needs both directions more than once. */
export async function drained(running: RunningSync): Promise<void> {
  for (let i = 0; i < 3; i++) await running.caughtUp();
}

/** Writers write the same rows on both sides while the engine stops and starts, until each of `targets` is reached; nothing is lost. */
export async function expectNothingLostWhileWritten(pair: SyncPair, { writers, targets }: { readonly writers: number; readonly targets: readonly number[] }): Promise<void> {
  await using journal = new Journal({ ends: pair, keys: 60 });
  journal.start(writers);
  for (const target of targets) {
    const running = pair.run();
    await until(() => journal.writes > target, { what: 'the writers have written' });
    await running.stop();
  }
  await journal.finish();
  const running = pair.run();
  await drained(running);
  await running.stop();
  await expectEqual(pair);
  expect(await journal.lost()).toEqual([]);
  const [conflicts] = await pair.monolith.query('SELECT count(*) AS n FROM banyan.conflict');
  expect(Number(conflicts?.['n'])).toBeGreaterThan(0);
}
