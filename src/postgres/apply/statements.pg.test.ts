import { expect, it } from 'vitest';
import { describePostgres, testDatabase } from '../../../test/support/postgres.ts';
import { tableName } from '../../model/names.ts';
import { inTransaction } from '../connect.ts';
import { deleteAll, insertAll, updateAll, type Statement } from './statements.ts';
import { readShapes } from './table-shape.ts';

describePostgres('set-based statements', () => {
  it('tell exactly which rows of a group did not take, by a key of several columns', async () => {
    const database = await testDatabase({ schema: 'CREATE TABLE part (b text, a int, v numeric, PRIMARY KEY (a, b))' });
    const table = tableName('public', 'part');
    const shape = (await readShapes(database.pool, [table])).get(table);
    if (!shape) throw new Error('no shape');
    await database.query("INSERT INTO public.part VALUES ('x', 2, 0)");
    // With no origin and no horizon, only rows of the statement's own transaction may be written.
    const guard = { origins: undefined, horizonXid: undefined };
    const rows = [['x', '1', '1.10'], ['x', '2', '2'], ['y', '2', 'NaN']];
    const keys = [['1', 'x'], ['2', 'x'], ['2', 'y']];
    await inTransaction(database.pool, async (client) => {
      const missed = async ({ text, values }: Statement): Promise<unknown> =>
        (await client.query<{ missed: string | null }>(text, [...values])).rows.map((row) => row.missed);
      expect(await missed(insertAll(shape, rows, guard))).toEqual(['{2}']);
      expect(await missed(insertAll(shape, [rows[0]!, rows[2]!], guard))).toEqual([null]);
      expect(await missed(updateAll(shape, keys, rows, guard))).toEqual(['{2}']);
      expect(await missed(deleteAll(shape, [...keys, ['9', 'z']], guard))).toEqual(['{2,4}']);
    });
    expect(await database.query('SELECT a, b, v FROM public.part')).toEqual([{ a: '2', b: 'x', v: '0' }]);
  });

  it('read values of each type as the server reads them from text', async () => {
    const columns = {
      i2: '-32768', i8: '9223372036854775807', n: '1.10', f: '-0', d: '0044-03-15 BC', ts: 'infinity', tz: '2024-01-01 00:00:00.000001+00',
      t: 'a "b" \\ {,} NULL', vc: 'NULL', b: 'f', u: '00000000-0000-0000-0000-000000000001', by: '\\x00ff5c', j: '{"a": 12345678901234567890, "a": "\\""}', ia: '{{1,NULL},{2,3}}',
    };
    const database = await testDatabase({
      schema:
        'CREATE TABLE typed (id int PRIMARY KEY, i2 int2, i8 int8, n numeric(10,2), f float8, d date, ts timestamp, tz timestamptz, t text, ' +
        'vc varchar(10), b bool, u uuid, by bytea, j json, ia int[])',
    });
    const table = tableName('public', 'typed');
    const shape = (await readShapes(database.pool, [table])).get(table);
    if (!shape) throw new Error('no shape');
    const { text, values } = insertAll(shape, [['1', ...Object.values(columns)], ['2', ...Object.values(columns).map(() => null)]], { origins: undefined, horizonXid: 1 });
    await database.query(text, values);
    const [first, second] = await database.query('SELECT * FROM public.typed ORDER BY id');
    expect(first).toEqual({ id: '1', ...columns });
    expect(Object.values(second ?? {}).filter((value) => value !== null)).toEqual(['2']);
  });
});
