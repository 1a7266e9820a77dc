import { describe, expect, test } from 'vitest';
import { parseWorkload } from './parse-workload.ts';

describe('parseWorkload', () => {
  test('reads transactions with their calls, reads, writes and joins', async () => {
    const { workload, statements } = await parseWorkload(`
-- calls: 36
BEGIN;
SELECT * FROM users u JOIN sessions s ON s.user_id = u.id WHERE u.id = $1;
UPDATE users SET a = 1 WHERE id = $1;
INSERT INTO "log" (a) SELECT a FROM shop.items;
COMMIT;

SELECT 1 FROM only_read;`);
    expect(statements).toBe(6);
    expect(workload.transactions).toEqual([
      {
        calls: 36,
        line: 3,
        reads: ['public.sessions', 'public.users', 'shop.items'],
        writes: ['public.log', 'public.users'],
        operations: [
          { table: 'public.users', kind: 'update', columns: ['a'] },
          { table: 'public.log', kind: 'insert' },
        ],
        joins: [['public.sessions', 'public.users'], ['public.log', 'shop.items']],
      },
      { calls: 1, line: 9, reads: ['public.only_read'], writes: [], joins: [] },
    ]);
  });

  test('a rolled back transaction writes nothing; savepoints do not end one', async () => {
    const { workload } = await parseWorkload(`
      start transaction; insert into a values (1); rollback;
      begin; insert into b values (1); savepoint x; insert into c values (1); rollback to x; end;
      begin; delete from d; begin; merge into e using f on true when matched then delete; `);
    expect(workload.transactions.map(({ writes }) => writes)).toEqual([
      ['public.b', 'public.c'], ['public.d'], ['public.e'],
    ]);
  });

  test('knows every way to write, and what is not a table', async () => {
    const { workload } = await parseWorkload(`
      with w as (delete from a returning *), r as (select 1) insert into b select * from w, r;
      truncate c, d;
      copy e from '/dev/null';
      select 1 from pg_class, information_schema.tables, pg_catalog.pg_index, f for update;
      select 1;`);
    expect(workload.transactions.map(({ reads, writes }) => ({ reads, writes }))).toEqual([
      { reads: ['public.a'], writes: ['public.a', 'public.b'] },
      { reads: [], writes: ['public.c', 'public.d'] },
      { reads: [], writes: ['public.e'] },
      { reads: ['public.f'], writes: [] },
    ]);
  });

  test('says what is done to the rows, with the columns set and those set from their own value', async () => {
    const { workload } = await parseWorkload(`
      -- observed: 12h
      begin;
      insert into a values (1) on conflict (id) do update set n = a.n + 1, at = excluded.at;
      update b set x = $1 where id = 1; update b set y = coalesce(y, 0) - $1, z = x where id = 2;
      delete from c; truncate d; copy e from '/dev/null';
      merge into f using g on true when matched then update set q = f.q when not matched then insert values (1) ;
      with w as (update h set v = 1 returning *) select * from w;
      commit;`);
    expect(workload.seconds).toBe(43_200);
    expect(workload.transactions[0]!.operations).toEqual([
      { table: 'public.a', kind: 'insert' },
      { table: 'public.a', kind: 'update', columns: ['n', 'at'], relative: ['n'] },
      { table: 'public.b', kind: 'update', columns: ['x', 'y', 'z'], relative: ['y'], falling: ['y'] },
      { table: 'public.c', kind: 'delete' },
      { table: 'public.d', kind: 'delete' },
      { table: 'public.e', kind: 'insert' },
      { table: 'public.f', kind: 'update', columns: ['q'], relative: ['q'] },
      { table: 'public.f', kind: 'insert' },
      { table: 'public.h', kind: 'update', columns: ['v'] },
    ]);
    const undone = await parseWorkload('-- observed: soon\nbegin; delete from a; rollback;');
    expect(undone.workload).toEqual({ transactions: [{ calls: 1, line: 2, reads: ['public.a'], writes: [], joins: [] }] });
  });

  test('lists what the grammar refuses', async () => {
    const { workload, unread } = await parseWorkload('begin; selec 1; select 1 from a; commit;');
    expect(unread).toEqual([{ line: 1, text: 'selec 1', reason: 'syntax error at or near "selec"' }]);
    expect(workload.transactions).toHaveLength(1);
  });
});
