import { expect, it } from 'vitest';
import { describePostgres, serverUrl, testDatabase } from './postgres.ts';
import { connect } from '../../src/postgres/connect.ts';

describePostgres('a test database', () => {
  it('is a clone of its schema, with raw text values', async () => {
    const schema = `CREATE TABLE users (id bigint PRIMARY KEY, paid boolean); INSERT INTO users VALUES (1, true);`;
    const [one, two] = await Promise.all([testDatabase({ schema }), testDatabase({ schema })]);
    await one.query('INSERT INTO public.users VALUES ($1, $2)', ['2', 'f']);
    expect(await one.query('SELECT * FROM public.users ORDER BY id')).toEqual([
      { id: '1', paid: 't' },
      { id: '2', paid: 'f' },
    ]);
    expect(await two.query('SELECT count(*) AS n FROM public.users')).toEqual([{ n: '1' }]);
    expect(one.name).not.toBe(two.name);
  });

  it('answers several statements with the rows of the last', async () => {
    const database = await testDatabase();
    expect(await database.query('CREATE TABLE public.t (a int); SELECT 7 AS seven')).toEqual([{ seven: '7' }]);
  });

  it('can decode logically, and takes its slots, origins and sessions along when it goes', async () => {
    const database = await testDatabase();
    await database.query(`SELECT pg_create_logical_replication_slot('slot_${database.name}', 'pgoutput')`);
    await database.query(`SELECT pg_replication_origin_create('origin_${database.name}')`);
    await database.pool.connect();
    await database.drop();
    const server = await connect({ url: serverUrl() });
    try {
      const left = await server.query(
        `SELECT 1 FROM pg_replication_slots WHERE database = $1 UNION ALL SELECT 1 FROM pg_database WHERE datname = $1
         UNION ALL SELECT 1 FROM pg_replication_origin WHERE strpos(roname, $1) > 0`,
        [database.name],
      );
      expect(left.rows).toEqual([]);
    } finally {
      await server.end();
    }
  });

  it('leaves no half template when the schema is wrong', async () => {
    const schema = 'CREATE TABLE a (id int); CREATE TABLE a (id int);';
    await expect(testDatabase({ schema })).rejects.toThrow(/already exists/);
    await expect(testDatabase({ schema })).rejects.toThrow(/already exists/);
  });
});
