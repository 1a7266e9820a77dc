import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MigrationScript } from '../../src/plan/check/finding.ts';
import { describePostgres } from '../support/postgres.ts';
import { makeSchema, roundTrip, scriptsBetween, type MadeSchema } from '../support/round-trip.ts';
import { SchemaLab } from '../support/schema-lab.ts';

const OLD = `
  CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TYPE mood AS ENUM ('low', 'high');
  CREATE TABLE a (id integer PRIMARY KEY);
  CREATE TABLE t (id integer PRIMARY KEY, a integer, name varchar(20), note text, m mood, gone text DEFAULT 'x');
  CREATE INDEX changed ON t (name);
  CREATE INDEX going ON t (note);
  CREATE VIEW v AS SELECT id, name FROM t`;
const NEW = `
  CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TYPE mood AS ENUM ('lowest', 'low', 'high');
  CREATE TABLE a (id integer PRIMARY KEY);
  CREATE TABLE t (id integer PRIMARY KEY, a integer REFERENCES a ON DELETE CASCADE, name varchar(10) NOT NULL CHECK (name <> ''), note text COLLATE "C" DEFAULT 'n', m mood, fresh bigint GENERATED ALWAYS AS IDENTITY (INCREMENT 5));
  CREATE INDEX changed ON t (name, note);
  CREATE UNIQUE INDEX coming ON t (fresh);
  CREATE INDEX moods ON t (m);
  CREATE VIEW v AS SELECT id, name, note FROM t;
  CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
  ALTER TABLE t DISABLE TRIGGER tr;
  COMMENT ON TABLE t IS 'all'`;
const ROWS = "SET search_path = public; INSERT INTO a VALUES (1); INSERT INTO t VALUES (1, 1, 'one', 'first', 'low'), (2, NULL, 'two', 'second', 'high'); SET search_path = pg_catalog";

type Mutation = (scripts: readonly MigrationScript[]) => readonly MigrationScript[];

/** The generator of scripts, as if it forgot or confused something. */
const where = (says: RegExp, change: (script: MigrationScript) => MigrationScript | undefined): Mutation => (scripts) => scripts.flatMap((script) => (says.test(script.description) ? (change(script) ?? []) : [script]));
const forward = (says: RegExp, from: string | RegExp, to: string): Mutation => where(says, (script) => ({ ...script, script_content: script.script_content.replace(from, to) }));
const back = (says: RegExp, from: string | RegExp, to: string): Mutation => where(says, (script) => ({ ...script, rollback_script: script.rollback_script.replace(from, to) }));
const ALL = /^[\s\S]*$/;

const BUGS: readonly (readonly [bug: string, mutation: Mutation, caught: RegExp])[] = [
  ['a default is dropped', where(/^Set the default of t\.note/, () => undefined), /^there: lacks column public\.t note .*default 'n'/m],
  ['a default goes to another value', forward(/^Set the default of t\.note/, "SET DEFAULT 'n'", "SET DEFAULT 'm'"), /says f, not t/],
  ['a second run writes what is there', forward(/^Set the default of t\.note/, / AND NOT \(SELECT pg_get_expr.* THEN/, ') THEN'), /^Set the default of t\.note: wrote once more/m],
  ['the order is the other way round', (scripts) => scripts.toReversed(), /error|says f, not t/],
  ['a foreign key is validated before it is there', (scripts) => [...scripts.filter(({ description }) => description.startsWith('Validate foreign key')), ...scripts.filter(({ description }) => !description.startsWith('Validate foreign key'))], /Validate foreign key .* says f, not t/],
  ['a foreign key loses its action', forward(/^Add foreign key/, ' ON DELETE CASCADE', ''), /^there: lacks constraint public\.t t_a_fkey .*ON DELETE CASCADE/m],
  ['a constraint is never validated', where(/^Validate check/, () => undefined), /^there: has constraint .*NOT VALID/m],
  ['a NOT NULL is forgotten', where(/t\.name NOT NULL$|nulls in t\.name$/, () => undefined), /^there: lacks column public\.t name .*not null/m],
  ['a way back forgets an index', back(/^Drop index going/, ALL, '-- Nothing to undo.'), /^back: lacks index CREATE INDEX going/m],
  ['a way back leaves an index', back(/^Build index moods/, ALL, '-- Nothing to undo.'), /^back: has index CREATE INDEX moods/m],
  ['IF NOT EXISTS hides that an index is another one', where(/^Drop index changed/, () => undefined), /Build index changed .*before says t, not f/],
  ['an index is built in another order', forward(/^Build index changed/, 'name, note', 'note, name'), /^there: lacks index CREATE INDEX changed/m],
  ['an index is not unique', forward(/^Build index coming/, 'UNIQUE ', ''), /^there: lacks index CREATE UNIQUE INDEX coming/m],
  ['a second run stumbles', forward(/^Add check/, /DO \$banyan\$[\s\S]*$/, "ALTER TABLE public.t ADD CONSTRAINT t_name_check CHECK (((name)::text <> ''::text)) NOT VALID"), /already exists/],
  ['a second run of the way back stumbles', back(/^Add column t\.fresh/, 'IF EXISTS "fresh"', '"fresh"'), /column "fresh" .* does not exist/],
  ['a validation query is always true', where(/^Comment on t$/, (script) => ({ ...script, validation_query: 'SELECT true' })), /Comment on t: its validation query, before says t, not f/],
  ['a validation query is never true', where(/^Comment on t$/, (script) => ({ ...script, validation_query: 'SELECT false' })), /Comment on t: its validation query says f, not t/],
  ['values that do not fit are cut', forward(/^Change t\.name to/, /TYPE character varying\(10\)/, "TYPE character varying(10) USING left(name, 1)"), /^there: rows were/m],
  ['rows of another column are written', forward(/^Comment on t$/, ALL, "COMMENT ON TABLE public.t IS 'all'; UPDATE public.t SET note = 'other' WHERE id = 1"), /^there: rows were .*first.*other/m],
  ['rows are gone', forward(/^Comment on t$/, ALL, "COMMENT ON TABLE public.t IS 'all'; DELETE FROM public.t WHERE id = 2"), /^there: rows were/m],
  ['rows come back changed', back(/^Comment on t$/, ALL, "COMMENT ON TABLE public.t IS NULL; UPDATE public.t SET note = note || '!'"), /^back: rows were/m],
  ['a collation is lost', forward(/^Change t\.note/, ' COLLATE "C"', ''), /says f, not t/],
  ['the numbers of an identity column are lost', forward(/^Add column t\.fresh/, 'INCREMENT BY 5', 'INCREMENT BY 1'), /^there: lacks sequence public\.t_fresh_seq/m],
  ['a trigger fires that should not', forward(/^Create trigger tr/, /ALTER TABLE .* DISABLE TRIGGER .*;/, ''), /says f, not t/],
  ['a label stands at the wrong place', forward(/^Add to the labels/, /BEFORE 'low'/, "AFTER 'low'"), /says f, not t/],
  ['a view is not made again on the way back', back(/^Drop view v/, ALL, '-- Nothing to undo.'), /^back: lacks relation public\.v/m],
  ['a column comes back without its default', back(/^Drop column t\.gone/, " DEFAULT 'x'::text", ''), /^back: lacks column public\.t gone .*default 'x'/m],
  ['a length comes back wrong', back(/^Change t\.name to/, 'TYPE character varying(20)', 'TYPE character varying(21)'), /^back: lacks column public\.t name character varying\(20\)/m],
  ['two scripts have one name', (scripts) => [...scripts, ...scripts.slice(-1)], /same description/],
];

describePostgres('the round trip catches', () => {
  let lab: SchemaLab;
  let [before, after]: MadeSchema[] = [];
  beforeAll(async () => {
    lab = await SchemaLab.open();
    after = await makeSchema(lab, NEW);
    before = await makeSchema(lab, OLD);
  });
  afterAll(() => lab.close());

  const faultsOf = async (mutation: Mutation): Promise<{ readonly faults: string; readonly changed: boolean }> => {
    if (!before || !after) throw new Error('The schemas were not made.');
    const { scripts } = scriptsBetween(before, after);
    const mutated = mutation(scripts);
    await lab.create(OLD);
    await lab.must([ROWS]);
    const faults = await roundTrip({ lab, before, after, scripts: mutated });
    return { faults: faults.join('\n'), changed: JSON.stringify(mutated) !== JSON.stringify(scripts) };
  };

  it('nothing where nothing is wrong', async () => {
    expect(await faultsOf((scripts) => scripts)).toEqual({ faults: '', changed: false });
  });

  it.each(BUGS)('%s', async (_bug, mutation, caught) => {
    const { faults, changed } = await faultsOf(mutation);
    expect(changed, 'the bug is planted').toBe(true);
    expect(faults).toMatch(caught);
  });
});
