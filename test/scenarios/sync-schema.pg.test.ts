import { expect, it } from 'vitest';
import { alter, BACKWARD, crosses, drained, endsEqual, expectEqual, FORWARD, mend, namesOf, pairOf, paused, pausedOf, Writing } from '../support/changing-tables.ts';
import { until } from '../support/condition.ts';
import { Journal } from '../support/journal.ts';
import { describePostgres, type TestDatabase } from '../support/postgres.ts';
import { rowsOf } from '../support/sync-engine.ts';

/** A transaction that its caller ends. */
async function openIn({ pool }: TestDatabase): Promise<AsyncDisposable & { query(sql: string): Promise<unknown> }> {
  const client = await pool.connect();
  await client.query('BEGIN');
  return { query: (sql) => client.query(sql), [Symbol.asyncDispose]: async () => client.release() };
}

describePostgres('a table that changes while both sides write it', () => {
  it('gets new columns on the service, their rows and defaults too, and loses nothing', async () => {
    const pair = await pairOf();
    let running = pair.run();
    {
      await using journal = new Journal({ ends: pair, keys: 50, pauseMs: 60 });
      journal.start(2);
      await until(() => journal.writes > 50);
      await alter(pair, 'monolith', 'ADD COLUMN note text');
      await using notes = new Writing(pair, 'monolith', (n) => `UPDATE public.account SET note = 'note ${n}' WHERE id = ${1 + (n % 50)}`);
      await until(() => notes.count > 10);
      await alter(pair, 'monolith', `ADD COLUMN level int NOT NULL DEFAULT 7, ADD COLUMN since timestamptz DEFAULT now()`);
      await until(async () => (await namesOf(pair, 'service')).includes('level'), { what: 'the service has the columns', timeoutMs: 60_000 });
      await using back = new Writing(pair, 'service', (n) => `UPDATE public.account SET level = ${n} WHERE id = ${1 + ((n * 7) % 50)}`);
      await until(() => back.count > 10);
      await running.stop();
      await alter(pair, 'monolith', `ADD COLUMN flag boolean DEFAULT true`);
      await alter(pair, 'monolith', `ALTER COLUMN flag SET DEFAULT false`);
      running = pair.run();
      await until(async () => (await namesOf(pair, 'service')).includes('flag'), { what: 'the service has what came while nothing ran', timeoutMs: 60_000 });
      await journal.finish();
      expect(pausedOf(running, FORWARD)).toEqual([]);
      await drained(running);
      expect(await journal.lost()).toEqual([]);
    }
    await endsEqual(pair, running);
    const defaults = `SELECT column_name, column_default, is_nullable FROM information_schema.columns WHERE table_name = 'account' ORDER BY 1`;
    expect(await pair.service.query(defaults)).toEqual(await pair.monolith.query(defaults));
    expect((await pair.service.query('SELECT count(*) AS n FROM public.account WHERE flag'))[0]).not.toEqual({ n: '0' });
  });

  it('waits alone while it does not fit, and goes on where it stopped once somebody has run what the status says', async () => {
    const pair = await pairOf();
    let running = pair.run();
    {
      await using journal = new Journal({ ends: pair, keys: 50, pauseMs: 60 });
      journal.start(2);
      await until(() => journal.writes > 50);
      await alter(pair, 'monolith', 'ALTER COLUMN visits TYPE bigint');
      expect(await paused(running, FORWARD)).toMatchObject({
        table: 'public.account', code: 'BANYAN_SCHEMA_CHANGED', statements: [{ on: 'service', sql: 'ALTER TABLE "public"."account" ALTER COLUMN "visits" TYPE bigint USING "visits"::bigint' }],
      });
      await crosses(pair);
      await running.stop();
      running = pair.run();
      await paused(running, FORWARD);
      await crosses(pair);
      await mend(pair, running);
      await crosses(pair);

      await journal.finish();
      await drained(running);
      await mend(pair, running);
      await drained(running);
      expect(await journal.lost()).toEqual([]);
    }
    await running.stop();
    await expectEqual(pair);
  });

  it('keeps what the monolith wrote unseen by a change that met the rename half way', async () => {
    const pair = await pairOf();
    await Promise.all([alter(pair, 'monolith', 'ADD COLUMN spare text'), alter(pair, 'service', 'ADD COLUMN spare text')]);
    let running = pair.run();
    await drained(running);
    await using service = await openIn(pair.service);
    await service.query("UPDATE public.account SET value = 'of the service', spare = 'there' WHERE id = 1");
    await pair.monolith.query("UPDATE public.account SET value = 'of the monolith' WHERE id = 1");
    await using monolith = await openIn(pair.monolith);
    await monolith.query('ALTER TABLE public.account RENAME spare TO kept');
    await service.query('COMMIT');
    await until(async () => (await pair.monolith.query("SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.account'::regclass")).length > 0, { what: 'the change waits for the table' });
    await monolith.query('COMMIT');
    await paused(running, BACKWARD);
    const [now] = await pair.monolith.query('SELECT pg_current_wal_lsn() AS lsn');
    await until(async () => (await pair.monolith.query('SELECT FROM pg_replication_slots WHERE database = current_database() AND confirmed_flush_lsn > $1::pg_lsn', [now?.['lsn']])).length > 0, { what: 'the log is read on from here' });
    await running.stop();
    // Another worker knows nothing of what the change had not seen: its stream begins later.
    running = pair.run();
    await paused(running, BACKWARD);
    await mend(pair, running);
    await endsEqual(pair, running);
    const records = await pair.monolith.query('SELECT monolith, service_row FROM banyan.conflict WHERE service_row IS NOT NULL');
    expect(records).toEqual([{ monolith: expect.stringContaining('of the monolith') as string, service_row: expect.stringContaining('of the service') as string }]);
  });

  it.each(['wal', 'trigger'] as const)('changes its form twice in one transaction, captured by %s', async (capture) => {
    const pair = await pairOf({ capture: { monolith: capture, service: capture } });
    const running = pair.run();
    await drained(running);
    await pair.monolith.query(
      "UPDATE public.account SET value = 'first' WHERE id = 1; ALTER TABLE public.account ADD COLUMN note text; UPDATE public.account SET note = 'second' WHERE id = 2; " +
        "ALTER TABLE public.account ADD COLUMN level int; UPDATE public.account SET level = 3 WHERE id = 3",
    );
    await until(async () => (await pair.service.query("SELECT FROM public.account WHERE value = 'first'")).length > 0, { what: 'the transaction has arrived', timeoutMs: 20_000 });
    await endsEqual(pair, running);
  });

  it('waits both ways when a column is renamed, and keeps what was written under either name', async () => {
    const pair = await pairOf();
    const running = pair.run();
    await drained(running);
    {
      await using journal = new Journal({ ends: pair, keys: 50, pauseMs: 60 });
      journal.start(2);
      await alter(pair, 'monolith', 'ADD COLUMN spare text');
      await until(async () => (await namesOf(pair, 'service')).includes('spare'), { timeoutMs: 60_000 });
      await using spare = new Writing(pair, 'service', (n) => `UPDATE public.account SET spare = 'spare ${n}' WHERE id = ${1 + (n % 50)}`);
      // Then both directions know the column by its first name.
      await until(async () => (await pair.monolith.query("SELECT FROM public.account WHERE spare LIKE 'spare%'")).length > 0, { what: 'the column is carried back', timeoutMs: 60_000 });
      await until(() => spare.count > 10);
      await alter(pair, 'monolith', 'RENAME COLUMN spare TO kept');
      // The monolith refuses the column first; then both are compared.
      await until(() => pausedOf(running, BACKWARD)[0]?.statements.length, { what: 'the status says what to run', timeoutMs: 60_000 });
      expect(await paused(running, BACKWARD)).toMatchObject({ table: 'public.account', statements: [{ on: 'service', sql: 'ALTER TABLE "public"."account" RENAME COLUMN "spare" TO "kept"' }] });
      await crosses(pair);
      await mend(pair, running);
      await using kept = new Writing(pair, 'monolith', (n) => `UPDATE public.account SET kept = 'kept ${n}' WHERE id = ${1 + (n % 50)}`);
      await until(() => kept.count > 5);
      await journal.finish();
      await drained(running);
      await mend(pair, running);
      await drained(running);
      expect(await journal.lost()).toEqual([]);
    }
    await endsEqual(pair, running);
    expect((await pair.monolith.query("SELECT count(*) AS n FROM public.account WHERE kept LIKE 'kept%'"))[0]).not.toEqual({ n: '0' });
  });
});

describePostgres('a new column', () => {
  it('of the service is never added to the monolith unasked, and waits there with its values', async () => {
    const pair = await pairOf();
    const running = pair.run();
    await drained(running);
    await pair.service.query("ALTER TABLE public.account ADD COLUMN nick text; UPDATE public.account SET nick = 'nick ' || id WHERE id <= 10");
    const { statements } = await paused(running, BACKWARD);
    expect(statements).toEqual([{ on: 'monolith', sql: 'ALTER TABLE "public"."account" ADD COLUMN "nick" text' }]);
    await pair.monolith.query("UPDATE public.account SET value = 'from the monolith' WHERE id BETWEEN 8 AND 12");
    await crosses(pair);
    expect(await namesOf(pair, 'monolith')).not.toContain('nick');
    await mend(pair, running);
    await endsEqual(pair, running);
    expect(await pair.monolith.query('SELECT nick FROM public.account WHERE id = 3')).toEqual([{ nick: 'nick 3' }]);
  });

  it('goes to either side with `everywhere`, to none with `pause`', async () => {
    const pair = await pairOf({ additive: 'everywhere' });
    let running = pair.run();
    await drained(running);
    await pair.service.query("ALTER TABLE public.account ADD COLUMN nick varchar(9) DEFAULT 'none'; UPDATE public.account SET nick = 'nick ' || id WHERE id <= 10");
    await until(async () => (await namesOf(pair, 'monolith')).includes('nick'));
    await endsEqual(pair, running);
    const waiting = await pairOf({ additive: 'pause' });
    running = waiting.run();
    await drained(running);
    await waiting.monolith.query('ALTER TABLE public.account ADD COLUMN nick text; UPDATE public.account SET nick = value');
    expect(await paused(running, FORWARD)).toMatchObject({ statements: [{ on: 'service', sql: 'ALTER TABLE "public"."account" ADD COLUMN "nick" text' }] });
    expect(await namesOf(waiting, 'service')).not.toContain('nick');
    await mend(waiting, running);
    await endsEqual(waiting, running);
  });

  it('whose values were drawn for each row is not guessed: the rows are written again', async () => {
    const pair = await pairOf();
    const running = pair.run();
    await drained(running);
    await pair.monolith.query("ALTER TABLE public.account ADD COLUMN token uuid DEFAULT gen_random_uuid(); UPDATE public.account SET value = 'seen' WHERE id = 1");
    // The catalogue may show the column later than the log.
    await until(() => pausedOf(running, FORWARD)[0]?.statements.length, { what: 'the status says what to run', timeoutMs: 60_000 });
    expect((await paused(running, FORWARD)).statements).toEqual([
      { on: 'service', sql: 'ALTER TABLE "public"."account" ADD COLUMN "token" uuid' },
      { on: 'monolith', sql: 'UPDATE "public"."account" SET "token" = "token"' },
    ]);
    await mend(pair, running);
    await endsEqual(pair, running);
    expect(await pair.service.query('SELECT count(token) AS n FROM public.account')).toEqual([{ n: '30' }]);
  });

  it('that both sides have got and that is not the same is a conflict of the schema', async () => {
    const pair = await pairOf();
    const running = pair.run();
    await drained(running);
    await pair.monolith.query('ALTER TABLE public.account ADD COLUMN grade text');
    await pair.service.query('ALTER TABLE public.account ADD COLUMN grade int; UPDATE public.account SET grade = id WHERE id < 5');
    await pair.monolith.query("UPDATE public.account SET grade = 'good' WHERE id > 25");
    expect(await paused(running, FORWARD)).toMatchObject({ code: 'BANYAN_SCHEMA_CONFLICT' });
    await crosses(pair);
    await pair.service.query('ALTER TABLE public.account ALTER COLUMN grade TYPE text USING grade::text');
    await until(() => pausedOf(running, FORWARD).length + pausedOf(running, BACKWARD).length === 0);
    await endsEqual(pair, running);
    expect(await pair.monolith.query('SELECT grade FROM public.account WHERE id IN (3, 27) ORDER BY id')).toEqual([{ grade: '3' }, { grade: 'good' }]);
  });
});

describePostgres('a column that goes', () => {
  it('is left as it is on the other side where nothing is lost by it, and the status says so', async () => {
    const pair = await pairOf();
    const running = pair.run();
    await drained(running);
    await pair.monolith.query("ALTER TABLE public.quiet DROP COLUMN label; UPDATE public.quiet SET value = 77 WHERE id = 3; INSERT INTO public.quiet VALUES (9, 9)");
    await until(async () => (await rowsOf(pair.service, 'public.quiet')).includes('(9,9,)'));
    expect(running.sync.status().get(FORWARD)).toMatchObject({ pausedTables: [], leftColumns: [{ table: 'public.quiet', column: 'label', on: 'service' }] });
    await pair.service.query("UPDATE public.quiet SET label = 'nowhere to go', value = 5 WHERE id = 1");
    expect((await paused(running, BACKWARD)).statements).toEqual([{ on: 'service', sql: 'ALTER TABLE "public"."quiet" DROP COLUMN "label"' }]);
    await pair.service.query('ALTER TABLE public.quiet DROP COLUMN label');
    await until(() => pausedOf(running, BACKWARD).length === 0);
    await endsEqual(pair, running);
  });
});

describePostgres('a target that refuses a whole table', () => {
  it('pauses that table, and is asked again', async () => {
    const pair = await pairOf();
    const running = pair.run();
    await drained(running);
    await pair.service.query(`
      CREATE FUNCTION public.deny() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'permission denied' USING ERRCODE = '42501'; END $$;
      CREATE TRIGGER deny BEFORE INSERT OR UPDATE ON public.account FOR EACH ROW EXECUTE FUNCTION public.deny();
      ALTER TABLE public.account ENABLE ALWAYS TRIGGER deny`);
    await pair.monolith.query("UPDATE public.account SET value = 'one' WHERE id = 1; UPDATE public.account SET value = 'two' WHERE id = 2; DELETE FROM public.account WHERE id = 3");
    expect(await paused(running, FORWARD)).toMatchObject({ table: 'public.account', code: '42501' });
    await crosses(pair);
    await pair.service.query('DROP TRIGGER deny ON public.account');
    await until(() => pausedOf(running, FORWARD).length === 0);
    await endsEqual(pair, running);
  });
});

describePostgres('rows that an ALTER has written anew', () => {
  it('are nobody\'s write: changes of them are no conflicts once a heartbeat has passed', async () => {
    const pair = await pairOf();
    const running = pair.run();
    await drained(running);
    for (const side of ['service', 'monolith'] as const) await pair[side].query('ALTER TABLE public.account ALTER COLUMN visits TYPE bigint');
    const conflicts = async (): Promise<number> => (await pair.monolith.query('SELECT id FROM banyan.conflict')).length;
    let probes = 0;
    await until(async () => {
      const before = await conflicts();
      await pair.service.query("UPDATE public.account SET value = 'probe' WHERE id = $1", [30 - (probes += 1)]);
      await drained(running);
      return (await conflicts()) === before;
    }, { what: 'a heartbeat has passed', timeoutMs: 60_000 });
    const told = await conflicts();
    await pair.service.query("UPDATE public.account SET value = 'service' WHERE id <= 15");
    await pair.monolith.query("UPDATE public.account SET value = 'monolith' WHERE id BETWEEN 16 AND 20");
    await until(() => pausedOf(running, FORWARD).length + pausedOf(running, BACKWARD).length === 0);
    await endsEqual(pair, running);
    expect(await conflicts()).toBe(told);
  });
});
