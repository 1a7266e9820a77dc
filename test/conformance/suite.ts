import { describe, expect, it } from 'vitest';
import { tableName } from '../../src/model/names.ts';
import { ORIGIN_OF_TIME, type Position } from '../../src/model/position.ts';
import { isBanyanError } from '../../src/core/errors.ts';
import { describePostgres } from '../support/postgres.ts';
import { SCRIPTS } from './scripts.ts';
import { describeTypes } from './types-suite.ts';
import { changesOf, contents, Follower, read, script, type ConformancePair, type MakePair, type Unit } from './pair.ts';

const PLAIN = 'CREATE TABLE item (id int PRIMARY KEY, value text, n int NOT NULL DEFAULT 0)';
const TABLES = ['public.item'];

/**
 * What any pair of capture and applier must keep.
 * @param wanted which of it, by the tests' names. Default: all.
 */
export function conformance(name: string, makePair: MakePair, wanted: (test: string) => boolean = () => true): void {
  const test = (title: string, run: () => Promise<void>): void => {
    if (wanted(title)) it(title, run);
  };
  describePostgres(`conformance: ${name}`, () => {
    if (wanted('types')) describeTypes(makePair);

    describe('carries', () => {
      it.each(Object.entries(SCRIPTS).filter(([title]) => wanted(title)))('%s', async (_, { schema, tables, before = [], statements }) => {
        const pair = await makePair({ schema, tables });
        const follower = await new Follower(pair).start();
        await script(pair.source, before);
        await follower.catchUp();
        expect(await contents(pair, 'target')).toEqual(await contents(pair, 'source'));
        await script(pair.source, statements);
        await follower.catchUp();
        expect(await contents(pair, 'target')).toEqual(await contents(pair, 'source'));
        await follower.close();
      });
    });

    test('delivers nothing that was rolled back, nor what a savepoint undid', async () => {
      const pair = await makePair({ schema: PLAIN, tables: TABLES });
      await script(pair.source, [
        `BEGIN`, `INSERT INTO item VALUES (1, 'undone')`, `ROLLBACK`,
        `BEGIN`, `INSERT INTO item VALUES (2, 'kept')`, `SAVEPOINT a`, `INSERT INTO item VALUES (3, 'undone')`, `ROLLBACK TO a`,
        `INSERT INTO item VALUES (4, 'kept')`, `SAVEPOINT b`, `UPDATE item SET value = 'also kept' WHERE id = 2`, `RELEASE b`, `COMMIT`,
      ]);
      const units = await read(pair.open(), { through: await pair.mark() });
      expect(changesOf(units).map((change) => [change.kind, change.kind === 'insert' || change.kind === 'update' ? change.row.slice(0, 2) : []])).toEqual([
        ['insert', ['2', 'kept']], ['insert', ['4', 'kept']], ['update', ['2', 'also kept']],
      ]);
    });

    test('keeps the order of commits for every row, and each transaction whole, while transactions interleave', async () => {
      const pair = await makePair({ schema: `${PLAIN}; INSERT INTO item SELECT g FROM generate_series(1, 6) g`, tables: TABLES });
      const follower = await new Follower(pair).start();
      const written = new AbortController();
      const torn: unknown[] = [];
      // Each transaction gives two rows of three the same next value; so one that is cut in two shows.
      const writer = async (session: number): Promise<void> => {
        for (let i = 0; i < 60; i++) {
          const first = 1 + 2 * ((session + i) % 3);
          await script(pair.source, [
            ...(i % 7 === 0 ? [`BEGIN; SELECT pg_current_xact_id()`, `SELECT pg_sleep(0.002)`] : [`BEGIN`]),
            `UPDATE item SET n = n + 1, value = 'w${session}-${i}' WHERE id = ${first}`,
            `UPDATE item SET n = n + 1, value = 'w${session}-${i}' WHERE id = ${first + 1}`,
            `COMMIT`,
          ]);
        }
      };
      const watch = async (): Promise<void> => {
        const client = await pair.target.pool.connect();
        while (!written.signal.aborted) {
          const rows = await client.query<{ a: string }>(
            `SELECT a.id FROM public.item a JOIN public.item b ON b.id = a.id + 1 WHERE a.id % 2 = 1 AND (a.n, a.value) IS DISTINCT FROM (b.n, b.value)`,
          );
          torn.push(...rows.rows);
        }
        client.release();
      };
      const watching = watch();
      const writers = Promise.all([0, 1, 2, 3].map(writer)).finally(() => written.abort());
      const units: Unit[] = [];
      while (!written.signal.aborted) units.push(...(await follower.catchUp()));
      await Promise.all([writers, watching]);
      units.push(...(await follower.catchUp()));
      expect(await contents(pair, 'target')).toEqual(await contents(pair, 'source'));
      expect(torn).toEqual([]);
      // Every version of every row, once, in the order in which the row had them.
      const versions = new Map<string, number[]>();
      for (const change of new Set(changesOf(units))) {
        if (change.kind !== 'update') continue;
        const key = String(change.row[0]);
        versions.set(key, [...(versions.get(key) ?? []), Number(change.row[2])]);
      }
      for (const [key, seen] of versions) {
        const once = seen.filter((n, i) => seen.indexOf(n) === i);
        expect({ key, versions: once }).toEqual({ key, versions: once.map((_, i) => i + 1) });
      }
      await follower.close();
    });

    test('puts an older transaction behind a younger one whose row it wrote later', async () => {
      const pair = await makePair({ schema: `${PLAIN}; INSERT INTO item VALUES (1), (2), (3)`, tables: TABLES });
      const follower = await new Follower(pair).start();
      await follower.catchUp();
      const [older, between] = [await pair.source.pool.connect(), await pair.source.pool.connect()];
      try {
        await older.query(`BEGIN; UPDATE public.item SET n = 1 WHERE id = 2`);
        // Stays open: whoever waits for all older transactions to end, waits for this one.
        await between.query(`BEGIN; UPDATE public.item SET n = 1 WHERE id = 3`);
        await script(pair.source, [`UPDATE item SET value = 'younger' WHERE id = 1`]);
        await older.query(`UPDATE public.item SET value = 'older, but later' WHERE id = 1; COMMIT`);
        await follower.catchUp();
        expect((await contents(pair, 'target'))['public.item']).toEqual(['(1,"older, but later",0)', '(2,,1)', '(3,,0)']);
        await between.query('COMMIT');
      } finally {
        // An open transaction would keep every slot of the server from being created.
        for (const client of [older, between]) client.release(true);
      }
      await follower.catchUp();
      expect(await contents(pair, 'target')).toEqual(await contents(pair, 'source'));
      await follower.close();
    });

    test('goes on after what was acknowledged, repeats the rest as it was, and acknowledges nothing by itself', async () => {
      const pair = await makePair({ schema: PLAIN, tables: TABLES });
      const texts = (units: readonly Unit[]): unknown[] =>
        changesOf(units).map((change) => (change.kind === 'insert' ? change.row : undefined));
      await script(pair.source, [1, 2, 3].map((id) => `INSERT INTO item VALUES (${id})`));
      const first = await pair.mark();
      const units = await read(pair.open(), { through: first });
      expect(texts(units)).toEqual([['1', null, '0'], ['2', null, '0'], ['3', null, '0']]);
      await script(pair.source, [4, 5].map((id) => `INSERT INTO item VALUES (${id})`));
      const again = await read(pair.open(), { through: await pair.mark() });
      expect(texts(again)).toHaveLength(5);
      expect(again.slice(0, units.length).map((unit) => unit.position)).toEqual(units.map((unit) => unit.position));
      const positions = again.map((unit) => unit.position);
      expect(positions).toEqual([...positions].sort((a, b) => (a < b ? -1 : 1)));

      const source = pair.open();
      const last = units.at(-1)?.position ?? ORIGIN_OF_TIME;
      // A source learns in its own time that it may forget: it is told, and reads on.
      for (let i = 0; ; i++) {
        source.acknowledge(last);
        await read(source, { through: await pair.mark() });
        const rest = await read(pair.open(), { through: await pair.mark() });
        if (texts(rest).length === 2) {
          expect(texts(rest)).toEqual([['4', null, '0'], ['5', null, '0']]);
          break;
        }
        expect(texts(rest)).toHaveLength(5);
        if (i === 50) throw new Error('what was acknowledged is repeated for ever');
      }
    });

    test('shows its own replays as such, with the position of the original, and none of their rows', async () => {
      const pair = await makePair({ schema: PLAIN, tables: TABLES });
      const back = await claimed(pair.backApplier(), pair);
      const replay = async (id: string, position: bigint): Promise<void> => {
        const transaction = await back.applier.begin();
        await transaction.put(back.table, [id], [id, 'replayed', '0']);
        await transaction.commit({ position: position as Position, seen: ORIGIN_OF_TIME, committedAt: 5n });
      };
      await script(pair.source, [`INSERT INTO item VALUES (1, 'local')`]);
      await replay('2', back.position + 100n);
      await script(pair.source, [`INSERT INTO item VALUES (3, 'local')`]);
      await replay('4', back.position + 200n);
      const units = await read(pair.open(), { through: await pair.mark() });
      const parts = units.flatMap((unit) => unit.parts);
      const echoes = parts.filter((part) => part.origin?.name === pair.echoOrigin);
      expect(echoes.map((part) => part.origin?.position).filter((position) => position !== undefined && position > back.position)).toEqual([
        back.position + 100n, back.position + 200n,
      ]);
      expect(changesOf(units).map((change) => (change.kind === 'insert' ? change.row[0] : change.kind))).toEqual(['1', '3']);
      // What came first is told first: so a change's author is known to have seen a replay or not.
      const order = parts.flatMap((part) =>
        part.origin ? [String(part.origin.position - back.position)] : part.changes.filter((change) => change.kind === 'insert').map((change) => String(change.row[0])));
      expect(order.filter((each) => ['1', '3', '100', '200'].includes(each))).toEqual(['1', '100', '3', '200']);
      await back.applier.close();
    });

    test('writes rows and checkpoint together, or neither; a worker that lost its claim writes nothing', async () => {
      const pair = await makePair({ schema: PLAIN, tables: TABLES });
      const first = await claimed(pair.applier(), pair);
      const aborted = await first.applier.begin();
      await aborted.put(first.table, ['1'], ['1', 'undone', '0']);
      await aborted.rollback();
      const done = await first.applier.begin();
      await done.put(first.table, ['2'], ['2', 'done', '0']);
      const position = (first.position + 1n) as Position;
      await done.commit({ position, seen: ORIGIN_OF_TIME, committedAt: 5n });
      expect((await contents(pair, 'target'))['public.item']).toEqual(['(2,done,0)']);
      // As another worker's claim does.
      await pair.target.query('UPDATE banyan.stream SET token = token + 1');
      await expect(first.applier.begin()).rejects.toSatisfy((error) => isBanyanError(error, 'BANYAN_STREAM_FENCED'));
      await first.applier.close();
    });

    test('knows rows that it wrote itself from those of local writers, and takes older ones behind the horizon', async () => {
      const pair = await makePair({ schema: PLAIN, tables: TABLES });
      const { applier, table, position } = await claimed(pair.applier(), pair);
      const updates = (value: string) =>
        ['1', '2'].map((id) => ({
          kind: 'update' as const, table, key: [id], keyText: id, row: [id, value, '0'],
          position, committedAt: 5n, seen: ORIGIN_OF_TIME,
        }));
      const first = await applier.begin();
      await first.put(table, ['1'], ['1', 'replayed', '0']);
      await first.commit({ position, seen: ORIGIN_OF_TIME, committedAt: 5n });
      await script(pair.target, [`INSERT INTO item VALUES (2, 'local')`]);
      const second = await applier.begin();
      expect(await second.write(updates('again'), undefined)).toEqual([1]);
      expect(await second.lock(table, ['1'])).toMatchObject({ own: true });
      expect(await second.lock(table, ['2'])).toMatchObject({ own: false, replayed: false });
      await second.commit({ position, seen: ORIGIN_OF_TIME, committedAt: 5n });
      const third = await applier.begin();
      expect(await third.lock(table, ['1'])).toMatchObject({ own: false, replayed: true });
      await third.rollback();
      await applier.close();
    });

    test('ends with the reason when it is stopped', async () => {
      const pair = await makePair({ schema: PLAIN, tables: TABLES });
      const stop = new AbortController();
      const reason = new Error('enough');
      const reading = (async () => {
        for await (const event of pair.open().stream({ signal: stop.signal })) void event;
      })();
      const through = await pair.mark();
      setImmediate(() => stop.abort(reason));
      await expect(reading).rejects.toBe(reason);
      // Stopped, it holds nothing that its successor needs.
      expect((await read(pair.open(), { through })).length).toBeGreaterThan(0);
    });
  });
}

async function claimed(applier: ReturnType<ConformancePair['applier']>, pair: ConformancePair) {
  const { position } = await applier.claim();
  const name = tableName('public', 'item');
  const table = (await applier.describe([name])).get(name);
  if (!table) throw new Error(`${pair.source.name} has no table`);
  return { applier, position, table };
}
