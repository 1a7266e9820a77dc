import { expect, it } from 'vitest';
import { silentLogger, type Logger } from '../../src/core/logger.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';
import { build, rowsOf, RunningSync, setUp, type Ends, type SyncSettings } from '../support/sync-engine.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const SCHEMA = 'CREATE TABLE item (id int PRIMARY KEY, value text); INSERT INTO item SELECT g, \'seed\' FROM generate_series(1, 10) g;';
const LINK_TIMEOUT_MS = 1000;
const WRITES = 20;

/** Rows of its own and changes of rows that both sides have, one transaction each. */
async function write(side: TestDatabase, from: number): Promise<void> {
  for (let i = 0; i < WRITES; i++) {
    await side.query('INSERT INTO public.item VALUES ($1, $2)', [from + i, `inserted ${from + i}`]);
    await side.query('UPDATE public.item SET value = $2 WHERE id = $1', [1 + (i % 10), `changed ${from + i}`]);
  }
}

describePostgres('links between a worker and its servers', () => {
  it('are made anew when they are cut, frozen for good or for a while, and nothing is lost', async () => {
    const monolith = await testDatabase({ schema: SCHEMA, max: 8 });
    const service = await testDatabase({ schema: SCHEMA.split(';')[0] ?? '', max: 8 });
    const proxies = { monolith: await TcpProxy.start(monolith.url), service: await TcpProxy.start(service.url) };
    const throughProxy = (side: 'monolith' | 'service', url: string): Ends['monolith'] => {
      const through = proxies[side].urlFor(url);
      return { url: through, pool: createPool({ url: through, max: 4, answerTimeoutMs: LINK_TIMEOUT_MS, connectTimeoutMs: LINK_TIMEOUT_MS }) };
    };
    const ends: Ends = { monolith: throughProxy('monolith', monolith.url), service: throughProxy('service', service.url) };
    const said: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_message, fields) => void said.push(String(fields?.['reason'])), child: () => logger };
    const settings: SyncSettings = { tables: ['item'], linkTimeoutMs: LINK_TIMEOUT_MS, token: '1', logger };
    let written = 1000;
    try {
      const { names } = await setUp({ monolith, service }, settings);
      const running = new RunningSync(build(ends, settings, names));
      const equal = async (what: string): Promise<void> => {
        const all = async (side: TestDatabase) => JSON.stringify(await rowsOf(side, 'public.item'));
        await until(async () => (await all(monolith)) === (await all(service)) && (await rowsOf(service, 'public.item')).length === 10 + written - 1000, { what, timeoutMs: 40_000, everyMs: 50 });
      };
      /** Both sides are written while `fault` happens. */
      const during = async (fault: () => void): Promise<void> => {
        const writing = Promise.all([write(monolith, written), write(service, written + WRITES)]);
        written += 2 * WRITES;
        await until(async () => (await monolith.query('SELECT 1 FROM public.item WHERE id = $1', [written - 2 * WRITES + 3])).length === 1);
        fault();
        await writing;
      };
      for (const side of ['monolith', 'service'] as const) {
        await during(() => proxies[side].cut());
        await equal(`after a cut at the ${side}`);
        await during(() => proxies[side].freezeOpen());
        await equal(`after the links to the ${side} went dead without a word`);
        await during(() => proxies[side].freeze());
        const before = said.length;
        await until(() => said.length > before, { what: `a frozen link to the ${side} is noticed`, timeoutMs: 40_000 });
        proxies[side].thaw();
        await equal(`after the links to the ${side} were frozen for a while`);
      }
      await running.stop();
      expect(said.filter((reason) => /has not answered for|said nothing for/.test(reason)).length).toBeGreaterThan(3);
    } finally {
      await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
      await Promise.allSettled([ends.monolith.pool.end(), ends.service.pool.end()]);
    }
  });

  it('are not given up while the server is at work', async () => {
    const monolith = await testDatabase({ schema: SCHEMA });
    const service = await testDatabase({ schema: SCHEMA.split(';')[0] ?? '' });
    const said: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_message, fields) => void said.push(String(fields?.['reason'])), child: () => logger };
    const settings: SyncSettings = { tables: ['item'], linkTimeoutMs: LINK_TIMEOUT_MS, token: '1', logger };
    const { names } = await setUp({ monolith, service }, settings);
    const running = new RunningSync(build({ monolith, service }, settings, names));
    await running.caughtUp();
    const blocker = await service.pool.connect();
    try {
      await blocker.query('BEGIN; UPDATE public.item SET value = value WHERE id = 1');
      await monolith.query("UPDATE public.item SET value = 'waits' WHERE id = 1");
      const waits = 'SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database() AND wait_event_type = $2 AND clock_timestamp() - state_change > $3';
      // Asked several times, and still the same session waits for the same lock.
      await until(async () => (await service.query(waits, ['banyan 1 shop/monolith-to-service', 'Lock', '3 seconds'])).length === 1);
    } finally {
      await blocker.query('COMMIT');
      blocker.release();
    }
    await running.caughtUp();
    await running.stop();
    expect(said.filter((reason) => reason.includes('has not answered for'))).toEqual([]);
  });
});
