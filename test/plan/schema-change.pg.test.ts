import { expect, it, onTestFinished } from 'vitest';
import { MigrationPlanner } from '../../src/plan/migration-planner.ts';
import { changeSteps } from '../../src/plan/schema-change-sql.ts';
import { splitStatements } from '../../src/postgres/sql/split-statements.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';

/** Statements one by one: what builds an index CONCURRENTLY runs in no transaction. */
async function apply(database: TestDatabase, script: string): Promise<void> {
  for (const { text } of splitStatements(script)) if (text.trim() !== '') await database.query(text);
}

const columns = (database: TestDatabase): Promise<Record<string, unknown>[]> =>
  database.query(
    "SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS strict, (SELECT string_agg(conname || ' ' || convalidated, ',' ORDER BY conname) FROM pg_constraint WHERE conrelid = a.attrelid AND contype <> 'n') AS constraints, " +
      "(SELECT string_agg(indexrelid::regclass || ' ' || indisvalid, ',' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = a.attrelid) AS indexes FROM pg_attribute a WHERE a.attrelid = 'public.\"Odd users\"'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname",
  );

describePostgres("a plan's schema changes", () => {
  const changes = [
    { type: 'add_column', column: 'verified', data_type: 'boolean', default: false, nullable: false },
    { type: 'modify_column', column: 'age', old_type: 'int4', new_type: 'bigint' },
    { type: 'drop_column', column: 'note' },
    { type: 'rename_column', old_name: 'note', new_name: 'remark', data_type: 'text' },
    { type: 'add_constraint', constraint_type: 'check', constraint_name: 'of age', definition: '(age >= 0)' },
    { type: 'add_constraint', constraint_type: 'unique', constraint_name: 'one note', definition: '(note)' },
    { type: 'add_constraint', constraint_type: 'foreign_key', constraint_name: 'parent', definition: 'FOREIGN KEY (age) REFERENCES public."Odd users" (id)' },
    { type: 'drop_constraint', constraint_name: 'positive', definition: 'CHECK (id > 0)' },
    { type: 'add_index', column: 'age', constraint_name: 'by age' },
  ];

  let shared: Promise<TestDatabase> | undefined;
  it.each(changes)('are seen to be done after each of a plan\'s phases, and not before: $type', async (change) => {
    const database = await (shared ??= testDatabase());
    await database.query('DROP TABLE IF EXISTS public."Odd users", public."Odd users_note_saved"; CREATE TABLE public."Odd users" (id bigint PRIMARY KEY CONSTRAINT positive CHECK (id > 0), age int, note text NOT NULL)');
    await database.query('INSERT INTO public."Odd users" VALUES (1, 1, \'a\'), (2, 1, \'b\')');
    const { phases } = new MigrationPlanner({ clock: { now: () => 0 } }).plan({ type: 'database', source: 'a', target: 'b', pattern: 'schema_change', schema_changes: [{ table: '"Odd users"', changes: [change] }] });
    const told: string[] = [];
    for (const { name, steps } of phases) {
      for (const { start, validate, script_type: kind } of steps) {
        if (kind !== 'sql') continue;
        // A column that is asked for before it is there is an error, which is no yes either.
        const asked = async (): Promise<unknown> => database.query(validate.replace(/;\s*$/, '')).then((rows) => Object.values(rows[0] ?? {})[0], () => 'f');
        const before = await asked();
        await apply(database, start);
        told.push(`${name}: ${String(before)} then ${String(await asked())}`);
      }
    }
    expect(told).toEqual([
      ...(change.type === 'drop_constraint' ? [] : ['expand: f then t', 'migrate: t then t']),
      ...(change.type === 'add_index' || ('constraint_type' in change && change.constraint_type === 'unique') ? [] : ['contract: f then t']),
    ]);
  });

  it.each(changes)('run twice on a server and are undone before their second half: $type', async (change) => {
    const database = await testDatabase();
    onTestFinished(() => database.drop());
    await database.query('CREATE TABLE public."Odd users" (id bigint PRIMARY KEY CONSTRAINT positive CHECK (id > 0), age int, note text)');
    await database.query('INSERT INTO public."Odd users" VALUES (1, 1, \'a\'), (2, 1, \'b\')');
    const before = await columns(database);
    const [step] = changeSteps([{ table: '"Odd users"', changes: [change] }]);
    expect(step).toBeDefined();
    if (!step) return;
    const asked = async (query: string): Promise<unknown> => Object.values((await database.query(query))[0] ?? {})[0];
    const ok = async (): Promise<unknown> => Object.values((await database.query(step.validate.replace(/;\s*$/, '')))[0] ?? {})[0];
    await apply(database, step.expand);
    if (change.type === 'add_column' || change.type === 'rename_column' || change.type === 'add_index') await apply(database, step.expand);
    await apply(database, step.rollback);
    expect(await columns(database)).toEqual(before);
    await apply(database, step.expand);
    if (change.type !== 'drop_constraint') expect(await ok()).toBe('t');
    if (step.undone !== undefined) expect(await asked(step.undone)).toBe('f');
    const expanded = await columns(database);
    await apply(database, step.contract);
    if (step.contractUndone !== undefined && step.undoContract !== undefined) {
      const rows = await database.query('SELECT id, age, note FROM public."Odd users" ORDER BY id').catch(() => undefined);
      await apply(database, step.undoContract);
      expect(await asked(step.contractUndone)).toBe('t');
      if (change.type !== 'add_column') expect(await columns(database)).toEqual(expanded);
      expect(await database.query('SELECT id, age, note FROM public."Odd users" ORDER BY id')).toEqual(rows ?? [{ id: '1', age: '1', note: 'a' }, { id: '2', age: '1', note: 'b' }]);
      await apply(database, step.rollback);
      expect(await columns(database)).toEqual(before);
      await apply(database, `${step.expand}\n${step.contract}`);
    }
    if (change.type === 'add_column') expect((await columns(database)).find(({ name }) => name === 'verified')).toMatchObject({ type: 'boolean', strict: 't' });
    if (change.type === 'modify_column') expect((await columns(database)).find(({ name }) => name === 'age')).toMatchObject({ type: 'bigint' });
  });

  it('of another kind are left to a person, with what was written of them', () => {
    const [plain, defined] = changeSteps([{ table: 't', changes: [{ type: 'partition' }, { type: 'comment', definition: "COMMENT ON TABLE t IS 'x'" }] }]);
    expect(plain?.expand).toContain('to be written by a person');
    expect(defined?.expand).toBe("COMMENT ON TABLE t IS 'x'");
  });
});
