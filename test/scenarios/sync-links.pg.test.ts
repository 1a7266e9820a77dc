import { expect, it } from 'vitest';
import { silentLogger, type Logger } from '../../src/core/logger.ts';
import { systemClock } from '../../src/core/clock.ts';
import { PostgresApplier } from '../../src/postgres/apply/applier.ts';
import { BANYAN_SCHEMA_SQL } from '../../src/postgres/banyan-schema.ts';
import { connect, createPool, inTransaction } from '../../src/postgres/connect.ts';
import { identify } from '../../src/postgres/history.ts';
import { watchPool } from '../../src/postgres/link-watch.ts';
import { isTransient } from '../../src/postgres/transient.ts';
import { connectReplication } from '../../src/postgres/wal/walsender.ts';
import { Bursts, ITEM_ROWS, ITEM_SCHEMA } from '../support/bursts.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';
import { build, RunningSync, setUp, type Ends, type SyncSettings } from '../support/sync-engine.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const LINK_TIMEOUT_MS = 1000;
describePostgres('links between a worker and its servers', () => {
  it('are made anew when they are cut, frozen for good or for a while, and nothing is lost', async () => {
    const monolith = await testDatabase({ schema: ITEM_SCHEMA + ITEM_ROWS, max: 8 });
    const service = await testDatabase({ schema: ITEM_SCHEMA, max: 8 });
    const proxies = { monolith: await TcpProxy.start(monolith.url), service: await TcpProxy.start(service.url) };
    const throughProxy = (side: 'monolith' | 'service', url: string): Ends['monolith'] => {
      const through = proxies[side].urlFor(url);
      return { url: through, pool: createPool({ url: through, max: 4, answerTimeoutMs: LINK_TIMEOUT_MS, connectTimeoutMs: LINK_TIMEOUT_MS }) };
    };
    const ends: Ends = { monolith: throughProxy('monolith', monolith.url), service: throughProxy('service', service.url) };
    const said: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_message, fields) => void said.push(String(fields?.['reason'])), child: () => logger };
    const settings: SyncSettings = { tables: ['item'], linkTimeoutMs: LINK_TIMEOUT_MS, token: '1', logger };
    const bursts = new Bursts({ monolith, service });
    try {
      const { names } = await setUp({ monolith, service }, settings);
      const running = new RunningSync(build(ends, settings, names));
      for (const side of ['monolith', 'service'] as const) {
        await bursts.during(() => proxies[side].cut());
        await bursts.equal(`after a cut at the ${side}`);
        await bursts.during(() => proxies[side].freezeOpen());
        await bursts.equal(`after the links to the ${side} went dead without a word`);
        await bursts.during(() => proxies[side].freeze());
        const before = said.length;
        await until(() => said.length > before, { what: `a frozen link to the ${side} is noticed`, timeoutMs: 40_000 });
        proxies[side].thaw();
        await bursts.equal(`after the links to the ${side} were frozen for a while`);
      }
      await running.stop();
      expect(said.filter((reason) => /has not answered for|said nothing for/.test(reason)).length).toBeGreaterThan(0);
    } finally {
      await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
      await Promise.allSettled([ends.monolith.pool.end(), ends.service.pool.end()]);
    }
  });

  it('are not given up while the server is at work', async () => {
    const monolith = await testDatabase({ schema: ITEM_SCHEMA + ITEM_ROWS });
    const service = await testDatabase({ schema: ITEM_SCHEMA });
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

  it('are given up where they die while a session is made ready', async () => {
    const { url, pool } = await testDatabase();
    const proxy = await TcpProxy.start(url);
    const through = proxy.urlFor(url);
    const names = { stream: 'shop/x', slot: 'none', publication: 'none', origin: 'none' };
    try {
      proxy.dieAt(/SET DateStyle/);
      await expect(connect({ url: through, connectTimeoutMs: 500 })).rejects.toMatchObject({ code: 'BANYAN_CONNECT' });

      const replication = await connectReplication({ url: through, silenceMs: 300 });
      proxy.dieAt(/IDENTIFY_SYSTEM/);
      await expect(identify(replication)).rejects.toSatisfy(isTransient);

      // A worker that freezes in a transaction, with a lock, loses it.
      const settings = "SELECT current_setting('idle_in_transaction_session_timeout') AS patience";
      expect((await inTransaction(pool, (client) => client.query(settings))).rows).toEqual([{ patience: '10s' }]);
      expect((await pool.query(settings)).rows).toEqual([{ patience: '0' }]);

      await pool.query(BANYAN_SCHEMA_SQL);
      const applier = new PostgresApplier({ url: through, service: 'shop', names, token: '1', linkTimeoutMs: 300 });
      proxy.dieAt(/session_replication_role/);
      await expect(applier.claim()).rejects.toSatisfy(isTransient);
    } finally {
      await proxy.close();
    }
  });

  it('of a watched pool are broken off when they are dead, and not while a statement takes long', async () => {
    const database = await testDatabase();
    const proxy = await TcpProxy.start(database.url);
    const pool = createPool({ url: proxy.urlFor(database.url), max: 2 });
    watchPool({ pool, url: database.url, clock: systemClock, afterMs: 300 });
    try {
      expect((await pool.query<{ done: string }>("SELECT pg_sleep(1.5), 'yes' AS done")).rows[0]?.done).toBe('yes');
      const client = await pool.connect();
      const asked = client.query('SELECT pg_sleep(0.2)').then(() => 'answered', (error: Error) => error.message);
      proxy.freezeOpen();
      expect(await asked).toContain('has not answered for');
      client.release(true);
    } finally {
      await proxy.close();
      await pool.end();
    }
  });
});
