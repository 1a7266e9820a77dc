import { expect, it } from 'vitest';
import { describePostgres, testDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import { parseTableName, quoteIdentifier, quoteTable } from '../../model/names.ts';
import { inRange, planChunks, type Chunk, type SourceTable } from './chunks.ts';
import { FinishedKeys } from './finished-keys.ts';
import { readSourceTables } from './source-tables.ts';

const SCHEMA = `
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE TYPE colour AS ENUM ('red', 'blue');
  CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TABLE num (id bigint PRIMARY KEY, v text);
  CREATE TABLE "Odd ""T" (a text COLLATE "en-x-icu", "B b" numeric, v int, PRIMARY KEY ("B b", a));
  CREATE TABLE blind (a text COLLATE blind PRIMARY KEY);
  CREATE TABLE part (id uuid, day date, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
  CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
  CREATE TABLE part_2 PARTITION OF part DEFAULT;
  CREATE TABLE dom (id positive PRIMARY KEY);
  CREATE TABLE tint (id int PRIMARY KEY, c colour);
  CREATE TABLE empty (id int PRIMARY KEY);
`;
const ROWS = `
  INSERT INTO num SELECT g * 3 - 10000, repeat('x', 50) FROM generate_series(1, 20000) g;
  INSERT INTO "Odd ""T" SELECT chr(60 + g % 150) || '''"\\' || g, (g % 7) / 3.0, g FROM generate_series(1, 9000) g;
  INSERT INTO blind SELECT CASE WHEN g % 2 = 0 THEN 'ABC' ELSE 'abc' END || g FROM generate_series(1, 5000) g;
  INSERT INTO part SELECT gen_random_uuid(), date '2024-01-01' + g % 60 FROM generate_series(1, 9000) g;
  INSERT INTO dom SELECT g FROM generate_series(1, 5000) g;
`;
const NAMES = ['num', '"Odd ""T"', 'blind', 'part', 'dom', 'tint', 'empty'].map(parseTableName);

async function prepared(): Promise<{ database: TestDatabase; tables: Map<string, SourceTable> }> {
  const database = await testDatabase({ schema: SCHEMA });
  const tables = await readSourceTables({ monolith: database.pool, service: database.pool, pairs: NAMES.map((name) => ({ monolith: name, service: name })) });
  return { database, tables: new Map(tables.map((table) => [table.source, table])) };
}

async function plan(database: TestDatabase, table: SourceTable, rows: number): Promise<Chunk[]> {
  const client = await database.pool.connect();
  try {
    return await planChunks(client, table, rows);
  } finally {
    client.release();
  }
}

describePostgres('chunks', () => {
  it.each(NAMES)('of %s hold each row once, and the server says which holds a key', async (name) => {
    const { database, tables } = await prepared();
    await database.query(`SET search_path = public; ${ROWS}; ANALYZE; SET search_path = pg_catalog`);
    const table = tables.get(name)!;
    const chunks = await plan(database, table, 1000);
    const columns = table.key.map((column) => quoteIdentifier(column.name));
    const all = Number((await database.query(`SELECT count(*) AS n FROM ${quoteTable(name)}`))[0]!['n']);
    let sum = 0;
    for (const chunk of chunks) {
      sum += Number((await database.query(`SELECT count(*) AS n FROM ${quoteTable(name)} WHERE ${inRange(table.key, columns, chunk)}`))[0]!['n']);
    }
    expect(sum).toBe(all);
    const divided = !['public.dom', 'public.tint', 'public.empty'].includes(name);
    expect(chunks.length).toBeGreaterThan(divided ? 3 : 0);
    if (!divided) {
      expect(chunks.length).toBe(1);
      return;
    }
    // Every third one is there: a key is finished if, and only if, the source's own WHERE finds it there.
    const done = chunks.filter((_, i) => i % 3 !== 1);
    const finished = new FinishedKeys({
      pool: database.pool, tables: [table],
      chunks: chunks.map((chunk) => ({ ...chunk, rows: done.includes(chunk) ? 1 : undefined })),
    });
    expect(finished.stateOf(name)?.finished).toBe('some');
    const rows = await database.query(
      `SELECT ${columns.map((column, i) => `${column}::text AS k${i}`).join(', ')}, (${done.map((chunk) => inRange(table.key, columns, chunk)).join(') OR (')}) AS there ` +
        `FROM ${quoteTable(name)}`,
    );
    const told = await finished.areFinished(name, rows.map((row) => columns.map((_, i) => row[`k${i}`]!)));
    expect(told).toEqual(rows.map((row) => row['there'] === 't'));
  });

  it('divide a table that was never analysed as well', async () => {
    const { database, tables } = await prepared();
    await database.query(`INSERT INTO public.num SELECT g, repeat('x', 50) FROM generate_series(1, 20000) g`);
    expect((await plan(database, tables.get('public.num')!, 1000)).length).toBeGreaterThan(5);
  });

  it('are binary only where every type means the same in any database', async () => {
    const { tables } = await prepared();
    expect(NAMES.filter((name) => !tables.get(name)!.parts[0]!.binary)).toEqual(['public.dom', 'public.tint']);
  });

  it('are whole where the log does not tell the old key', async () => {
    const { database } = await prepared();
    await database.query('CREATE UNIQUE INDEX n ON public.tint (id); ALTER TABLE public.tint REPLICA IDENTITY USING INDEX n');
    const name = parseTableName('tint');
    const [table] = await readSourceTables({ monolith: database.pool, service: database.pool, pairs: [{ monolith: name, service: name }] });
    expect(table?.key).toEqual([]);
  });
});
