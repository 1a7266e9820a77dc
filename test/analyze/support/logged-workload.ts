import type pg from 'pg';
import { seededRandom, type Random } from '../../../src/core/random.ts';
import { connect } from '../../../src/postgres/connect.ts';
import type { Workload } from '../../../src/model/workload.ts';

/** Tables `public.t0` to `public.t7`; `once` refuses the same value twice when a transaction commits. */
export const LOGGED_SCHEMA = `
  ${Array.from({ length: 8 }, (_, n) => `CREATE TABLE public.t${n} (id bigserial PRIMARY KEY, v text, n int DEFAULT 0);`).join('\n')}
  CREATE TABLE public.once (v int UNIQUE DEFERRABLE INITIALLY DEFERRED);
  INSERT INTO public.once VALUES (1);`;

/** What a client knows of its transactions: how often each kind of them ran. */
export type Journal = Map<string, number>;

interface Doing {
  readonly reads: string[];
  readonly writes: string[];
}

/**
 * Runs a random workload in several sessions at once, in every way a client can send it, and keeps a journal.
 * @param options.logsFailures whether the server logs statements that fail, as it does before it runs them.
 */
export async function runLoggedWorkload(options: { readonly url: string; readonly seed: number; readonly sessions: number; readonly rounds: number; readonly logsFailures?: boolean }): Promise<Journal> {
  const journal: Journal = new Map();
  await Promise.all(Array.from({ length: options.sessions }, async (_, session) => {
    const client = await connect({ url: options.url });
    const random = seededRandom(options.seed * 100 + session);
    for (let round = 0; round < options.rounds; round += 1) await runTransaction(client, journal, { random, id: `${session}x${round}`, logsFailures: options.logsFailures ?? true });
    await client.end();
  }));
  return journal;
}

/** What a log says, in the words of the journal. */
export function journalOf(workload: Workload): Journal {
  const journal: Journal = new Map();
  for (const { reads, writes, calls } of workload.transactions) noteTransaction(journal, { reads: [...reads], writes: [...writes] }, true, calls);
  return journal;
}

export function noteTransaction(journal: Journal, doing: Doing, committed: boolean, calls = 1): void {
  const reads = [...new Set(doing.reads)].sort();
  const writes = committed ? [...new Set(doing.writes)].sort() : [];
  if (reads.length + writes.length === 0) return;
  const key = `${reads.join()} > ${writes.join()}`;
  journal.set(key, (journal.get(key) ?? 0) + calls);
}

async function runTransaction(client: pg.Client, journal: Journal, { random, id, logsFailures }: { readonly random: Random; readonly id: string; readonly logsFailures: boolean }): Promise<void> {
  const pick = (most: number): number => Math.floor(random() * most);
  const doing: Doing = { reads: [], writes: [] };
  const some = async (most: number): Promise<void> => {
    for (let i = 0; i <= pick(most); i += 1) await runStatement(client, doing, random);
  };
  switch (pick(13)) {
    case 0:
    case 1:
      await runStatement(client, doing, random);
      return noteTransaction(journal, doing, true);
    case 2:
    case 3:
    case 4:
      await client.query(['BEGIN', 'begin isolation level repeatable read; ', '/* app */ START TRANSACTION READ WRITE'][pick(3)] ?? '');
      await some(4);
      await client.query(['COMMIT', 'end', 'commit work;'][pick(3)] ?? '');
      return noteTransaction(journal, doing, true);
    case 5:
      await client.query('BEGIN');
      await some(3);
      await client.query(['ROLLBACK', 'abort'][pick(2)] ?? '');
      return noteTransaction(journal, doing, false);
    case 6: {
      // What stands between a savepoint and the way back to it was not done.
      await client.query('BEGIN');
      await some(2);
      await client.query(`SAVEPOINT "s_${id}"`);
      const [reads, writes] = [doing.reads.length, doing.writes.length];
      await some(2);
      if (pick(2) === 0) {
        await client.query('SELECT 1 / 0').catch(() => {});
        await client.query('INSERT INTO public.t0 (v) VALUES (1)').catch(() => {});
      }
      await client.query(`ROLLBACK TO SAVEPOINT "s_${id}"`);
      doing.reads.length = reads;
      doing.writes.length = writes;
      await some(2);
      await client.query(`SAVEPOINT again`);
      await some(1);
      await client.query('RELEASE again');
      await client.query('COMMIT');
      return noteTransaction(journal, doing, true);
    }
    case 7:
      // The error makes the COMMIT a ROLLBACK.
      await client.query('BEGIN');
      await some(2);
      await client.query(['SELECT 1 / 0', 'SELECT x()', 'SELEC 1'][pick(3)] ?? '').catch(() => {});
      await client.query('COMMIT');
      return noteTransaction(journal, doing, false);
    case 8:
      // A statement that the grammar refuses, behind one that committed.
      await runStatement(client, doing, random);
      noteTransaction(journal, doing, true);
      await client.query('INSERT INTO public.t1 (v) VALUES (1').catch(() => {});
      return;
    case 9:
      await client.query("INSERT INTO public.t2 (v, n) SELECT v, 1 / 0 FROM public.t3 UNION ALL SELECT '', 1 / (random() - random())::int / 0").catch(() => {});
      return noteTransaction(journal, { reads: logsFailures ? ['public.t3'] : [], writes: ['public.t2'] }, false);
    case 10: {
      const [a, b] = [pick(8), pick(8)];
      // One text, one transaction, and an error undoes all of it.
      if (pick(2) === 0) {
        await client.query(`INSERT INTO public.t${a} (v) VALUES ('x'); INSERT INTO public.t${b} (v) VALUES ('y')`);
        return noteTransaction(journal, { reads: [], writes: [`public.t${a}`, `public.t${b}`] }, true);
      }
      await client.query(`BEGIN; INSERT INTO public.t${a} (v) VALUES ('x'); SELECT count(*) FROM public.t${b}; COMMIT; SELECT 1 FROM public.once`);
      noteTransaction(journal, { reads: [`public.t${b}`], writes: [`public.t${a}`] }, true);
      return noteTransaction(journal, { reads: ['public.once'], writes: [] }, true);
    }
    case 11:
      // A COMMIT that fails.
      await client.query('BEGIN');
      await some(2);
      await client.query('INSERT INTO public.once VALUES (1)');
      await client.query('COMMIT').catch(() => {});
      return noteTransaction(journal, doing, false);
    case 12:
      await client.query('BEGIN');
      await some(2);
      await client.query(`PREPARE TRANSACTION 'p_${id}'`);
      if (pick(2) === 0) {
        await client.query(`COMMIT PREPARED 'p_${id}'`);
        return noteTransaction(journal, doing, true);
      }
      await client.query(`ROLLBACK PREPARED 'p_${id}'`);
      return noteTransaction(journal, doing, false);
  }
}

async function runStatement(client: pg.Client, doing: Doing, random: Random): Promise<void> {
  const [a, b] = [Math.floor(random() * 8), Math.floor(random() * 8)];
  const [ta, tb] = [`public.t${a}`, `public.t${b}`];
  const value = Math.floor(random() * 1_000_000);
  switch (Math.floor(random() * 10)) {
    case 0:
      await client.query(`INSERT INTO ${ta} (v, n) VALUES ('it''s; -- no\nCOMMIT; LOG:  statement: SELECT 1', ${value})`);
      doing.writes.push(ta);
      break;
    case 1:
      await client.query(`INSERT INTO ${ta} (v, n) VALUES ($1, $2)`, ['a "b", c\n2026-01-01 00:00:00.000 UTC [1] LOG:  statement: COMMIT', value]);
      doing.writes.push(ta);
      break;
    case 2:
      await client.query({ name: `join_${a}_${b}`, text: `SELECT *\nFROM ${ta} x\n\tJOIN ${tb} y ON y.id = x.id -- "both"\nWHERE x.n = $1`, values: [value] });
      doing.reads.push(ta, tb);
      break;
    case 3:
      await client.query(`UPDATE ${ta} SET n = n + 1 WHERE id = -${value}`);
      doing.reads.push(ta);
      doing.writes.push(ta);
      break;
    case 4:
      await client.query(`DELETE FROM ${ta} WHERE id = $1`, [-value]);
      doing.reads.push(ta);
      doing.writes.push(ta);
      break;
    case 5:
      await client.query(`WITH w AS (INSERT INTO ${ta} (v) VALUES ('ä€') RETURNING id) INSERT INTO ${tb} (n) SELECT id FROM w`);
      doing.writes.push(ta, tb);
      break;
    case 6:
      await client.query(`SELECT count(*) FROM ${ta} WHERE id IN (${Array.from({ length: 1 + (value % 40) }, (_, i) => i).join(', ')})`);
      doing.reads.push(ta);
      break;
    case 7:
      await client.query(`PREPARE p_${value} (int) AS SELECT * FROM ${ta} WHERE n = $1`);
      await client.query(`EXECUTE p_${value} (${value})`);
      await client.query(`DEALLOCATE p_${value}`);
      doing.reads.push(ta);
      break;
    case 8:
      await client.query(`INSERT INTO ${ta} (v) VALUES ${Array.from({ length: 1 + (value % 30) }, (_, i) => `('${i}')`).join(', ')}`);
      doing.writes.push(ta);
      break;
    default:
      await client.query("SET application_name = 'x'; SELECT 1");
      await client.query(`EXPLAIN SELECT * FROM ${ta}`);
  }
}
