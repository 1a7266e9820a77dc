import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { Clock } from '../../core/clock.ts';

const [DUMPED, RESTORED] = ['banyan_dumped', 'banyan_restored'];

export interface RestoreProbeOptions {
  /** As SQL. */
  readonly table: string;
  /** The statement that fills a table of this name with sample rows, as SQL. */
  readonly fill: (table: string) => string;
  readonly rounds: number;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/**
 * Copies a table's structure, fills it, and brings its rows back as a restore does: the table, its rows through COPY,
 * then its indexes. Writes, so only for a server that is thrown away. Foreign keys are not checked again.
 */
export async function restoreProbe(client: pg.ClientBase, { table, fill, rounds, clock }: RestoreProbeOptions): Promise<{ rows: number; bytes: number; seconds: number }[]> {
  await client.query(`CREATE SCHEMA ${DUMPED}; CREATE TABLE ${DUMPED}.t (LIKE ${table} INCLUDING ALL)`);
  try {
    await client.query(fill(`${DUMPED}.t`));
    const dump = await dumped(client);
    const { rows: indexes } = await client.query<{ definition: string }>(`SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = '${DUMPED}.t'::regclass`);
    const found: { rows: number; bytes: number; seconds: number }[] = [];
    for (let i = 0; i < rounds; i++) {
      await client.query(`CREATE SCHEMA ${RESTORED}`);
      const start = clock.monotonic();
      await client.query(`BEGIN; CREATE TABLE ${RESTORED}.t (LIKE ${DUMPED}.t INCLUDING ALL EXCLUDING INDEXES)`);
      const into = client.query(copyFrom(`COPY ${RESTORED}.t FROM STDIN`));
      await pipeline(Readable.from(dump), into);
      for (const { definition } of indexes) await client.query(definition.replace(` ON ${DUMPED}.t USING `, ` ON ${RESTORED}.t USING `));
      await client.query('COMMIT');
      const seconds = (clock.monotonic() - start) / 1000;
      const { rows: [size] } = await client.query<{ bytes: string }>(`SELECT pg_total_relation_size('${RESTORED}.t')::text AS bytes`);
      found.push({ rows: into.rowCount, bytes: Number(size?.bytes ?? 0), seconds });
      await client.query(`DROP SCHEMA ${RESTORED} CASCADE`);
    }
    return found;
  } finally {
    await client.query(`ROLLBACK; DROP SCHEMA IF EXISTS ${DUMPED}, ${RESTORED} CASCADE`);
  }
}

async function dumped(client: pg.ClientBase): Promise<Buffer[]> {
  const parts: Buffer[] = [];
  await pipeline(client.query(copyTo(`COPY ${DUMPED}.t TO STDOUT`)), new Writable({
    write: (part: Buffer, _encoding, done) => {
      parts.push(part);
      done();
    },
  }));
  return parts;
}
