import type pg from 'pg';
import { messageOf } from '../../../src/core/errors.ts';

type Row = Readonly<Record<string, string | null>>;

export interface KeyWriters {
  readonly faults: readonly string[];
  written(): number;
  /** From now on, the columns that stand beside the old ones are written as well. */
  kept(): Promise<void>;
  notKept(): Promise<void>;
  /** Ends them. All that was wrong, also with what the rows say in the end. */
  stop(): Promise<string[]>;
}

/** What one writer knows of its own rows: names of parents, the parent of each child, and of each line. */
interface Journal {
  readonly parents: Map<string, string>;
  readonly children: Map<string, string>;
  readonly lines: Map<string, string>;
}

/**
 * Writers of parents p, children c and lines l, d of them, each with rows of its own. Numbers are never given out twice, no
 * child is without its parent, no key is there twice, and a parent takes its children along, whatever the columns are called.
 */
export async function startKeyWriters(pool: pg.Pool, count = 3): Promise<KeyWriters> {
  const faults: string[] = [];
  const given = { p: new Set<string>(), c: new Set<string>() };
  const state = { stopped: false, both: false, written: 0 };
  const turns: Promise<unknown>[] = [];
  const journals = Array.from({ length: count }, (): Journal => ({ parents: new Map(), children: new Map(), lines: new Map() }));

  const turn = async (client: pg.PoolClient, writer: number, step: number): Promise<void> => {
    const journal = journals[writer] ?? { parents: new Map(), children: new Map(), lines: new Map() };
    const own = [...journal.parents.keys()];
    const parent = own[step % Math.max(1, own.length)] ?? '';
    const second = state.both ? await secondName(client) : undefined;
    const column = second !== undefined && step % 2 === 0 ? `${second}p_id` : 'p_id';
    const query = async (sql: string, values: readonly (string | null)[] = []): Promise<Row[]> => {
      const { rows } = await client.query<Row>(sql, [...values]);
      state.written += 1;
      return rows;
    };
    const refused = async (code: string, sql: string, values: readonly string[]): Promise<void> => {
      try {
        await query(sql, values);
        faults.push(`${sql} (${values.join()}) was not refused`);
      } catch (error) {
        if (codeOf(error) !== code) throw error;
      }
    };
    const gives = (of: 'p' | 'c', id: string | null | undefined): string => {
      if (id === null || id === undefined || given[of].has(id)) faults.push(`the number ${id} of ${of} was given out twice`);
      given[of].add(id ?? '');
      return id ?? '';
    };
    const move = (from: string, to: string): void => {
      journal.parents.set(to, journal.parents.get(from) ?? '');
      journal.parents.delete(from);
      for (const owned of [journal.children, journal.lines]) for (const [id, its] of owned) if (its === from) owned.set(id, to);
    };
    const name = `w${writer}-${step}`;
    if (own.length < 4 || step % 9 === 0) {
      const [row] = await query('INSERT INTO public.p (name, up) VALUES ($1, $2) RETURNING id', [name, own.length < 4 ? null : parent]);
      journal.parents.set(gives('p', row?.['id']), name);
    } else if (step % 9 < 3) {
      const [row] = await query(`INSERT INTO public.c (${column}) VALUES ($1) RETURNING id`, [parent]);
      journal.children.set(gives('c', row?.['id']), parent);
    } else if (step % 9 === 3) {
      const child = [...journal.children.keys()][step % Math.max(1, journal.children.size)];
      if (child === undefined) return;
      await query(`UPDATE public.c SET ${column} = $1 WHERE id = $2`, [parent, child]);
      journal.children.set(child, parent);
    } else if (step % 9 === 4) {
      await refused('23503', `INSERT INTO public.c (${column}) VALUES ($1)`, ['2000000000']);
    } else if (step % 9 === 5) {
      await refused('23505', 'INSERT INTO public.p (id, name) VALUES ($1, $2)', [parent, 'twice']);
    } else if (step % 9 === 6) {
      await query(`INSERT INTO public.l (p_id, n) VALUES ($1, $2)`, [parent, String(step)]);
      await query(`INSERT INTO public.d (p_id, n) VALUES ($1, $2)`, [parent, String(step)]).finally(() => journal.lines.set(`${writer}:${step}`, parent));
    } else if (step % 9 === 7) {
      const to = String(-(step * count + writer) - 1);
      await query('UPDATE public.p SET id = $1 WHERE id = $2', [to, parent]);
      move(parent, to);
    } else if (own.length > 5) {
      await query('UPDATE public.p SET up = NULL WHERE up = $1', [parent]);
      await query('DELETE FROM public.p WHERE id = $1', [parent]);
      journal.parents.delete(parent);
      for (const owned of [journal.children, journal.lines]) for (const [id, its] of owned) if (its === parent) owned.delete(id);
    }
  };
  const secondName = async (client: pg.PoolClient): Promise<string | undefined> => {
    const { rows } = await client.query<Row>("SELECT left(attname, -4) AS prefix FROM pg_attribute WHERE attrelid = 'public.c'::regclass AND attname IN ('banyan_new_p_id', 'banyan_old_p_id')");
    return rows[0]?.['prefix'] ?? undefined;
  };
  const running = Array.from({ length: count }, async (_, writer) => {
    const client = await pool.connect();
    for (let step = 1; !state.stopped; step++) {
      const made = turn(client, writer, step).catch((error: unknown) => {
        // The second name is gone or not there yet; who meets a deadlock tries again.
        if (!['42703', '40P01', '428C9'].includes(codeOf(error))) faults.push(`${messageOf(error)} (${codeOf(error)})`);
      });
      turns[writer] = made;
      await made;
      await new Promise((go) => setImmediate(go));
    }
    client.release();
  });
  const switched = async (both: boolean): Promise<void> => {
    state.both = both;
    await Promise.all(turns);
  };
  const wrong = async (): Promise<void> => {
    const rows = async (sql: string): Promise<string[]> => (await pool.query<Row>(sql)).rows.map((row) => Object.values(row).join(' ')).toSorted();
    const known = (of: (journal: Journal) => Iterable<string>): string[] => journals.flatMap((journal) => [...of(journal)]).toSorted();
    const hold = (what: string, found: readonly string[], wanted: readonly string[]): void => {
      faults.push(...wanted.filter((each) => !found.includes(each)).map((each) => `${what} ${each} is lost`), ...found.filter((each) => !wanted.includes(each)).map((each) => `${what} ${each} came from nowhere`));
    };
    hold('parent', await rows("SELECT id, name FROM public.p WHERE name LIKE 'w%'"), known(({ parents }) => [...parents].map((each) => each.join(' '))));
    hold('child', await rows("SELECT c.id, c.p_id FROM public.c JOIN public.p ON p.id = c.p_id WHERE p.name LIKE 'w%'"), known(({ children }) => [...children].map((each) => each.join(' '))));
    hold('line', await rows("SELECT d.p_id, d.n FROM public.d JOIN public.l USING (p_id, n) JOIN public.p ON p.id = d.p_id WHERE p.name LIKE 'w%'"), known(({ lines }) => [...lines].map(([id, its]) => `${its} ${id.split(':')[1] ?? ''}`)));
  };
  return {
    faults, written: () => state.written, kept: () => switched(true), notKept: () => switched(false),
    stop: async () => {
      if (state.stopped) return faults;
      state.stopped = true;
      await Promise.all(running);
      await wrong();
      return faults.slice(0, 10);
    },
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
