import { expect, it } from 'vitest';
import { tableName } from '../../src/model/names.ts';
import { ORIGIN_OF_TIME } from '../../src/model/position.ts';
import type { Write } from '../../src/ports/applier.ts';
import { cellsOf, changesOf, contents, Follower, read, script, type MakePair, type PairOptions } from './pair.ts';
import { testDatabase } from '../support/postgres.ts';
import { EXTENSIONS, NEWER, TYPE_DEFINITIONS, TYPES, XML } from './types.ts';

/** Every type that the server knows, with its values. */
async function typesHere(): Promise<{ readonly types: Readonly<Record<string, readonly string[]>>; readonly extensions: readonly string[] }> {
  const database = await testDatabase();
  const [facts] = await database.query(
    `SELECT current_setting('server_version_num')::int / 10000 AS version,
       (SELECT string_agg(name, ',') FROM pg_available_extensions) AS extensions`,
  );
  const hasXml = await database.query(`SELECT '<a/>'::xml`).then(() => true, () => false);
  await database.drop();
  const types: Record<string, readonly string[]> = { ...TYPES, ...(hasXml ? XML : {}) };
  for (const { since, types: more } of NEWER) if (Number(facts!['version']) >= since) Object.assign(types, more);
  const available = (facts!['extensions'] ?? '').split(',');
  for (const [type, extension] of Object.entries(EXTENSIONS)) if (!available.includes(extension)) delete types[type];
  return { types, extensions: Object.values(EXTENSIONS).filter((name) => available.includes(name)) };
}

const literal = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** A table with a column of every type. */
function everything({ extensions, names }: { readonly extensions: readonly string[]; readonly names: readonly string[] }): PairOptions {
  return {
    schema: [
      'SET client_min_messages = error', ...extensions.map((name) => `CREATE EXTENSION ${name}`), TYPE_DEFINITIONS,
      'CREATE TABLE everything (id int PRIMARY KEY)',
      `ALTER TABLE everything ${names.map((type, i) => `ADD c${i} ${type}`).join(', ')}`,
    ].join('; '),
    tables: ['public.everything'],
  };
}

export function describeTypes(makePair: MakePair): void {
  it('carries every type with the values at its edges, by insert, update, key change and delete', async () => {
    const { types, extensions } = await typesHere();
    const names = Object.keys(types);
    const longest = Math.max(...Object.values(types).map((values) => values.length));
    const insertRow = (id: number, n: number): string =>
      `INSERT INTO everything VALUES (${[id, ...names.map((type) => (types[type]![n] === undefined ? 'NULL' : literal(types[type]![n])))].join(', ')})`;
    const pair = await makePair(everything({ extensions, names }));
    const follower = await new Follower(pair).start();
    const carried = async (): Promise<readonly (string | null)[]> => {
      await follower.catchUp();
      const rows = await contents(pair, 'source');
      expect(await contents(pair, 'target')).toEqual(rows);
      return rows['public.everything'] ?? [];
    };
    // A session may write its text as it likes; what is carried must not depend on it.
    const odd = [`SET DateStyle = 'German'`, `SET IntervalStyle = 'iso_8601'`, `SET extra_float_digits = -15`, `SET bytea_output = 'escape'`, `SET TimeZone = 'Asia/Kathmandu'`];
    await script(pair.source, Array.from({ length: longest }, (_, n) => insertRow(n, n)));
    expect(await carried()).toHaveLength(longest);
    const set = names.map((_, i) => `c${i} = s.c${i}`).join(', ');
    await script(pair.source, [...odd, `UPDATE everything t SET ${set} FROM everything s WHERE s.id = (t.id + 1) % ${longest}`]);
    await carried();
    await script(pair.source, [...odd, 'UPDATE everything SET id = id + 500 WHERE id % 2 = 0']);
    await carried();
    await script(pair.source, [...odd, 'DELETE FROM everything WHERE id % 3 = 0']);
    expect((await carried()).length).toBeLessThan(longest);
    await follower.close();
  });

  it('copies every type in as an insert writes it', async () => {
    const { types, extensions } = await typesHere();
    const names = Object.keys(types);
    const longest = Math.max(...Object.values(types).map((values) => values.length));
    const pair = await makePair(everything({ extensions, names }));
    // As many as are worth a COPY, all in one transaction.
    const value = (type: string, n: number): string => (types[type]![n] === undefined ? 'NULL' : literal(types[type]![n]));
    await script(pair.source, [`INSERT INTO everything VALUES ${Array.from({ length: 60 }, (_, id) => `(${[id, ...names.map((type) => value(type, id % longest))].join(', ')})`).join(', ')}`]);
    const applier = pair.applier();
    await applier.claim();
    const table = (await applier.describe([tableName('public', 'everything')])).get(tableName('public', 'everything'))!;
    const units = await read(pair.open(), { through: await pair.mark() });
    const writes = changesOf(units).flatMap((change): Write[] => {
      if (change.kind !== 'insert') return [];
      const row = cellsOf(table, change.relation, change.row);
      return [{ kind: 'insert', table, key: [String(row[0])], keyText: String(row[0]), row, position: ORIGIN_OF_TIME, seen: ORIGIN_OF_TIME, committedAt: 0n }];
    });
    expect(writes).toHaveLength(60);
    const transaction = await applier.begin({ beside: true });
    expect(await transaction.write(writes, undefined)).toEqual([]);
    await transaction.commit({ position: units.at(-1)!.position, seen: ORIGIN_OF_TIME, committedAt: 0n });
    await applier.close();
    const rows = await contents(pair, 'source');
    expect(rows['public.everything']).toHaveLength(60);
    expect(await contents(pair, 'target')).toEqual(rows);
  });
}
