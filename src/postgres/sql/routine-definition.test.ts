import { describe, expect, test } from 'vitest';
import type { RoutineDefinition } from '../../model/schema.ts';
import { parseSchema } from './parse-schema.ts';

const routineOf = async (sql: string): Promise<RoutineDefinition | undefined> => {
  const { schema, unread } = await parseSchema(sql);
  expect(unread).toEqual([]);
  return schema.routines?.[0];
};

describe('CREATE FUNCTION and PROCEDURE', () => {
  test('what it gives back is told by RETURNS, by its OUT parameters, or is nothing', async () => {
    const returns = async (head: string) => (await routineOf(`create function f${head} language sql as 'select 1'`))?.returns;
    expect(await returns('() returns setof varchar(3)')).toBe('SETOF character varying(3)');
    expect(await returns('() returns table (a int, "B b" text)')).toBe('TABLE(a integer, "B b" text)');
    expect(await returns('(out a int)')).toBe('integer');
    expect(await returns('(inout a text, b int)')).toBe('text');
    expect(await returns('(out a int, out b text)')).toBe('record');
    expect(await returns('()')).toBe('void');
    const procedure = await routineOf("create procedure p(a int, out b text) language sql as 'select 1'");
    expect(procedure).toMatchObject({ kind: 'procedure', signature: 'integer, text', arguments: 'a integer, OUT b text' });
    expect(procedure).not.toHaveProperty('returns');
  });

  test('parameters keep their mode, name and default, and are told without what no signature has', async () => {
    const f = await routineOf(`create function f(int, a varchar(5) default 'x, (y', "B" int = 3, out c int, inout d text DEFAULT now()::text, e int=4, variadic f int[] default '{}') language sql as 'select 1'`);
    expect(f?.arguments).toBe(`integer, a character varying DEFAULT 'x, (y', "B" integer DEFAULT 3, OUT c integer, INOUT d text DEFAULT now()::text, e integer DEFAULT 4, VARIADIC f integer[] DEFAULT '{}'`);
    expect(f?.signature).toBe('integer, character varying, integer, text, integer, integer[]');
  });

  test('attributes are told where they are not what the server takes anyway, the last one said winning', async () => {
    const attributes = async (words: string, returns = 'int') => (await routineOf(`create function f() returns ${returns} language sql ${words} as 'select 1'`))?.attributes;
    expect(await attributes('')).toBe('');
    expect(await attributes('volatile called on null input security invoker parallel unsafe cost 100')).toBe('');
    expect(await attributes('immutable leakproof strict security definer parallel safe cost 5 rows 7', 'setof int')).toBe('IMMUTABLE LEAKPROOF STRICT SECURITY DEFINER PARALLEL SAFE COST 5 ROWS 7');
    expect(await attributes('stable not leakproof parallel restricted cost 0.5 rows 1000', 'setof int')).toBe('STABLE PARALLEL RESTRICTED COST 0.5');
    expect(await attributes('cost 0')).toBe('COST 0');
  });

  test('settings: lists part by part, others as one value', async () => {
    const settings = async (words: string) => (await routineOf(`create function f() returns int language sql ${words} as 'select 1'`))?.attributes;
    expect(await settings('set search_path = app, "Odd one", public')).toBe('SET search_path TO app, "Odd one", public');
    expect(await settings("set search_path = ''")).toBe('SET search_path TO ""');
    expect(await settings("set statement_timeout = 500 set work_mem to '4MB' set enable_seqscan = off")).toBe("SET statement_timeout TO '500' SET work_mem TO '4MB' SET enable_seqscan TO 'off'");
    expect(await settings('set seed = 0.5')).toBe("SET seed TO '0.5'");
    expect(await settings('set extra_float_digits = 0')).toBe("SET extra_float_digits TO '0'");
  });

  test('a body in quotes, in SQL of the standard, and one of another language', async () => {
    expect(await routineOf('create function f() returns int return 1 + 1;')).toMatchObject({ language: 'sql', standardBody: true, body: 'return 1 + 1' });
    expect(await routineOf('create procedure p() begin atomic select 1; select 2; end')).toMatchObject({ standardBody: true, body: 'begin atomic select 1; select 2; end' });
    expect(await routineOf("create function shop.f() returns int language PLpgSQL as $$ begin return 1; end $$")).toMatchObject({ schema: 'shop', language: 'plpgsql', standardBody: false, body: ' begin return 1; end ' });
    expect(await routineOf("create function f() returns int language c as 'lib', 'symbol'")).toMatchObject({ language: 'c', body: 'symbol' });
  });
});
