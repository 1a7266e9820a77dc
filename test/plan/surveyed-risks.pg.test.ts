import { expect, it } from 'vitest';
import { parseTableName } from '../../src/model/names.ts';
import type { Survey } from '../../src/model/survey.ts';
import { MigrationPlanner } from '../../src/plan/migration-planner.ts';
import type { MigrationPlan, Risk } from '../../src/plan/plan-document.ts';
import { planMarkdown, planText } from '../../src/plan/render-plan.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { survey } from '../../src/postgres/survey/survey.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';
import { workingClock } from '../support/working-clock.ts';

/** Everything that stands in the way, each in a table of its own. */
const BAD = `
CREATE TABLE public.stays (id bigint PRIMARY KEY, note text);
CREATE TABLE public.keyless (a int NOT NULL, b text);
CREATE TABLE public.keyless_but_unique (code text NOT NULL CONSTRAINT one_code UNIQUE);
CREATE UNLOGGED TABLE public.forgetful (id bigint PRIMARY KEY);
CREATE TABLE public.silent (id bigint PRIMARY KEY); ALTER TABLE public.silent REPLICA IDENTITY NOTHING;
CREATE TABLE public.odd (id bigint PRIMARY KEY, of regclass, price money);
CREATE TABLE public.egg (id bigint PRIMARY KEY, hen bigint);
CREATE TABLE public.hen (id bigint PRIMARY KEY, egg bigint CONSTRAINT hen_egg REFERENCES public.egg);
ALTER TABLE public.egg ADD CONSTRAINT egg_hen FOREIGN KEY (hen) REFERENCES public.hen;
CREATE TABLE public.loud (id bigint PRIMARY KEY);
CREATE FUNCTION public.tell() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.stays VALUES (NEW.id, 'x'); PERFORM pg_notify('loud', 'x'); RETURN NEW; END $f$;
CREATE TRIGGER tells AFTER INSERT ON public.loud FOR EACH ROW EXECUTE FUNCTION public.tell();
CREATE TABLE public.quietly (id bigint PRIMARY KEY, at timestamptz);
CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.at := now(); RETURN NEW; /* INSERT INTO public.stays; NOTIFY loud */ END $f$;
CREATE TRIGGER stamps BEFORE UPDATE ON public.quietly FOR EACH ROW EXECUTE FUNCTION public.stamp();
CREATE TABLE public.hot (id bigint PRIMARY KEY, n int); CREATE INDEX hot_n ON public.hot (n); INSERT INTO public.hot SELECT g, 0 FROM generate_series(1, 10) g;
CREATE TABLE public.child (id bigint PRIMARY KEY, parent bigint CONSTRAINT to_stays REFERENCES public.stays);
CREATE VIEW public.both AS SELECT c.id, s.note FROM public.child c JOIN public.stays s ON s.id = c.parent;
CREATE TABLE public.people (id bigint PRIMARY KEY, email text, date_of_birth date);
CREATE TABLE public.stays_too (id bigint PRIMARY KEY, of bigint CONSTRAINT among_stayers REFERENCES public.stays, person bigint CONSTRAINT from_stays REFERENCES public.people);
CREATE TABLE public.charts (id bigint PRIMARY KEY, diagnosis text);
CREATE TABLE public.cards (id bigint PRIMARY KEY, card_number text);
CREATE TABLE public.policed (id bigint PRIMARY KEY); ALTER TABLE public.policed ENABLE ROW LEVEL SECURITY;
CREATE TABLE public.ruled (id bigint PRIMARY KEY); CREATE RULE nothing AS ON DELETE TO public.ruled DO INSTEAD NOTHING;
CREATE EXTENSION citext SCHEMA public;
`;

/** As much, with nothing in the way: near misses of each of the above. */
const GOOD = `
CREATE TABLE public.stays (id bigint PRIMARY KEY, note text);
CREATE TABLE public.tree (id bigint PRIMARY KEY, parent bigint REFERENCES public.tree);
CREATE TABLE public.leaf (id bigint PRIMARY KEY, tree bigint REFERENCES public.tree, at timestamptz, price numeric(12,2), recipe text);
CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.at := now(); RETURN NEW; END $f$;
CREATE TRIGGER stamps BEFORE UPDATE ON public.leaf FOR EACH ROW EXECUTE FUNCTION public.stamp();
CREATE VIEW public.leaves AS SELECT l.id, t.parent FROM public.leaf l JOIN public.tree t ON t.id = l.tree;
`;

/** Each kind of risk, and the only places where it is one. */
const EXPECTED: Readonly<Record<string, { readonly says: RegExp; readonly of: readonly string[]; readonly todo: RegExp }>> = {
  'no key': { says: /^(\S+) has no primary key/, of: ['public.keyless', 'public.keyless_but_unique'], todo: /REPLICA IDENTITY (FULL|USING INDEX "one_code")/ },
  'no replica identity': { says: /^(\S+) has no replica identity/, of: ['public.keyless', 'public.keyless_but_unique', 'public.silent'], todo: /ALTER TABLE .* REPLICA IDENTITY (FULL|DEFAULT);/ },
  unlogged: { says: /^(\S+) is unlogged/, of: ['public.forgetful'], todo: /SET LOGGED/ },
  'row security': { says: /^(\S+) has row level security/, of: ['public.policed'], todo: /BYPASSRLS/ },
  rules: { says: /^(\S+) has rules/, of: ['public.ruled'], todo: /DROP RULE "nothing" ON "public"."ruled"/ },
  types: { says: /^(\S+) has types without an equal on another server: of regclass, price money$/, of: ['public.odd'], todo: /ALTER TABLE "public"."odd" ALTER COLUMN "of"/ },
  'side effects': { says: /^(\S+): trigger tells has side effects: it writes public.stays, and notifies listeners/, of: ['public.loud'], todo: /DISABLE TRIGGER "tells"/ },
  cycle: { says: /^(public.egg → public.hen) → public.egg refer/, of: ['public.egg → public.hen'], todo: /DEFERRABLE/ },
  'hot rows': { says: /^(\S+) has hot rows/, of: ['public.hot'], todo: /sync.conflicts.tables.public.hot/ },
  'few HOT updates': { says: /^(\S+): .* % of .* left the indexes alone \(HOT\)/, of: ['public.hot'], todo: /fillfactor/ },
  'foreign key across': { says: /across the cut: (\S+) refers to public/, of: ['public.child', 'public.stays_too'], todo: /DROP CONSTRAINT "(to|from)_stays"/ },
  'view across': { says: /across the cut: view (\S+) joins public.child with public.stays/, of: ['public.both'], todo: /DROP VIEW/ },
  'trigger across': { says: /across the cut: trigger tells of (\S+) writes public.stays/, of: ['public.loud'], todo: /event/ },
  'long transaction': { says: /^A long transaction of (sleeper) .* idle in transaction/, of: ['sleeper'], todo: /pg_terminate_backend\(\d+\)/ },
  'prepared transaction': { says: /^Prepared transaction (\S+) has been open/, of: ['PREPARED'], todo: /ROLLBACK PREPARED 't_/ },
  extension: { says: /^Extensions are installed that the target needs too: (citext) /, of: ['citext'], todo: /CREATE EXTENSION IF NOT EXISTS "citext"/ },
  personal: { says: /^Columns look like personal data \(GDPR\): (.*)$/, of: ['public.cards.card_number, public.people.email, public.people.date_of_birth'], todo: /verify-full/ },
  health: { says: /^Columns look like health data \(HIPAA, which the specification does not name\): (.*)$/, of: ['public.charts.diagnosis'], todo: /verify-full/ },
  cards: { says: /^Columns look like card data \(PCI DSS\): (.*)$/, of: ['public.cards.card_number'], todo: /verify-full/ },
};

const SPECIFICATION = { type: 'data' as const, source: 'a', target: 'b', constraints: { compliance_requirements: ['GDPR', 'PCI DSS'] }, owners: { 'database administrator': 'Ada' } };

const planOf = (found: Survey): MigrationPlan => new MigrationPlanner({ clock: { now: () => 0 } }).plan(SPECIFICATION, { survey: found });

/** Which of the risks that are told are of a kind, and where. */
function told(risks: readonly Risk[], says: RegExp): { readonly where: string; readonly risk: Risk }[] {
  return risks.flatMap((risk) => {
    const where = says.exec(risk.description)?.[1];
    return where === undefined ? [] : [{ where, risk }];
  });
}

async function surveyOf(database: TestDatabase): Promise<Survey> {
  const names = (await database.query("SELECT relname AS n FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT LIKE 'stays%' ORDER BY oid")).map(({ n }) => parseTableName(`public.${n}`));
  return survey({ pool: database.pool, clock: workingClock(), tables: names, watchSeconds: 10, longTransactionSeconds: 0.05 });
}

describePostgres('risks of what is there', () => {
  it('are told exactly where they are, each with what to do and who does it', async () => {
    const [bad, good] = [await testDatabase({ schema: BAD }), await testDatabase({ schema: GOOD })];
    await bad.query(`BEGIN; INSERT INTO public.stays VALUES (99); PREPARE TRANSACTION '${bad.name}'`);
    const sleeper = await bad.pool.connect();
    try {
      await sleeper.query("SET application_name = 'sleeper'; BEGIN; SELECT 1");
      for (let i = 0; i < 20; i++) await bad.query(`UPDATE public.hot SET n = n + 1 FROM generate_series(1, 1); ${'UPDATE public.hot SET n = n + 1;'.repeat(9)}`);
      await until(async () => (await bad.query("SELECT pg_stat_get_tuples_updated('public.hot'::regclass) >= 2000 AS all"))[0]?.['all'] === 't', { what: 'updates are counted', everyMs: 50 });
      await until(async () => (await bad.query("SELECT clock_timestamp() - xact_start > '0.1 s' AS long FROM pg_stat_activity WHERE application_name = 'sleeper'"))[0]?.['long'] === 't', { what: 'the transaction is long' });
      const [badly, well] = [planOf(await surveyOf(bad)), planOf(await surveyOf(good))];
      const kinds = new Set<Risk>();
      for (const [kind, { says, of, todo }] of Object.entries(EXPECTED)) {
        const found = told(badly.risks, says);
        expect(found.map(({ where }) => where).toSorted(), kind).toEqual(of.map((each) => (each === 'PREPARED' ? bad.name : each)).toSorted());
        for (const { risk } of found) {
          kinds.add(risk);
          expect(risk.mitigation, kind).toMatch(todo);
          expect([risk.probability, risk.impact, risk.severity, risk.owner].every((each) => each !== ''), kind).toBe(true);
          expect(risk.owner, kind).not.toBe('database administrator');
        }
        expect(told(well.risks, says).map(({ where }) => where), kind).toEqual([]);
      }
      // Nothing else is told of what is there, and nothing at all where nothing is in the way but what any server has.
      const common = new Set(new MigrationPlanner({ clock: { now: () => 0 } }).plan(SPECIFICATION).risks.map(({ description }) => description));
      const unbounded = /max_slot_wal_keep_size has no bound/;
      expect(badly.risks.filter((risk) => !kinds.has(risk) && !common.has(risk.description) && !unbounded.test(risk.description)).map(({ description }) => description)).toEqual([]);
      expect(well.risks.filter(({ description }) => !common.has(description) && !unbounded.test(description)).map(({ description }) => description)).toEqual([]);
      expect(badly.checklist[0]?.items[0]).toBe('Look at these columns, by their names of this kind: public.cards.card_number, public.people.email, public.people.date_of_birth');
      expect(planText(badly) + planMarkdown(badly)).toMatch(/MEASURED[^]*## Measured[^]*\| server \| log growth/);
    } finally {
      await sleeper.query('ROLLBACK');
      sleeper.release();
      await bad.query(`ROLLBACK PREPARED '${bad.name}'`);
    }
  });

  it('are also those that no test has the room or the servers for: huge tables, other settings, writers that are too fast', async () => {
    const database = await testDatabase({ schema: GOOD });
    const found = await surveyOf(database);
    const changed = (change: Partial<Survey>): readonly string[] => planOf({ ...found, ...change }).risks.map(({ description }) => description);
    const grown = (by: Partial<Survey['tables'][number]>): Partial<Survey> => ({ tables: found.tables.map((table) => (table.name === 'public.leaf' ? { ...table, ...by } : table)) });
    expect(changed(grown({ rows: 2e8, totalBytes: 2e11 }))).toContainEqual(expect.stringMatching(/^public.leaf is huge: 200,000,000 rows, 186 GiB/));
    expect(changed({ walLevel: 'replica' })).toContainEqual(expect.stringMatching(/^wal_level is replica/));
    expect(changed({ ...grown({ writes: 1_000_000, rows: 1e7 }), watchedSeconds: 10 })).toContainEqual(expect.stringMatching(/^Catching up does not end/));
    expect(changed({ slotLimitBytes: 1000, walBytes: 1e9, watchedSeconds: 10, ...grown({ tableBytes: 1e9 }) })).toContainEqual(expect.stringMatching(/^The slot may hold back more log .* than max_slot_wal_keep_size/));
    expect(changed({ slotLimitBytes: 1e15 })).not.toContainEqual(expect.stringMatching(/max_slot_wal_keep_size/));
  });

  it('and figures that a role may not see are gaps that are told, reckoned by a stated figure', async () => {
    const database = await testDatabase({ schema: GOOD });
    const role = `r_${database.name}`;
    await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    const url = new URL(database.url);
    [url.username, url.password] = [role, 'x'];
    const pool = createPool({ url: url.href, max: 2 });
    try {
      const found = await survey({ pool, clock: workingClock(), tables: [parseTableName('leaf')], watchSeconds: 10 });
      const { not_measured: gaps, tables } = planOf(found).measured ?? expect.unreachable();
      expect(gaps).toContainEqual({ what: 'read rate of public.leaf', why: 'the role may not SELECT from it' });
      expect(tables[0]?.read).toMatchObject({ basis: 'stated' });
    } finally {
      await pool.end();
      await database.query(`DROP ROLE ${role}`);
    }
  });
});
