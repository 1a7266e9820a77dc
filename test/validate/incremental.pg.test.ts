import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { describePostgres } from '../support/postgres.ts';
import { until } from '../support/condition.ts';
import { found, incrementalPair, lookedAt, type IncrementalPair, type Worker } from '../support/incremental-pair.ts';
import { parseTableName } from '../../src/model/names.ts';
import { Dice } from './dice.ts';

const SCHEMA = `
CREATE TABLE public.items (id bigint PRIMARY KEY, n text);
CREATE TABLE public.tokens (id uuid PRIMARY KEY, n text);
CREATE TABLE public.lines (b text, a int, n text, PRIMARY KEY (a, b));`;
const ROWS = `
INSERT INTO items SELECT n, 'x' FROM generate_series(1, 20000) n;
INSERT INTO tokens SELECT md5(n::text)::uuid, 'x' FROM generate_series(1, 500) n;
INSERT INTO lines SELECT 'b,"' || n, n, 'x' FROM generate_series(1, 500) n;
ANALYZE;`;
const TABLES = ['public.items', 'public.tokens', 'public.lines'];

/**
 * Faults of the engine: what it writes into the service is another row than it was told, and it does not notice. Rows
 * whose \`n\` begins with "lost" stay as they are, or go, or come back.
 */
const FAULTS_OF = (table: string): string => `
CREATE FUNCTION public.lose_${table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'UPDATE' AND NEW.n LIKE 'lost%' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;
CREATE FUNCTION public.lose_later_${table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' AND NEW.n LIKE 'lost%' THEN DELETE FROM public.${table} AS t WHERE t.n = NEW.n; END IF;
  IF TG_OP = 'DELETE' AND OLD.n LIKE 'stays%' THEN INSERT INTO public.${table} SELECT OLD.*; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER lose BEFORE UPDATE ON public.${table} FOR EACH ROW EXECUTE FUNCTION public.lose_${table}();
CREATE TRIGGER lose_later AFTER INSERT OR DELETE ON public.${table} FOR EACH ROW EXECUTE FUNCTION public.lose_later_${table}();
ALTER TABLE public.${table} ENABLE REPLICA TRIGGER lose;
ALTER TABLE public.${table} ENABLE REPLICA TRIGGER lose_later;`;
const FAULTS = ['items', 'tokens', 'lines'].map(FAULTS_OF).join('');

const workers = new Set<Worker>();
afterEach(async () => {
  await Promise.allSettled([...workers].map(({ running }) => running.stop()));
  workers.clear();
});

function started(live: IncrementalPair, settings?: Parameters<IncrementalPair['start']>[0]): Worker {
  const worker = live.start(settings);
  workers.add(worker);
  return worker;
}

/** What only the touched rows say has to be what all rows say. */
async function agree(live: IncrementalPair): Promise<{ readonly differing: number; readonly looked: Readonly<Record<string, number | string>> }> {
  const report = await live.incremental();
  const all = await live.full();
  expect(found(report)).toEqual(found(all));
  expect(report.score).toBeCloseTo(all.score, 3);
  return { differing: all.tables.reduce((sum, { counts }) => sum + counts.missing + counts.extra + counts.different, 0), looked: lookedAt(report) };
}

const sum = (looked: Readonly<Record<string, number | string>>): number => {
  expect(Object.values(looked).filter((each) => typeof each === 'string'), 'nothing was compared as a whole').toEqual([]);
  return Object.values(looked).reduce((total: number, each) => total + Number(each), 0);
};

describePostgres('incremental validation', () => {
  it('finds what a comparison of all rows finds, whatever got lost and whoever died, and reads little', async () => {
    const live = await incrementalPair({ schema: SCHEMA, rows: ROWS, tables: TABLES, heartbeatMs: 100 });
    const { monolith, service } = live.pair;
    let worker = started(live);
    await worker.running.caughtUp();
    const whole = await live.incremental();
    expect(whole.consistent).toBe(true);
    expect(Object.values(lookedAt(whole))).toEqual(TABLES.map(() => 'it was never compared as a whole since marks are kept'));
    expect(await agree(live)).toEqual({ differing: 0, looked: { items: 0, tokens: 0, lines: 0 } });

    // Ordinary writes on both sides.
    await monolith.query(`UPDATE public.items SET n = 'a' WHERE id IN (5, 300, 19999); DELETE FROM public.lines WHERE a = 7; INSERT INTO public.tokens VALUES (md5('new')::uuid, 'a')`);
    await service.query(`UPDATE public.items SET n = 'b' WHERE id = 10000; UPDATE public.lines SET a = -8 WHERE a = 8; INSERT INTO public.items VALUES (-1, 'b')`);
    const ordinary = await agree(live);
    expect(ordinary.differing).toBe(0);
    expect([sum(ordinary.looked) > 5, sum(ordinary.looked) < 2000]).toEqual([true, true]);
    expect(await agree(live)).toEqual({ differing: 0, looked: { items: 0, tokens: 0, lines: 0 } });

    // Changes that get lost on their way: of values, of rows that come and go, and of keys, where the old one counts as well.
    await service.query(FAULTS);
    await monolith.query(`
      UPDATE public.items SET n = 'lost 1' WHERE id = 6; INSERT INTO public.items VALUES (30000, 'lost 2'); UPDATE public.items SET id = 40000, n = 'lost 3' WHERE id = 9000;
      UPDATE public.tokens SET n = 'lost 4' WHERE id = md5('3')::uuid; INSERT INTO public.lines VALUES ('z', 9, 'lost 5'); UPDATE public.lines SET a = 1000, n = 'lost 6' WHERE a = 100;
      UPDATE public.items SET n = 'stays' WHERE id = 15000`);
    // Else both are applied as one.
    await worker.running.caughtUp();
    await monolith.query('DELETE FROM public.items WHERE id = 15000');
    const lost = await agree(live);
    expect(lost.differing).toBe(9);
    expect(sum(lost.looked)).toBeLessThan(3000);
    // They stay until they are the same, though nobody writes them.
    expect((await agree(live)).differing).toBe(9);
    await monolith.query("UPDATE public.items SET n = 'found' WHERE id = 6");
    expect((await agree(live)).differing).toBe(8);

    // A worker that dies before it could store what it read; it has applied some of it already.
    for (let round = 0; round < 2; round++) {
      await monolith.query(`UPDATE public.items SET n = 'lost a${round}' WHERE id = ${500 + round * 1000}`);
      await service.query(`UPDATE public.tokens SET n = 'c${round}' WHERE id = md5('${round + 10}')::uuid`);
      if (round !== 1) await worker.running.caughtUp();
      await worker.kill();
      await monolith.query(`UPDATE public.lines SET n = 'lost b${round}' WHERE a = ${50 + round}`);
      worker = started(live);
      await worker.running.caughtUp();
      const after = await agree(live);
      expect(after.differing).toBe(10 + round * 2);
      expect(sum(after.looked)).toBeLessThan(5000);
    }

    // Emptied, it is compared as a whole; and a worker that keeps no marks makes all that follows unknown.
    await monolith.query('TRUNCATE public.lines');
    const emptied = await agree(live);
    expect(emptied.looked['lines']).toBe('it was truncated');
    expect((await agree(live)).looked['lines']).toBe(0);
    await worker.running.stop();
    const other = started(live, { marked: false });
    await monolith.query("UPDATE public.items SET n = 'lost unseen' WHERE id = 12345");
    await other.running.caughtUp();
    await other.running.sync.caughtUp(AbortSignal.timeout(10_000));
    await until(async () => (await monolith.query(`SELECT FROM pg_replication_slots WHERE confirmed_flush_lsn > '${await position(live)}'`)).length > 0, { what: 'the source has forgotten it' });
    await other.running.stop();
    worker = started(live);
    await worker.running.caughtUp();
    const unknown = await agree(live);
    expect(unknown.looked['items']).toBe('marks were not kept for a time');
    expect(typeof (await agree(live)).looked['items']).toBe('number');
  });

  it('looks again at what leaves the quarantine, and at what is written while it looks', async () => {
    const live = await incrementalPair({ schema: SCHEMA, rows: ROWS, tables: TABLES, heartbeatMs: 100 });
    const { monolith, service } = live.pair;
    const worker = started(live);
    await worker.running.caughtUp();
    await live.incremental();
    await service.query("ALTER TABLE public.items ADD CONSTRAINT picky CHECK (n <> 'refused')");
    await monolith.query("UPDATE public.items SET n = 'refused' WHERE id = 700");
    await until(async () => (await service.query("SELECT FROM banyan.quarantine WHERE state = 'held'")).length === 1, { what: 'it is held' });
    expect((await agree(live)).differing).toBe(1);
    // Held behind it; both sides are the same meanwhile.
    await monolith.query("UPDATE public.items SET n = 'x' WHERE id = 700");
    expect((await agree(live)).differing).toBe(0);
    expect((await agree(live)).differing).toBe(0);
    await service.query(`
      CREATE FUNCTION public.spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := 'spoilt'; RETURN NEW; END $$;
      CREATE TRIGGER spoil BEFORE UPDATE ON public.items FOR EACH ROW EXECUTE FUNCTION public.spoil();
      ALTER TABLE public.items ENABLE REPLICA TRIGGER spoil;
      ALTER TABLE public.items DROP CONSTRAINT picky;
      UPDATE banyan.quarantine SET asked = 'retry', asked_by = 'test' WHERE state = 'held'`);
    await until(async () => (await service.query("SELECT FROM banyan.quarantine WHERE state = 'held'")).length === 0, { what: 'it is released' });
    expect((await agree(live)).differing).toBe(1);
    await service.query('DROP TRIGGER spoil ON public.items');

    // While a run looks at one row, another one of the same leaf, and one of another, is lost; it need not see them, but the next has to.
    await service.query(FAULTS);
    let wrote = false;
    await live.incremental({
      onDifferences: async () => {
        if (wrote) return;
        wrote = true;
        await monolith.query("UPDATE public.items SET n = 'lost while looking' WHERE id IN (701, 5000)");
        await worker.running.caughtUp();
        const marked = (await live.store.stored('shop')).get('monolith-to-service') ?? 0n;
        await until(async () => ((await live.store.stored('shop')).get('monolith-to-service') ?? 0n) > marked, { what: 'it is marked' });
      },
    });
    expect(wrote).toBe(true);
    expect((await agree(live)).differing).toBe(3);

    // A run that is cut off leaves everything to the next.
    await monolith.query("UPDATE public.items SET n = 'lost again' WHERE id = 9000");
    const cut = new AbortController();
    await expect(live.incremental({ signal: cut.signal, onDifferences: async () => cut.abort(new Error('cut off')) })).rejects.toThrow();
    expect((await agree(live)).differing).toBe(4);
    // So it is with one that compares for another question: it becomes the baseline, and the first asks anew.
    const other = await live.incremental({ exclude: ['n'] });
    expect([other.consistent, lookedAt(other)['items']]).toEqual([true, 'it was compared as a whole for another question last']);
    expect((await agree(live)).differing).toBe(4);
  });

  it.each(['wal', 'trigger'] as const)('tells no source (%s) to forget what is not marked, though it is applied', async (kind) => {
    const live = await incrementalPair({ schema: SCHEMA, rows: ROWS, tables: TABLES, heartbeatMs: 50, capture: { monolith: kind, service: kind } });
    const { monolith, service } = live.pair;
    let worker = started(live);
    await worker.running.caughtUp();
    await live.incremental();
    await service.query(FAULTS);
    worker.mute();
    await monolith.query("UPDATE public.items SET n = 'lost' WHERE id = 4000; UPDATE public.tokens SET n = 'y' WHERE id = md5('3')::uuid");
    await worker.running.caughtUp();
    const [written] = await monolith.query(kind === 'wal' ? 'SELECT pg_current_wal_lsn() AS at' : 'SELECT max(position) AS at FROM banyan.capture_batch');
    // Heartbeats are read and applied meanwhile. A server is told once a second how far, which nothing shows.
    for (let beats = 0; beats < 5; beats++) await worker.running.caughtUp();
    if (kind === 'wal') await delay(1500);
    expect(await monolith.query(kind === 'wal'
      ? `SELECT confirmed_flush_lsn < '${written!['at']}' AS kept FROM pg_replication_slots WHERE database = current_database()`
      : `SELECT min(position) < ${written!['at']} AS kept FROM banyan.capture_batch`)).toEqual([{ kept: 't' }]);
    await worker.kill();
    worker = started(live);
    await worker.running.caughtUp();
    const after = await agree(live);
    expect(after.differing).toBe(1);
    expect(sum(after.looked)).toBeLessThan(2000);
  });

  it('knows rows by the monolith\'s names, filters and large transactions included', async () => {
    const people = { monolith: parseTableName('public.people'), service: parseTableName('public.members'), where: 'kind = 1', columns: [
      { monolith: 'person_no', service: 'id' }, { monolith: 'label', service: 'n' }, { monolith: 'kind', service: 'kind' },
    ] };
    const codes = { monolith: parseTableName('public.codes'), service: parseTableName('public.marks'), columns: [{ monolith: 'b', service: 'second' }, { monolith: 'a', service: 'first' }, { monolith: 'n', service: 'n' }] };
    const live = await incrementalPair({
      tables: [], mappings: [people, codes], memory: { transactionRows: 100 },
      schema: 'CREATE TABLE public.people (person_no bigint PRIMARY KEY, label text, kind int); CREATE TABLE public.codes (a text, b uuid, n text, PRIMARY KEY (b, a)); ALTER TABLE public.people REPLICA IDENTITY FULL',
      serviceSchema: 'CREATE TABLE public.members (id bigint PRIMARY KEY, n text, kind int); CREATE TABLE public.marks (first text, second uuid, n text, PRIMARY KEY (first, second))',
      rows: `INSERT INTO people SELECT n, 'x', n % 2 FROM generate_series(1, 20000) n; INSERT INTO codes SELECT 'c' || n, md5(n::text)::uuid, 'x' FROM generate_series(1, 4000) n; ANALYZE`,
      compared: [
        { table: 'public.people', as: 'public.members', where: 'kind = 1', targetWhere: 'true', columns: [{ source: 'person_no', target: 'id' }, { source: 'label', target: 'n' }, 'kind'] },
        { table: 'public.codes', as: 'public.marks', columns: [{ source: 'a', target: 'first' }, { source: 'b', target: 'second' }, 'n'] },
      ],
    });
    const worker = started(live);
    await worker.running.caughtUp();
    await live.incremental();
    await live.pair.service.query(FAULTS_OF('marks') + FAULTS_OF('members'));
    await live.pair.monolith.query(`
      UPDATE public.people SET label = 'y' WHERE person_no BETWEEN 5000 AND 5600; UPDATE public.people SET label = 'lost' WHERE person_no = 5601;
      UPDATE public.people SET kind = 1, label = 'in' WHERE person_no = 2; UPDATE public.people SET kind = 0 WHERE person_no = 3;
      UPDATE public.codes SET n = 'y' WHERE a BETWEEN 'c1000' AND 'c1299'; UPDATE public.codes SET a = 'other', n = 'lost 2' WHERE a = 'c5'`);
    await live.pair.service.query("UPDATE public.members SET n = 'z' WHERE id BETWEEN 9001 AND 9003; DELETE FROM public.marks WHERE first = 'c77'");
    const { differing, looked } = await agree(live);
    expect(differing).toBe(3);
    expect([sum(looked) > 300, sum(looked) < 3000]).toEqual([true, true]);
    await live.pair.monolith.query("UPDATE public.people SET label = 'z' WHERE person_no = 5601");
    expect((await agree(live)).differing).toBe(2);
  });

  it('compares a table without a key as a whole if it was written, one way as well', async () => {
    const live = await incrementalPair({
      mode: 'monolith-to-service', tables: ['public.visits', 'public.items'],
      schema: `${SCHEMA} CREATE TABLE public.visits (page text, at int); ALTER TABLE public.visits REPLICA IDENTITY FULL;`, rows: `${ROWS} INSERT INTO visits SELECT 'p' || n % 7, n FROM generate_series(1, 300) n`,
    });
    const worker = started(live);
    await worker.running.caughtUp();
    await live.incremental();
    expect((await agree(live)).looked).toEqual({ visits: 0, items: 0 });
    await live.pair.monolith.query("INSERT INTO public.visits VALUES ('p1', 1), ('p1', 1); UPDATE public.items SET n = 'y' WHERE id = 77");
    expect((await agree(live)).looked).toEqual({ visits: 'it has no key', items: 255 });
    expect((await agree(live)).looked).toEqual({ visits: 0, items: 0 });
    // The rows of a leaf are counted; of what was never written nobody asks.
    await live.pair.service.query('DELETE FROM public.visits WHERE at = 200');
    expect((await live.incremental()).consistent).toBe(true);
    expect((await live.full()).consistent).toBe(false);
  });

  it('blames no row, and misses none, while writers go on, workers die and changes get lost', async () => {
    const seed = Number(process.env['INCREMENTAL_SEED'] ?? 1);
    const dice = new Dice(seed);
    const live = await incrementalPair({ schema: SCHEMA, rows: ROWS, tables: TABLES, heartbeatMs: 100 });
    const { monolith, service } = live.pair;
    let worker = started(live);
    await worker.running.caughtUp();
    await live.incremental();
    for (let round = 0; round < Number(process.env['INCREMENTAL_ROUNDS'] ?? 2); round++) {
      if (round === 1) await service.query(FAULTS);
      const over = new AbortController();
      const write = async (database: typeof monolith): Promise<void> => {
        while (!over.signal.aborted) {
          const id = dice.below(20_000);
          const n = round > 0 && dice.chance(0.05) ? `lost ${dice.next()}` : `w${dice.next()}`;
          const what = dice.below(10);
          const sql = what < 5 ? `UPDATE public.items SET n = '${n}' WHERE id = ${id}`
            : what < 6 ? `INSERT INTO public.items VALUES (${id}, '${n}') ON CONFLICT DO NOTHING`
              : what < 7 ? `DELETE FROM public.items WHERE id = ${id}`
                : what < 8 ? `UPDATE public.items AS i SET id = ${id + 20_001}, n = '${n}' WHERE id = ${id} AND NOT EXISTS (SELECT FROM public.items o WHERE o.id = ${id + 20_001})`
                  : what < 9 ? `UPDATE public.tokens SET n = '${n}' WHERE id = md5('${id % 500}')::uuid`
                    : `UPDATE public.lines SET n = '${n}' WHERE a = ${id % 500}`;
          await database.query(sql);
          // As fast as the streams of a small machine follow.
          await delay(4);
        }
      };
      const writers = [write(monolith), write(service)];
      try {
        for (let looks = 0; looks < 3; looks++) {
          if (dice.chance(0.5)) {
            await worker.kill();
            worker = started(live);
            await worker.running.caughtUp();
          }
          const { consistent } = await live.incremental();
          if (round === 0) expect(consistent, `seed ${seed}`).toBe(true);
        }
      } finally {
        over.abort();
        await Promise.all(writers);
      }
      await worker.running.caughtUp();
      await worker.running.caughtUp();
      await agree(live);
      expect(sum((await agree(live)).looked)).toBeLessThan(round === 0 ? 1 : 21_000);
    }
  });
});

/** Where the marks of the monolith's stream end. */
async function position(live: IncrementalPair): Promise<string> {
  const stored = (await live.store.stored('shop')).get('monolith-to-service') ?? 0n;
  return `${(stored >> 32n).toString(16)}/${(stored & 0xffff_ffffn).toString(16)}`;
}
