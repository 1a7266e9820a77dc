import { expect, it, onTestFinished } from 'vitest';
import type { MigrationScript } from '../../../src/plan/check/finding.ts';
import { until } from '../../support/condition.ts';
import { describePostgres } from '../../support/postgres.ts';
import { catalogueOf, databaseWith, planOf, run, says, undo } from './expand-lab.ts';
import { startWriters } from './twin-writers.ts';

const OLD = `CREATE TABLE public.t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer NOT NULL DEFAULT 5, code text, mail varchar(40) DEFAULT 'none', UNIQUE (n, id) DEFERRABLE);
  CREATE INDEX t_n ON public.t (n DESC); CREATE UNIQUE INDEX t_mail ON public.t (mail, id); COMMENT ON COLUMN public.t.n IS 'how many'`;
const NEW = `CREATE TABLE public.t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n bigint NOT NULL DEFAULT 6, code integer, email varchar(40) DEFAULT 'none', late text, UNIQUE (n, id) DEFERRABLE);
  CREATE INDEX t_n ON public.t (n DESC); CREATE UNIQUE INDEX t_mail ON public.t (email, id); CREATE INDEX t_late ON public.t (late); COMMENT ON COLUMN public.t.n IS 'how many'`;
const ROWS = "INSERT INTO public.t (n, code, mail) SELECT i, i::text, CASE WHEN i % 7 > 0 THEN 'm' || i END FROM generate_series(1, 2500) i";

const RENAMES = { 't.mail': 't.email' };

describePostgres('expand and contract', () => {
  /** There and back among the writers. What is wrong, in words. */
  const faultsOf = async (change: (scripts: readonly MigrationScript[]) => readonly MigrationScript[], { back }: { readonly back: boolean }): Promise<string[]> => {
    const [database, target] = [await databaseWith(`${OLD}; ${ROWS}`), await databaseWith(NEW)];
    const { scripts: made, inPlace, findings } = await planOf(database, target, RENAMES);
    expect([inPlace, findings.length > 0]).toEqual([[], true]);
    const scripts = change(made);
    const [before, after] = [await catalogueOf(database), await catalogueOf(target)];
    const faults: string[] = [];
    const writers = await startWriters(database.pool);
    onTestFinished(async () => void (await writers.stop()));
    const between = async (): Promise<void> => {
      const so = writers.written();
      await until(() => writers.written() >= so + 20 || writers.faults.length > 0, { what: 'twenty writes' });
    };
    /** Whether the trigger is there. */
    const station = async (says_: string, way: 'there' | 'back'): Promise<void> => {
      for (const twin of ['n', 'code', 'email']) {
        if (new RegExp(`^Keep \\S*${twin} and`).test(says_)) await (way === 'there' ? writers.kept(twin) : writers.notKept(twin));
      }
    };
    for (const script of scripts) {
      const empty = script.script_content.startsWith('-- Nothing to do');
      if (!empty && (await says(database, script)) !== 'f') faults.push(`${script.description} says yes before it has run`);
      await run(database, script);
      await station(script.description, 'there');
      await between();
      if (writers.faults.length > 0) return [...faults, ...writers.faults];
    }
    expect(await catalogueOf(database)).toEqual(after);
    for (const script of scripts) if ((await says(database, script)) !== 't') faults.push(`${script.description} says no at the end`);
    for (const script of back ? scripts.toReversed() : []) {
      await station(script.description, 'back');
      await undo(database, script);
      await between();
    }
    if (back) expect(await catalogueOf(database)).toEqual(before);
    return [...faults, ...(await writers.stop())];
  };

  it('loses no write of those who write the old column, the new one, or both, there and back', async () => {
    expect(await faultsOf((scripts) => scripts, { back: true })).toEqual([]);
  }, 120_000);

  it('is led on by the same check wherever it was broken off', async () => {
    const target = await databaseWith(NEW);
    const after = await catalogueOf(target);
    for (const at of [/^Look for nulls in banyan_new_n/, /^Build index t_mail anew/, /^Compare both columns of t\.code/]) {
      const database = await databaseWith(`${OLD}; ${ROWS}`);
      const plan = async (): Promise<readonly MigrationScript[]> => (await planOf(database, target, RENAMES)).scripts;
      const scripts = await plan();
      await run(database, ...scripts.slice(0, scripts.findIndex(({ description }) => at.test(description)) + 1));
      await run(database, ...(await plan()));
      expect(await catalogueOf(database), String(at)).toEqual(after);
      expect(await database.query('SELECT count(*) AS lost FROM public.t WHERE n IS DISTINCT FROM id OR code IS DISTINCT FROM id OR (email IS NULL) <> (id % 7 = 0)')).toEqual([{ lost: '0' }]);
    }
  }, 120_000);

  const planted = (says_: RegExp, from: string | RegExp, to: string) => (scripts: readonly MigrationScript[]): MigrationScript[] =>
    scripts.map((script) => (says_.test(script.description) ? { ...script, script_content: script.script_content.replace(from, to) } : script));

  it('a trigger that keeps one column only is caught', async () => {
    const faults = await faultsOf(planted(/^Keep email/, /NEW\."mail" := NEW\."email";/g, 'NULL;'), { back: false }).catch(String);
    expect(String(faults)).toMatch(/mail and email differ/);
  }, 120_000);

  it.each([['kept', undefined], ['filled, where nothing looks for it: so it is seen', /CREATE TRIGGER "zz_banyan_keep_n_mail"[^;]*;/]])('a null written in a row that waits to be filled is %s', async (_, planted_) => {
    const [database, target] = [await databaseWith(`${OLD}; ${ROWS}`), await databaseWith(NEW)];
    const { scripts } = await planOf(database, target, RENAMES);
    const made = planted_ ? planted(/^Keep email/, planted_, '')(scripts) : scripts;
    const at = made.findIndex(({ description }) => description.startsWith('Fill email'));
    await run(database, ...made.slice(0, at));
    await database.query('UPDATE public.t SET email = NULL WHERE id = 1; UPDATE public.t SET mail = NULL WHERE id = 2; UPDATE public.t SET n = 1 WHERE id = 3');
    await run(database, ...made.slice(at));
    const wanted = { '1': null, '2': null, '3': 'm3' };
    const found = async (): Promise<unknown> => Object.fromEntries((await database.query('SELECT id, email FROM public.t WHERE id < 4')).map(({ id, email }) => [id, email]));
    if (planted_) return expect(await found()).toEqual({ ...wanted, '1': 'm1' });
    expect(await found()).toEqual(wanted);
    // On the way back the old column waits to be filled in its turn.
    for (const script of made.slice(-1)) await undo(database, script);
    await database.query('UPDATE public.t SET mail = NULL WHERE id = 3');
    for (const script of made.slice(0, -1).toReversed()) await undo(database, script);
    expect(await database.query('SELECT id, mail FROM public.t WHERE id < 5 ORDER BY id')).toEqual([{ id: '1', mail: null }, { id: '2', mail: null }, { id: '3', mail: null }, { id: '4', mail: 'm4' }]);
  }, 120_000);

  it('a filling that writes over a newer value is caught', async () => {
    const stale = 'DO $x$ BEGIN CREATE TEMP TABLE stale AS SELECT id, mail FROM public.t; COMMIT; PERFORM pg_sleep(0.5); UPDATE public.t SET email = stale.mail FROM stale WHERE stale.id = t.id; END $x$';
    const faults = await faultsOf(planted(/^Fill email/, /^[\s\S]*$/, stale), { back: false }).catch(String);
    expect(String(faults)).toMatch(/is lost/);
  }, 120_000);
});
