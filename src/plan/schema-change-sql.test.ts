import { describe, expect, test } from 'vitest';
import { changeSteps, type ChangeStep } from './schema-change-sql.ts';

type Change = Parameters<typeof changeSteps>[0][number]['changes'][number];

/** Without the wait before each lock: what is said, not how it is waited for. */
const bare = (statement: string | undefined): string | undefined => statement?.replaceAll(/SET lock_timeout = [^\n]*\n/g, '');
const stepOf = (change: Change, table = 'users'): Partial<ChangeStep> => {
  const [step] = changeSteps([{ table, changes: [change] }]);
  return Object.fromEntries(Object.entries(step ?? {}).map(([key, value]: [string, string]) => [key, bare(value)]));
};

describe('a column that is added', () => {
  test('may be empty: nothing is taken away later', () => {
    const step = stepOf({ type: 'add_column', column: 'a' });
    expect(step).toMatchObject({ expand: 'ALTER TABLE "public"."users" ADD COLUMN IF NOT EXISTS "a" text;', contract: '', rollback: 'ALTER TABLE "public"."users" DROP COLUMN IF EXISTS "a";' });
    expect(step).not.toHaveProperty('undoContract');
  });

  test('has its default as SQL or as a value, and NOT NULL only in the end', () => {
    expect(stepOf({ type: 'add_column', column: 'a', data_type: 'int', default: 'now()' }).expand).toContain('"a" int DEFAULT now();');
    expect(stepOf({ type: 'add_column', column: 'a', data_type: 'int', default: 5 }).expand).toContain('"a" int DEFAULT 5;');
    expect(stepOf({ type: 'add_column', column: 'a', data_type: 'boolean', default: false, nullable: true }).expand).toContain('"a" boolean DEFAULT false;');
    const strict = stepOf({ type: 'add_column', column: 'a', nullable: false }, 'shop."Odd"');
    expect(strict.expand).not.toContain('NOT NULL');
    expect(strict.contract).toContain('ALTER TABLE "shop"."Odd" ALTER COLUMN "a" SET NOT NULL;');
    expect(strict).toMatchObject({ undoContract: 'ALTER TABLE "shop"."Odd" ALTER COLUMN "a" DROP NOT NULL;' });
    expect(strict.validateContract).toContain('AND attnotnull');
  });
});

describe('a column of another type', () => {
  test('goes back to the type that it had, if that is told', () => {
    const step = stepOf({ type: 'modify_column', column: 'a', old_type: 'int', new_type: 'bigint' });
    expect(step).toMatchObject({ name: 'change column a from int to bigint', contractLoses: 'values of users.a that int does not hold' });
    expect(step.undoContract).toContain('SET "a" = "a_new"::int ');
  });

  test('keeps what it was where nobody says', () => {
    const step = stepOf({ type: 'modify_column', column: 'a', data_type: 'bigint' });
    expect(step).toMatchObject({ name: 'change column a from its type to bigint', contractLoses: 'what was written to users.a since' });
    expect(step.undoContract).not.toContain('UPDATE');
    expect(stepOf({ type: 'modify_column', column: 'a' }).expand).toContain('ADD COLUMN IF NOT EXISTS "a_new" text;');
  });
});

test('a dropped column asks for values again on the way back only where it did before', () => {
  expect(stepOf({ type: 'drop_column', column: 'a', nullable: false }).rollback).toContain('ALTER COLUMN "a" SET NOT NULL');
  expect(stepOf({ type: 'drop_column', column: 'a' }).rollback).toBe('-- The column is still there: new rows have null in it.');
});

test('a renamed column is told by its old name or by column', () => {
  for (const of of [{ old_name: 'a' }, { column: 'a' }]) {
    const step = stepOf({ type: 'rename_column', new_name: 'b', ...of });
    expect(step).toMatchObject({ name: 'rename column a to b', contract: 'ALTER TABLE "public"."users" DROP COLUMN IF EXISTS "a";', rollback: 'ALTER TABLE "public"."users" DROP COLUMN IF EXISTS "b";' });
  }
});

describe('a constraint', () => {
  test('that can be checked beside the writers is: NOT VALID first', () => {
    expect(stepOf({ type: 'add_constraint', constraint_type: 'CHECK', definition: '(a > 0)' }, 'shop.orders')).toMatchObject({
      name: 'add constraint shop_orders_check', expand: 'ALTER TABLE "shop"."orders" ADD CONSTRAINT "shop_orders_check" CHECK (a > 0) NOT VALID;', contract: 'ALTER TABLE "shop"."orders" VALIDATE CONSTRAINT "shop_orders_check";',
    });
    expect(stepOf({ type: 'add_constraint', constraint_type: 'foreign_key', constraint_name: 'f', definition: '(a) REFERENCES b' }).expand).toBe('ALTER TABLE "public"."users" ADD CONSTRAINT "f" FOREIGN KEY (a) REFERENCES b NOT VALID;');
    expect(stepOf({ type: 'add_constraint', definition: 'CHECK (a > 0)' })).toMatchObject({ name: 'add constraint public_users_check', undoContract: 'ALTER TABLE "public"."users" DROP CONSTRAINT IF EXISTS "public_users_check", ADD CONSTRAINT "public_users_check" CHECK (a > 0) NOT VALID;' });
  });

  test('that needs an index is added at once', () => {
    const step = stepOf({ type: 'add_constraint', constraint_type: 'unique', constraint_name: 'u', definition: 'UNIQUE (a)' });
    expect(step).toMatchObject({ contract: '', expand: '-- Its index is built beside the writers first: CREATE UNIQUE INDEX CONCURRENTLY.\nALTER TABLE "public"."users" ADD CONSTRAINT "u" UNIQUE (a);' });
    expect(step).not.toHaveProperty('validateContract');
  });

  test('that is dropped comes back if it is told how it was', () => {
    expect(stepOf({ type: 'drop_constraint', constraint_name: 'c', definition: 'CHECK (a > 0)' })).toMatchObject({ expand: '', undoContract: 'ALTER TABLE "public"."users" DROP CONSTRAINT IF EXISTS "c", ADD CONSTRAINT "c" CHECK (a > 0);' });
    expect(stepOf({ type: 'drop_constraint', constraint_name: 'c' }).rollback).toBe('-- Add it again as it was: the specification does not say how.');
  });
});

test('an index is of columns, of one column, or as it is written', () => {
  expect(stepOf({ type: 'add_index', columns: ['a', 'B'], constraint_name: 'i' }).expand).toMatch(/"i" ON "public"\."users" \("a", "B"\);$/);
  expect(stepOf({ type: 'add_index', column: 'a' }).rollback).toBe('DROP INDEX CONCURRENTLY IF EXISTS "public"."public_users_idx";');
  expect(stepOf({ type: 'add_index', definition: 'CREATE INDEX CONCURRENTLY i ON users (lower(a));', constraint_name: 'i' }).expand).toContain('lower(a)');
});

test.each<[Change, string]>([
  [{ type: 'add_column' }, 'add column'], [{ type: 'modify_column' }, 'modify column'], [{ type: 'drop_column' }, 'drop column'], [{ type: 'rename_column', new_name: 'b' }, 'rename column'], [{ type: 'rename_column', column: 'a' }, 'rename column of a'],
  [{ type: 'drop_constraint' }, 'drop constraint'], [{ type: 'add_index' }, 'add index'], [{ type: 'split_table', column: 'a' }, 'split table of a'], [{ type: 'add_constraint', constraint_type: 'check', constraint_name: 'c' }, 'add constraint'], [{ type: 'add_constraint' }, 'add constraint'],
])('%j does not say enough: it is left to a person', (change, name) => {
  expect(stepOf(change)).toMatchObject({ name, expand: `-- ${change.type} on users: to be written by a person.`, contract: '', rollback: `-- Undo ${change.type} on users: to be written by a person.` });
});

test('what no rule knows keeps its own definition', () => {
  expect(stepOf({ type: 'split_table', definition: 'CREATE TABLE a ();' })).toMatchObject({ name: 'split table', expand: 'CREATE TABLE a ();' });
});
