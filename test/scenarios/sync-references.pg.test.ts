import { expect, it } from 'vitest';
import { isTransient, sqlState } from '../../src/postgres/transient.ts';
import { until } from '../support/condition.ts';
import { describePostgres, serverMajor, type TestDatabase } from '../support/postgres.ts';
import { rowsOf } from '../support/sync-engine.ts';
import { syncPair, type SyncPair } from '../support/sync-pair.ts';

const SCHEMA = `
  CREATE TABLE parent (id int PRIMARY KEY, note text, up int REFERENCES parent ON DELETE SET NULL);
  CREATE TABLE kept (id text PRIMARY KEY, parent_id int NOT NULL REFERENCES parent, note text);
  CREATE TABLE gone (id text PRIMARY KEY, parent_id int NOT NULL REFERENCES parent ON DELETE CASCADE, note text);
  CREATE TABLE left_alone (id text PRIMARY KEY, parent_id int REFERENCES parent ON DELETE SET NULL, note text);
  CREATE TABLE below (id text PRIMARY KEY, gone_id text NOT NULL REFERENCES gone ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
  CREATE TABLE pair (a text, b int, PRIMARY KEY (b, a));
  CREATE TABLE of_pair (id text PRIMARY KEY, y bigint, x text, FOREIGN KEY (x, y) REFERENCES pair (a, b) MATCH FULL ON DELETE SET NULL);
`;
const TABLES = ['parent', 'kept', 'gone', 'left_alone', 'below', 'pair', 'of_pair'];
const LINKS = [
  ['parent', 'up', 'parent'], ['kept', 'parent_id', 'parent'], ['gone', 'parent_id', 'parent'], ['left_alone', 'parent_id', 'parent'], ['below', 'gone_id', 'gone'],
] as const;

async function orphans(side: TestDatabase): Promise<unknown[]> {
  const found = await Promise.all(LINKS.map(([child, column, parent]) =>
    side.query(`SELECT '${child}' AS child, id FROM public.${child} c WHERE ${column} IS NOT NULL AND NOT EXISTS (SELECT FROM public.${parent} p WHERE p.id = c.${column})`)));
  return found.flat();
}

async function settled(pair: SyncPair, rounds = 6): Promise<void> {
  const running = pair.run();
  for (let i = 0; i < rounds; i++) await running.caughtUp();
  await running.stop();
  for (const side of [pair.monolith, pair.service]) expect(await side.query('SELECT stream, key_text, kind, code, reason FROM banyan.quarantine')).toEqual([]);
  for (const table of TABLES) expect(await rowsOf(pair.service, `public.${table}`), table).toEqual(await rowsOf(pair.monolith, `public.${table}`));
  for (const side of [pair.monolith, pair.service]) expect(await orphans(side)).toEqual([]);
}

/** What the monolith refused of the service's. Before 14 a row does not tell who wrote it, and the record calls such a row the monolith's own. */
const SERVICES = serverMajor() >= 14 ? { winner: 'monolith', m: 'f', s: 't' } : { winner: 'service', m: 't', s: 'f' };

const conflicts = (pair: SyncPair) => pair.monolith.query(
  `SELECT table_name AS "table", key::json->>'id' AS id, winner, monolith IS NOT NULL AS m, service_row IS NOT NULL AS s FROM banyan.conflict WHERE type = 'foreign-key' ORDER BY 1, 2`);

describePostgres('a row removed on one side while the other refers to it', () => {
  it('stays, or goes with its children, as the foreign keys say, when the service removes it', async () => {
    const pair = await syncPair({ schema: SCHEMA, tables: TABLES, rows: `INSERT INTO parent SELECT g, 'n' FROM generate_series(1, 6) g; INSERT INTO gone VALUES ('old', 2)` });
    await pair.service.query('DELETE FROM public.parent');
    await pair.monolith.query(`INSERT INTO public.kept VALUES ('k', 1); INSERT INTO public.gone VALUES ('g', 2); INSERT INTO public.below VALUES ('b', 'g');
      INSERT INTO public.left_alone VALUES ('l', 3, 'x'); UPDATE public.gone SET parent_id = 4 WHERE id = 'old'`);
    await settled(pair);
    expect(await rowsOf(pair.monolith, 'public.parent')).toEqual(['(1,n,)']);
    expect(await rowsOf(pair.monolith, 'public.kept')).toEqual(['(k,1,)']);
    expect(await rowsOf(pair.monolith, 'public.left_alone')).toEqual(['(l,,x)']);
    expect(await conflicts(pair)).toMatchObject([
      { table: 'public.below', id: 'b' }, { table: 'public.gone', id: 'g', winner: 'service', m: 't', s: 'f' }, { table: 'public.gone', id: 'old' },
      { table: 'public.left_alone', id: 'l' }, { table: 'public.parent', id: '1', winner: 'monolith', m: 't', s: 'f' },
    ]);
  });

  it('has gone, and its children are refused, when the monolith removes it', async () => {
    const pair = await syncPair({ schema: SCHEMA, tables: TABLES, rows: `INSERT INTO parent SELECT g, 'n' FROM generate_series(1, 6) g` });
    await pair.monolith.query('DELETE FROM public.parent');
    await pair.service.query(`INSERT INTO public.kept VALUES ('k', 1); INSERT INTO public.gone VALUES ('g', 2); INSERT INTO public.below VALUES ('b', 'g');
      INSERT INTO public.left_alone VALUES ('l', 3, 'x'); UPDATE public.parent SET up = 4 WHERE id = 3`);
    await settled(pair);
    expect(await rowsOf(pair.monolith, 'public.left_alone')).toEqual(['(l,3,x)']);
    expect(await conflicts(pair)).toMatchObject([
      { table: 'public.below', id: 'b' }, { table: 'public.gone', id: 'g', ...SERVICES }, { table: 'public.kept', id: 'k' },
      { table: 'public.parent', id: '3' },
    ]);
  });

  it('leaves no orphan on either side while writers race for parents and children', async () => {
    const pair = await syncPair({ schema: SCHEMA, tables: TABLES, rows: `INSERT INTO parent SELECT g, 'n' FROM generate_series(1, 20) g` });
    const stop = new AbortController();
    let writes = 0;
    const write = async (side: 'monolith' | 'service', seed: number): Promise<void> => {
      let state = seed;
      const dice = (n: number): number => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        return Math.floor(state / 65_536) % n;
      };
      for (let i = 0; !stop.signal.aborted; i++) {
        const [id, parent] = [`${side}${seed}-${i}`, 1 + dice(20)];
        const child = ['kept', 'gone', 'left_alone'][dice(3)];
        const statement = [
          `INSERT INTO public.${child} VALUES ('${id}', ${parent})`,
          `UPDATE public.${child} SET parent_id = ${parent} WHERE id IN (SELECT id FROM public.${child} OFFSET ${dice(5)} LIMIT 1)`,
          `UPDATE public.${child} SET note = '${id}' WHERE id IN (SELECT id FROM public.${child} OFFSET ${dice(5)} LIMIT 1)`,
          `DELETE FROM public.${child} WHERE parent_id = ${parent}; DELETE FROM public.kept WHERE parent_id = ${parent}; DELETE FROM public.parent WHERE id = ${parent}`,
          `INSERT INTO public.parent VALUES (${parent}, '${id}') ON CONFLICT DO NOTHING`,
          `INSERT INTO public.below SELECT '${id}', id FROM public.gone LIMIT 1`,
        ][dice(6)]!;
        try {
          await pair[side].query(statement);
          writes += 1;
        } catch (error) {
          if (!isTransient(error) && !['23503', '23505'].includes(sqlState(error) ?? '')) throw error;
        }
      }
    };
    const writers = [1, 2, 3].flatMap((seed) => [write('monolith', seed), write('service', seed + 10)]);
    try {
      for (const target of [400, 1200, 2000]) {
        await until(() => writes > target, { what: 'the writers have written' });
        const running = pair.run();
        await until(() => writes > target + 400, { what: 'the writers have written more' });
        await running.stop();
      }
    } finally {
      stop.abort();
      await Promise.all(writers);
    }
    await settled(pair, 10);
    expect((await conflicts(pair)).length).toBeGreaterThan(0);
  });

  it('is found by a key of several columns as well', async () => {
    const pair = await syncPair({ schema: SCHEMA, tables: TABLES, rows: `INSERT INTO pair VALUES ('a', 1), ('a', 2), ('b', 1), ('b', 2), ('b', 3)` });
    await pair.service.query(`DELETE FROM public.pair WHERE b = 1; INSERT INTO public.of_pair VALUES ('s', 2, 'a'), ('fine', 3, 'b')`);
    await pair.monolith.query(`DELETE FROM public.pair WHERE b = 2; INSERT INTO public.of_pair VALUES ('m', 1, 'b'), ('none', NULL, NULL), ('too', 3, 'b')`);
    await settled(pair);
    expect(await rowsOf(pair.monolith, 'public.of_pair')).toEqual(['(fine,3,b)', '(m,,)', '(none,,)', '(s,,)', '(too,3,b)']);
    expect(await conflicts(pair)).toMatchObject([{ id: 'm', winner: 'service' }, { id: 's', winner: SERVICES.winner }]);
  });

  it('is nobody’s conflict where the other had seen it', async () => {
    const pair = await syncPair({ schema: SCHEMA, tables: TABLES, rows: `INSERT INTO parent SELECT g, 'n' FROM generate_series(1, 6) g` });
    const running = pair.run();
    await pair.monolith.query(`INSERT INTO public.gone VALUES ('g', 2); INSERT INTO public.below VALUES ('b', 'g'); INSERT INTO public.left_alone VALUES ('l', 3, 'x')`);
    await running.caughtUp();
    await pair.service.query('DELETE FROM public.parent WHERE id < 5');
    await running.caughtUp();
    await running.stop();
    await settled(pair);
    expect(await rowsOf(pair.monolith, 'public.left_alone')).toEqual(['(l,,x)']);
    expect(await pair.monolith.query('SELECT 1 FROM banyan.conflict')).toEqual([]);
  });
});
