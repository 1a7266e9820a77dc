import type pg from 'pg';
import { messageOf } from '../../../src/core/errors.ts';

type Row = Readonly<Record<string, string | null>>;

/** A column with those that may stand beside it while it changes. */
const TWINS: Readonly<Record<string, readonly string[]>> = { n: ['n', 'banyan_new_n', 'banyan_old_n'], code: ['code', 'banyan_new_code', 'banyan_old_code'], email: ['mail', 'email'] };

export interface TwinWriters {
  readonly faults: readonly string[];
  written(): number;
  /** From now on, both columns must say the same, and the new one is written as well. */
  kept(twin: string): Promise<void>;
  /** From now on, nobody writes the new one, and nobody is at it still. */
  notKept(twin: string): Promise<void>;
  /** Ends them. All that was wrong, also with what the rows say in the end. */
  stop(): Promise<string[]>;
}

/** Writers of table t, each with rows of its own, so that each knows what its rows must say. */
export async function startWriters(pool: pg.Pool, count = 3): Promise<TwinWriters> {
  const faults: string[] = [];
  const journal = new Map<string, Record<string, string | null>>();
  const keeping = new Set<string>();
  let written = 0;
  const state = { stopped: false };
  const turns: Promise<unknown>[] = [];
  const { rows } = await pool.query<Row>('SELECT id, n, code, mail AS email FROM public.t');
  for (const { id, ...values } of rows) journal.set(id ?? '', values);
  const ids = [...journal.keys()];

  const write = async (client: pg.PoolClient, writer: number, step: number): Promise<void> => {
    const twin = ['n', 'code', 'email'][step % 3] ?? 'n';
    const names = TWINS[twin] ?? [];
    const value = step % 11 === 0 && twin !== 'n' ? null : twin === 'email' ? `w${writer}-${step}` : String(step);
    const strict = keeping.has(twin);
    // Nulls too, by either name, whether the row is filled or not.
    const onNew = strict && step % 2 === 0;
    // A new name, an old one, or both at once, of which the new one is to win.
    const [first = '', second = ''] = names;
    const assigned: [string, string | null][] = !onNew ? [[first, value]] : step % 4 === 0 && value !== null ? [[first, twin === 'email' ? 'loser' : '999'], [second, value]] : [[second, value]];
    const isNew = step % 5 === 0;
    const id = ids[(step * count + writer) % ids.length] ?? '';
    const mine = ids.indexOf(id) % count === writer;
    if (!isNew && !mine) return;
    const values = assigned.map(([, each]) => each);
    const sql = isNew
      ? `INSERT INTO public.t (${assigned.map(([name]) => `"${name}"`).join(', ')}) VALUES (${assigned.map((_, n) => `$${n + 1}`).join(', ')}) RETURNING *`
      : `UPDATE public.t SET ${assigned.map(([name], n) => `"${name}" = $${n + 1}`).join(', ')} WHERE id = $${values.push(id)} RETURNING *`;
    try {
      const [row = {}] = (await client.query<Row>(sql, values)).rows;
      written += 1;
      const known = journal.get(row['id'] ?? '') ?? {};
      // An insert that names the column with a null gets what the other has by default.
      const said = isNew && value === null && row[second] !== undefined ? (row[second] ?? null) : value;
      journal.set(row['id'] ?? '', { ...known, [twin]: said, ...(isNew ? Object.fromEntries(['n', 'code', 'email'].filter((each) => each !== twin).map((each) => [each, valueOf(row, each)])) : {}) });
      if (valueOf(row, twin) !== said && !(said === null && valueOf(row, twin) === null)) faults.push(`${twin} of ${row['id']}: ${said} was written, and is ${valueOf(row, twin)} (${sql})`);
      if (strict && keeping.has(twin)) compare(row, twin);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      // The name is gone, or not there yet; a lock was given up; a table's type changed under the plan.
      if (!['42703', '40P01', '55P03'].includes(code)) faults.push(`${sql}: ${messageOf(error)}`);
    }
  };
  const compare = (row: Row, twin: string): void => {
    const there = (TWINS[twin] ?? []).filter((name) => row[name] !== undefined);
    if (new Set(there.map((name) => row[name])).size > 1) faults.push(`${there.join(' and ')} differ in row ${row['id']}: ${there.map((name) => row[name]).join(', ')}`);
  };
  const loops = await Promise.all(Array.from({ length: count }, async (_, writer) => {
    const client = await pool.connect();
    return async (): Promise<void> => {
      for (let step = 1; !state.stopped; step++) {
        const turn = write(client, writer, step);
        turns[writer] = turn;
        await turn;
        await new Promise((go) => setImmediate(go));
      }
      client.release();
    };
  }));
  const running = loops.map((loop) => loop());
  const settled = async (): Promise<void> => {
    await Promise.all(turns);
  };
  return {
    faults, written: () => written,
    kept: async (twin) => {
      keeping.add(twin);
      await settled();
    },
    notKept: async (twin) => {
      keeping.delete(twin);
      await settled();
    },
    stop: async () => {
      if (state.stopped) return faults;
      state.stopped = true;
      await Promise.all(running);
      const { rows: last } = await pool.query<Row>('SELECT * FROM public.t');
      for (const row of last) {
        const wanted = journal.get(row['id'] ?? '');
        for (const twin of Object.keys(TWINS)) if (wanted && wanted[twin] !== valueOf(row, twin)) faults.push(`${twin} of row ${row['id']}: ${wanted[twin]} is lost, it is ${valueOf(row, twin)}`);
      }
      return faults.slice(0, 10);
    },
  };
}

/** What the column says, whatever it is called now. */
function valueOf(row: Row, twin: string): string | null {
  return (twin === 'email' ? (row['mail'] === undefined ? row['email'] : row['mail']) : row[twin]) ?? null;
}
