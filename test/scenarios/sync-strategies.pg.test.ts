import { expect, it } from 'vitest';
import { demandStrategies, type StrategyChoice } from '../../src/app/strategies.ts';
import { systemClock } from '../../src/core/clock.ts';
import { parseTableName } from '../../src/model/names.ts';
import { ConflictResolver, type ResolveConflict } from '../../src/sync/conflict.ts';
import { describePostgres } from '../support/postgres.ts';
import { rowsOf } from '../support/sync-engine.ts';
import { syncPair, type SyncPair } from '../support/sync-pair.ts';

const SCHEMA = `
  CREATE TABLE stock (id int PRIMARY KEY, quantity smallint CHECK (quantity >= 0), price numeric(12,2), note text);
  CREATE TABLE doc (id int PRIMARY KEY, version text, at timestamptz, body text);
  ALTER TABLE stock REPLICA IDENTITY FULL;
`;
const ROWS = `INSERT INTO stock SELECT g, 10, 1.00, 'old' FROM generate_series(1, 4) g; INSERT INTO doc SELECT g, '1', '2024-01-01', 'old' FROM generate_series(1, 6) g`;
const [STOCK, DOC] = [parseTableName('stock'), parseTableName('doc')];

const resolverWith = (set: (resolver: ConflictResolver) => void): ConflictResolver => {
  const resolver = new ConflictResolver({ clock: systemClock, timeoutMs: 50 });
  set(resolver);
  return resolver;
};

/** Both sides write while nobody carries anything, then the engine runs until everything has settled. */
async function settled(pair: SyncPair, monolith: string, service: string): Promise<void> {
  await pair.monolith.query(`SET search_path = public; ${monolith}; SET search_path = pg_catalog`);
  await pair.service.query(`SET search_path = public; ${service}; SET search_path = pg_catalog`);
  const running = pair.run();
  for (let i = 0; i < 3; i++) await running.caughtUp();
  await running.stop();
}

const conflicts = (pair: SyncPair, columns: string) => pair.monolith.query(`SELECT ${columns} FROM banyan.conflict ORDER BY id`);

describePostgres('strategies that go by columns', () => {
  it('counters get both changes, whatever else was merged; one that breaks a CHECK goes into quarantine alone', async () => {
    const resolver = resolverWith((to) => to.use(STOCK, { strategy: 'add-up', columns: ['quantity', 'price'] }));
    const pair = await syncPair({ schema: SCHEMA, tables: ['stock', 'doc'], rows: ROWS, resolver });
    await settled(
      pair,
      `UPDATE stock SET quantity = quantity - 3, price = price + 0.10 WHERE id = 1; UPDATE stock SET quantity = 1 WHERE id = 2; UPDATE stock SET quantity = 32767 WHERE id = 3; UPDATE stock SET note = 'ours' WHERE id = 4`,
      `UPDATE stock SET quantity = quantity - 4 WHERE id = 1; UPDATE stock SET quantity = quantity - 1, price = price + 0.25, note = 'theirs' WHERE id = 1;
       UPDATE stock SET quantity = 2 WHERE id = 2; UPDATE stock SET quantity = 11 WHERE id = 3; UPDATE stock SET quantity = 20 WHERE id = 4`,
    );
    const rows = await rowsOf(pair.monolith, 'public.stock');
    expect(rows).toEqual(['(1,2,1.35,theirs)', '(2,1,1.00,old)', '(3,32767,1.00,old)', '(4,20,1.00,ours)']);
    expect((await rowsOf(pair.service, 'public.stock')).filter((row) => !/^\([23],/.test(row))).toEqual(['(1,2,1.35,theirs)', '(4,20,1.00,ours)']);
    expect(await pair.monolith.query("SELECT key, code FROM banyan.quarantine WHERE state = 'held' ORDER BY key")).toEqual([{ key: '{"id":"2"}', code: '23514' }, { key: '{"id":"3"}', code: '22003' }]);
    const [first] = await conflicts(pair, 'winner, strategy, monolith, monolith_at, service_at');
    expect(first).toMatchObject({ winner: 'merged', strategy: 'add-up', monolith: '{"id":"1","quantity":"7","price":"1.10","note":"old"}' });
    expect(Number(first?.['service_at'])).toBeGreaterThan(Number(first?.['monolith_at']));
  });

  it('the later value of a column wins, in the order of its type', async () => {
    const resolver = resolverWith((to) => to.use(DOC, { strategy: 'latest-by-column', column: 'at' }));
    const pair = await syncPair({ schema: SCHEMA, tables: ['stock', 'doc'], rows: ROWS, resolver });
    const both = (values: readonly string[], body: string): string => values.map((value, i) => `UPDATE doc SET at = ${value}, body = '${body}' WHERE id = ${i + 1}`).join('; ');
    await settled(
      pair,
      both(["'2024-05-01 00:00:00+02'", "'9999-12-31'", "'0001-01-01 BC'", "'infinity'", 'NULL', "'2024-05-01'"], 'm'),
      both(["'2024-04-30 22:30:00+00'", "'10000-01-01'", "'0002-01-01 BC'", "'2030-01-01'", "'-infinity'", "'2024-05-01'"], 's'),
    );
    expect((await pair.monolith.query('SELECT body FROM public.doc ORDER BY id')).map((row) => row['body'])).toEqual(['s', 's', 'm', 'm', 's', 'm']);
    expect(await rowsOf(pair.service, 'public.doc')).toEqual(await rowsOf(pair.monolith, 'public.doc'));
    expect(await conflicts(pair, 'strategy, type')).toEqual(Array.from({ length: 6 }, () => ({ strategy: 'latest-by-column', type: 'update-update' })));
  });

  it('a function that throws, hangs or answers with what is no row of the table puts that change aside and nothing else', async () => {
    const answers: Record<string, ResolveConflict> = {
      1: () => { throw new Error('no'); },
      2: () => new Promise<never>(() => {}),
      3: (monolith) => ({ winner: { ...monolith.row, stranger: 'x' } }),
      4: (monolith) => ({ winner: { ...monolith.row, id: '77' } }),
      5: () => ({ winner: { body: 'merged' } }),
      6: () => ({ winner: 'service' }),
    };
    const resolver = resolverWith((to) => to.register(DOC, (monolith, service) => answers[monolith.key['id'] ?? '']?.(monolith, service) ?? { winner: 'monolith' }));
    const pair = await syncPair({ schema: SCHEMA, tables: ['stock', 'doc'], rows: ROWS, resolver });
    await settled(pair, "UPDATE doc SET body = 'm'", "UPDATE doc SET body = 's', version = '2'; UPDATE stock SET note = 'after'");
    expect(await pair.monolith.query("SELECT key, code FROM banyan.quarantine WHERE state = 'held' ORDER BY key")).toEqual(
      [1, 2, 3, 4].map((id) => ({ key: `{"id":"${id}"}`, code: 'BANYAN_RESOLVER' })),
    );
    expect((await pair.monolith.query('SELECT version, body FROM public.doc ORDER BY id')).map((row) => Object.values(row).join())).toEqual(['1,m', '1,m', '1,m', '1,m', '1,merged', '2,s']);
    expect((await pair.service.query('SELECT version, body FROM public.doc WHERE id > 4 ORDER BY id')).map((row) => Object.values(row).join())).toEqual(['1,merged', '2,s']);
    expect(await pair.monolith.query('SELECT DISTINCT note FROM public.stock')).toEqual([{ note: 'after' }]);
  });

  it('is refused at the start where the databases do not give what it goes by', async () => {
    const pair = await syncPair({ schema: SCHEMA, tables: ['stock', 'doc'] });
    const ask = (table: typeof DOC, choice: StrategyChoice): Promise<void> =>
      demandStrategies({ pools: { monolith: pair.monolith.pool, service: pair.service.pool }, mode: 'bidirectional', tables: [{ monolith: table, service: table }], choiceOf: () => choice }, (name) => `banyan.yaml: ${name}`);
    await expect(ask(STOCK, { strategy: 'add-up', columns: ['quantity', 'price'] })).resolves.toBeUndefined();
    await expect(ask(DOC, { strategy: 'latest-by-column', column: 'at' })).resolves.toBeUndefined();
    await expect(ask(DOC, { strategy: 'merge-columns' })).rejects.toMatchObject({
      code: 'BANYAN_STRATEGY', remedy: expect.stringMatching(/ALTER TABLE .*doc REPLICA IDENTITY FULL;/) as string,
      message: expect.stringMatching(/^banyan.yaml: public.doc: found .*doc on the service with replica identity default; expected replica identity full/) as string,
    });
    await expect(ask(STOCK, { strategy: 'add-up', columns: ['note'] })).rejects.toMatchObject({ code: 'BANYAN_STRATEGY', message: expect.stringContaining('found text; expected smallint') as string });
    await expect(ask(STOCK, { strategy: 'latest-by-column', column: 'nothing' })).rejects.toMatchObject({ code: 'BANYAN_STRATEGY', message: expect.stringContaining('found no such column') as string });
  });
});
