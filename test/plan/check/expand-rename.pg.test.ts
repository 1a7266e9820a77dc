import { expect, it, onTestFinished } from 'vitest';
import { messageOf } from '../../../src/core/errors.ts';
import { until } from '../../support/condition.ts';
import { describePostgres, itSince, type TestDatabase } from '../../support/postgres.ts';
import { catalogueOf, databaseWith, expectWaysBack, planOf, run, says, undo } from './expand-lab.ts';

const schema = (a: string): string => `
  CREATE TABLE ${a} (id serial PRIMARY KEY, word text DEFAULT 'none', "Odd" numeric GENERATED ALWAYS AS (2) STORED, up integer REFERENCES ${a}); CREATE INDEX words ON ${a} (word);
  CREATE TABLE other (a_id integer REFERENCES ${a}); CREATE VIEW known AS SELECT id FROM ${a}; COMMENT ON TABLE ${a} IS 'words'`;
const OLD = schema('a');
// The server gives what belongs to a table names of its own: a rename leaves them as they are.
const NEW = `${schema('a')}; ALTER TABLE a RENAME TO b; ALTER TABLE b ADD COLUMN late text`;
const RENAMES = { a: 'b' };

describePostgres('a table that is renamed, with a view under its old name', () => {
  const databases = async (): Promise<{ readonly database: TestDatabase; readonly target: TestDatabase }> => ({ database: await databaseWith(`${OLD}; INSERT INTO a (word) SELECT 'w' || i FROM generate_series(1, 50) i`), target: await databaseWith(NEW) });

  /** Old code and new code write on, each by its own name. */
  const startWriters = (database: TestDatabase) => {
    const [faults, known, state] = [[] as string[], new Map<string, string>(), { stopped: false, written: 0 }];
    const write = async (name: string, writer: number): Promise<void> => {
      for (let step = 1; !state.stopped; step++) {
        const [sql, values] = step % 3 > 0 ? [`INSERT INTO public.${name} (word) VALUES ($1) RETURNING id, word`, [`${writer}-${step}`]] as const
          : [`UPDATE public.${name} SET word = $1 WHERE id = $2 RETURNING id, word`, [`${writer}-${step}`, [...known].findLast(([, word]) => word.startsWith(`${writer}-`))?.[0] ?? '0']] as const;
        try {
          for (const { id, word } of await database.query(sql, values)) known.set(id ?? '', word ?? '');
          state.written += 1;
        } catch (error) {
          // Only one of both names may be there.
          if (!(error instanceof Error && 'code' in error && error.code === '42P01')) faults.push(`${sql}: ${messageOf(error)}`);
        }
        await new Promise((go) => setImmediate(go));
      }
    };
    const running = ['a', 'b', 'a'].map((name, writer) => write(name, writer));
    return {
      written: () => state.written, faults,
      stop: async (): Promise<string[]> => {
        state.stopped = true;
        await Promise.all(running);
        const rows = new Map((await database.query('SELECT id, word FROM public.a')).map(({ id, word }) => [id, word]));
        for (const [id, word] of known) if (rows.get(id) !== word) faults.push(`row ${id}: ${word} is lost, it is ${rows.get(id)}`);
        return faults;
      },
    };
  };

  it('is written by both names, there and back', async () => {
    const { database, target } = await databases();
    const { scripts, inPlace } = await planOf(database, target, RENAMES);
    expect(inPlace).toEqual([]);
    expect(scripts.map(({ description }) => description)).toEqual(['Rename table a to b, with a view under the old name', 'Add column b.late', 'Drop the view under the old name a']);
    const [before, after] = [await catalogueOf(database), await catalogueOf(target)];
    const writers = startWriters(database);
    onTestFinished(async () => void (await writers.stop()));
    const between = async (): Promise<void> => {
      const so = writers.written();
      await until(() => writers.written() >= so + 20 || writers.faults.length > 0, { what: 'twenty writes' });
    };
    for (const script of scripts) {
      expect(await says(database, script), script.description).toBe('f');
      await run(database, script);
      await between();
      expect(await says(database, script), script.description).toBe('t');
    }
    expect(await catalogueOf(database)).toEqual(after);
    expect((await planOf(database, target)).scripts).toEqual([]);
    for (const script of scripts.toReversed()) {
      await undo(database, script);
      await between();
    }
    expect(await catalogueOf(database)).toEqual(before);
    expect(await writers.stop()).toEqual([]);
  }, 60_000);

  it('is led on, and has a way back from each phase', async () => {
    const { database, target } = await databases();
    const { scripts } = await planOf(database, target, RENAMES);
    await expectWaysBack(database, scripts, { every: 1, rows: 'SELECT * FROM public.known ORDER BY id' });
    await run(database, ...scripts.slice(0, 1));
    const { scripts: left } = await planOf(database, target, RENAMES);
    expect(left.map(({ description }) => description)).toEqual(['Add column b.late', 'Drop the view under the old name a']);
    await run(database, ...left);
    expect(await catalogueOf(database)).toEqual(await catalogueOf(target));
  }, 60_000);

  itSince(15)('gives nobody more, and nobody less, than the table did', async () => {
    const { database, target } = await databases();
    const [owner, reader] = [`${database.name}_owner`, `${database.name}_reader`];
    onTestFinished(async () => void (await database.query(`DROP OWNED BY ${owner}, ${reader} CASCADE; DROP ROLE ${owner}, ${reader}`)));
    await database.query(`CREATE ROLE ${owner}; CREATE ROLE ${reader}; ALTER TABLE public.a OWNER TO ${owner}; GRANT SELECT, UPDATE (word) ON public.a TO ${reader}; GRANT USAGE ON SCHEMA public TO ${owner}, ${reader};
      ALTER TABLE public.a ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON public.a TO ${reader} USING (id <= 10)`);
    const as = async (role: string, sql: string): Promise<unknown> => {
      try {
        return (await database.query(`SET LOCAL ROLE ${role}; ${sql}`))[0] ?? 'done';
      } catch (error) {
        return messageOf(error);
      }
    };
    const answers = async (): Promise<unknown[]> => [
      await as(reader, 'SELECT count(*) FROM public.a'), await as(reader, "UPDATE public.a SET word = 'x' WHERE id < 0"), await as(reader, 'UPDATE public.a SET up = 1'), await as(reader, "INSERT INTO public.a (word) VALUES ('x')"),
      await as(owner, 'SELECT count(*) FROM public.a'), await as(owner, 'UPDATE public.a SET up = 1 WHERE id < 0'),
    ].map((answer) => (typeof answer === 'string' ? answer.replace(/(table|view) a/, 'a') : answer));
    const asTable = await answers();
    expect(asTable.slice(0, 1)).toEqual([{ count: '10' }]);
    const [rename] = (await planOf(database, target, RENAMES)).scripts;
    await run(database, ...(rename ? [rename] : []));
    expect(await answers()).toEqual(asTable);
  }, 60_000);

  it('works through the view as far as the page says', async () => {
    const { database, target } = await databases();
    const [rename] = (await planOf(database, target, RENAMES)).scripts;
    const works = {
      'INSERT … RETURNING, with defaults and numbers': 'INSERT INTO public.a DEFAULT VALUES RETURNING id, word', UPDATE: "UPDATE public.a SET word = 'x' WHERE id = 1", DELETE: 'DELETE FROM public.a WHERE id = 40',
      'ON CONFLICT (id)': "INSERT INTO public.a (id, word) VALUES (1, 'y') ON CONFLICT (id) DO UPDATE SET word = excluded.word", 'SELECT … FOR UPDATE': 'SELECT id FROM public.a WHERE id = 1 FOR UPDATE', 'LOCK TABLE': 'BEGIN; LOCK TABLE public.a IN SHARE MODE; ROLLBACK',
    };
    const fails = {
      'COPY … FROM': "COPY public.a (word) FROM '/dev/null'", 'COPY … TO': "COPY public.a TO '/dev/null'", TRUNCATE: 'TRUNCATE public.a', 'ON CONFLICT ON CONSTRAINT': "INSERT INTO public.a (id) VALUES (1) ON CONFLICT ON CONSTRAINT a_pkey DO NOTHING",
      'GROUP BY the key only': 'SELECT id, word FROM public.a GROUP BY id', ctid: 'SELECT ctid FROM public.a', 'REFERENCES': 'CREATE TABLE public.third (id integer REFERENCES public.a)', 'ALTER TABLE … ADD COLUMN': 'ALTER TABLE public.a ADD COLUMN z integer',
      'CREATE INDEX': 'CREATE INDEX ON public.a (word)', 'a trigger of rows': 'CREATE TRIGGER z AFTER INSERT ON public.a FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', 'pg_get_serial_sequence': "SELECT 1 / (pg_get_serial_sequence('public.a', 'id') IS NOT NULL)::integer",
    };
    const failing = async (statements: Readonly<Record<string, string>>): Promise<string[]> => {
      const failed: string[] = [];
      for (const [name, sql] of Object.entries(statements)) {
        await database.query(sql).catch(() => failed.push(name));
      }
      return failed;
    };
    expect(await failing({ ...works, 'GROUP BY the key only': fails['GROUP BY the key only'], ctid: fails.ctid, pg: fails.pg_get_serial_sequence, COPY: fails['COPY … FROM'], to: fails['COPY … TO'] })).toEqual([]);
    await run(database, ...(rename ? [rename] : []));
    expect(await failing(works)).toEqual([]);
    expect(await failing(fails)).toEqual(Object.keys(fails));
  }, 60_000);

  it('is renamed in its place where a view would be in the way', async () => {
    const before = await databaseWith('CREATE TABLE a (id integer PRIMARY KEY, n integer); CREATE TABLE c (id integer PRIMARY KEY)');
    const after = await databaseWith('CREATE TABLE b (id integer PRIMARY KEY, n bigint); CREATE TABLE d (id integer PRIMARY KEY); CREATE VIEW c AS SELECT id FROM d');
    const { inPlace, scripts } = await planOf(before, after, { a: 'b', c: 'd' });
    expect(inPlace).toEqual([{ column: 'a', reason: 'its columns change too; rename it in a check of its own' }, { column: 'c', reason: 'its old name is taken' }]);
    expect(scripts.map(({ description }) => description)).toEqual(expect.arrayContaining(['Rename table a to b', 'Rename table c to d']));
  });
});
