import { expect, it } from 'vitest';
import { beginningOf } from '../../src/postgres/horizon.ts';
import { describePostgres } from '../support/postgres.ts';
import { build, rowsOf, RunningSync, setUp } from '../support/sync-engine.ts';
import { syncPair } from '../support/sync-pair.ts';

const SCHEMA = 'CREATE TABLE items (id int PRIMARY KEY, v text)';
const ROWS = "INSERT INTO items SELECT g, 'first' FROM generate_series(1, 4) g";
const STREAM = 'shop/monolith-to-service';

describePostgres('what the writers of a one-way target wrote', () => {
  it.each(['wal', 'trigger'] as const)('is reported when it is overwritten, also after a restart, and only what they wrote since the stream runs one way: %s', async (kind) => {
    const capture = { monolith: kind, service: kind };
    const pair = await syncPair({ schema: SCHEMA, tables: ['items'], rows: ROWS, mode: 'monolith-to-service', capture });
    const { monolith, service, ends, settings } = pair;
    const passing = async (running: RunningSync): Promise<void> => {
      await running.caughtUp();
      await running.stop();
    };
    const conflicts = () => service.query("SELECT key, service_row::json->>'v' AS lost, winner FROM banyan.conflict ORDER BY id");
    const expected = [{ key: '{"id":"2"}', lost: 'local', winner: 'monolith' }];

    await service.query("UPDATE public.items SET v = 'older' WHERE id = 1");
    await passing(pair.run());
    await service.query("UPDATE public.items SET v = 'local' WHERE id = 2");
    await monolith.query("UPDATE public.items SET v = 'source'");
    await passing(pair.run());
    expect(await conflicts()).toEqual(expected);
    // What the stream itself wrote before a restart is nobody else's.
    await monolith.query("UPDATE public.items SET v = 'again'");
    await passing(pair.run());
    expect(await conflicts()).toEqual(expected);

    // While it ran both ways, the monolith heard of what they wrote.
    const bothWays = { ...settings, mode: 'bidirectional' } as const;
    const { names } = await setUp(ends, bothWays);
    const running = new RunningSync(build(ends, bothWays, names));
    await service.query("UPDATE public.items SET v = 'carried' WHERE id = 3");
    await running.caughtUp();
    await passing(running);
    await monolith.query("UPDATE public.items SET v = 'last'");
    await passing(pair.run());
    expect(await conflicts()).toEqual(expected);
    expect(await rowsOf(service, 'public.items')).toEqual(await rowsOf(monolith, 'public.items'));
  });

  it('is not asked for from before the time of which the server knows who wrote', async () => {
    const { service } = await syncPair({ schema: SCHEMA, tables: ['items'], mode: 'monolith-to-service' });
    const beginning = beginningOf(service.pool, STREAM);
    const first = await beginning.keep();
    expect(await beginning.keep()).toBe(first);
    await service.query(`UPDATE banyan.stream_beginning SET horizon = '1' WHERE stream = '${STREAM}'`);
    const [oldest] = await service.query('SELECT datfrozenxid FROM pg_database ORDER BY age(datfrozenxid) DESC LIMIT 1');
    expect(await beginning.keep()).toBe(Number(oldest?.['datfrozenxid']));
    await beginning.forget();
    expect(await beginning.keep()).toBeGreaterThanOrEqual(first);
  });
});
