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

  test('lists what the grammar refuses', async () => {
    const { workload, unread } = await parseWorkload('begin; selec 1; select 1 from a; commit;');
    expect(unread).toEqual([{ line: 1, text: 'selec 1', reason: 'syntax error at or near "selec"' }]);
    expect(workload.transactions).toHaveLength(1);
  });
});
