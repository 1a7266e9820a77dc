import { createHash } from 'node:crypto';
import { BanyanError, invariant } from '../core/errors.ts';
import type { TableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import type { Direction } from '../model/side.ts';
import type { Beginning } from '../ports/change-source.ts';
import type { Baseline, Mark, MarkedStream, MarkStore, TableMark } from '../ports/mark-store.ts';
import type { RouteSqlPool } from './route-store.ts';
import { number, text, type StoredRow } from './stored-row.ts';

const INSTALL = `
SELECT pg_advisory_xact_lock(hashtextextended('banyan.validation_mark', 0));
CREATE SCHEMA IF NOT EXISTS banyan;
CREATE TABLE IF NOT EXISTS banyan.validation_generation (
  service text PRIMARY KEY,
  generation bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS banyan.validation_marked (
  service text NOT NULL,
  direction text NOT NULL,
  history text NOT NULL,
  position numeric NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (service, direction)
);
CREATE TABLE IF NOT EXISTS banyan.validation_mark (
  service text NOT NULL,
  table_name text NOT NULL,
  generation bigint NOT NULL,
  id text NOT NULL,
  mark text NOT NULL,
  PRIMARY KEY (service, table_name, generation, id)
);
CREATE TABLE IF NOT EXISTS banyan.validation_baseline (
  service text NOT NULL,
  table_name text NOT NULL,
  question text NOT NULL,
  generation bigint NOT NULL,
  since text NOT NULL,
  source bigint NOT NULL,
  target bigint NOT NULL,
  PRIMARY KEY (service, table_name)
)`;

/** What is acknowledged to a source because it is stored must not be gone after a crash. */
const DURABLY =
  "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '10s'; SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'";
const OF_ONE_MOMENT = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL idle_in_transaction_session_timeout = '10s'";

/** In the order of its name: two streams that store the same ones at once wait for each other one way. */
const ADD = `
INSERT INTO banyan.validation_mark (service, table_name, generation, id, mark)
SELECT $1, m.t, $2::bigint, m.id, m.mark FROM unnest($3::text[], $4::text[], $5::text[]) AS m (t, id, mark) ON CONFLICT DO NOTHING`;
const MARKS_AT_ONCE = 10_000;

const BASELINE = `
INSERT INTO banyan.validation_baseline (service, table_name, question, generation, since, source, target) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (service, table_name) DO UPDATE SET question = excluded.question, generation = excluded.generation, since = excluded.since,
  source = excluded.source, target = excluded.target`;

type Ask = (text: string, values?: unknown[]) => Promise<{ readonly rows: readonly StoredRow[]; readonly rowCount: number | null }>;

/** Keeps the marks in the state database. */
export class PostgresMarkStore implements MarkStore {
  readonly #pool: RouteSqlPool;

  constructor(options: { readonly pool: RouteSqlPool }) {
    this.#pool = options.pool;
  }

  async install(): Promise<void> {
    await this.#pool.query(INSTALL);
  }

  begin({ service, direction }: MarkedStream, beginning: Beginning | undefined, tables: readonly TableName[]): Promise<boolean> {
    return this.#within(async (ask) => {
      const generation = await held(ask, service);
      const from = [service, direction, beginning?.history ?? '', String(beginning?.position ?? 0n)];
      const { rows } = await ask('SELECT position FROM banyan.validation_marked WHERE service = $1 AND direction = $2 AND history = $3 AND position >= $4::numeric FOR UPDATE', from);
      if (beginning && rows.length > 0) return true;
      await add(ask, service, generation, tables.map((table) => ({ table, mark: { kind: 'whole', reason: 'marks were not kept for a time' } })));
      await ask(
        'INSERT INTO banyan.validation_marked (service, direction, history, position) VALUES ($1, $2, $3, $4) ' +
          'ON CONFLICT (service, direction) DO UPDATE SET history = excluded.history, position = excluded.position, at = clock_timestamp()',
        from,
      );
      return false;
    });
  }

  flush(
    { service, direction }: MarkedStream,
    { history, through, marks }: { readonly history: string; readonly through: () => Position; readonly marks: (generation: bigint) => readonly TableMark[] },
  ): Promise<bigint> {
    return this.#within(async (ask) => {
      const generation = await held(ask, service);
      await add(ask, service, generation, marks(generation));
      const { rowCount } = await ask(
        'UPDATE banyan.validation_marked SET position = greatest(position, $4::numeric), at = clock_timestamp() WHERE service = $1 AND direction = $2 AND history = $3',
        [service, direction, history, String(through())],
      );
      if (rowCount === 0) {
        throw new BanyanError('BANYAN_STREAM_FENCED', { message: `The marks of ${service}/${direction} are kept by another worker, which reads another history of the source.` });
      }
      return generation;
    });
  }

  async stored(service: string): Promise<ReadonlyMap<Direction, Position>> {
    const { rows } = await this.#pool.query('SELECT direction, position FROM banyan.validation_marked WHERE service = $1', [service]);
    return new Map(rows.map((row) => [text(row, 'direction') as Direction, BigInt(text(row, 'position')) as Position]));
  }

  async advance(service: string): Promise<bigint> {
    // Waits for every flush that holds the row, and they for it.
    const { rows } = await this.#pool.query(
      'INSERT INTO banyan.validation_generation AS g (service, generation) VALUES ($1, 1) ON CONFLICT (service) DO UPDATE SET generation = g.generation + 1 RETURNING generation',
      [service],
    );
    return BigInt(text(rows[0], 'generation'));
  }

  read(service: string, table: TableName): Promise<{ readonly marks: readonly Mark[]; readonly baseline?: Baseline }> {
    return this.#within(async (ask) => {
      const baseline = await readBaseline(ask, service, table);
      const { rows } = await ask('SELECT DISTINCT mark FROM banyan.validation_mark WHERE service = $1 AND table_name = $2', [service, table]);
      return { marks: rows.map((row) => markOf(text(row, 'mark'))), ...(baseline ? { baseline } : {}) };
    }, OF_ONE_MOMENT);
  }

  async add(service: string, table: TableName, marks: readonly Mark[]): Promise<void> {
    if (marks.length === 0) return;
    await this.#within(async (ask) => add(ask, service, await held(ask, service), marks.map((mark) => ({ table, mark }))));
  }

  answer(service: string, table: TableName, { baseline, left }: { readonly baseline: Baseline; readonly left: readonly Mark[] }): Promise<void> {
    return this.#within(async (ask) => {
      const generation = await held(ask, service);
      await add(ask, service, generation, left.map((mark) => ({ table, mark })));
      // Two runs that have no baseline yet must wait for each other as well.
      await ask("SELECT pg_advisory_xact_lock(hashtextextended('banyan.validation_baseline ' || $1 || ' ' || $2, 0))", [service, table]);
      const standing = await readBaseline(ask, service, table);
      if (standing && standing.generation > baseline.generation) return;
      await ask('DELETE FROM banyan.validation_mark WHERE service = $1 AND table_name = $2 AND generation < $3::bigint', [service, table, String(baseline.generation)]);
      await ask(BASELINE, [
        service, table, baseline.question, String(baseline.generation), baseline.since, String(baseline.rows.source), String(baseline.rows.target),
      ]);
    });
  }

  async #within<T>(work: (ask: Ask) => Promise<T>, begin = DURABLY): Promise<T> {
    const client = await this.#pool.connect();
    let failed = true;
    try {
      const ask = (statement: string, values?: unknown[]): ReturnType<Ask> => client.query(statement, values) as ReturnType<Ask>;
      await ask(begin);
      const result = await work(ask);
      await ask('COMMIT');
      failed = false;
      return result;
    } finally {
      // A transaction that did not end goes with its session.
      client.release(failed);
    }
  }
}

/** The service's generation, which stays the same until the transaction ends. */
async function held(ask: Ask, service: string): Promise<bigint> {
  const select = 'SELECT generation FROM banyan.validation_generation WHERE service = $1 FOR SHARE';
  const { rows } = await ask(select, [service]);
  if (rows[0]) return BigInt(text(rows[0], 'generation'));
  await ask('INSERT INTO banyan.validation_generation (service, generation) VALUES ($1, 1) ON CONFLICT DO NOTHING', [service]);
  return BigInt(text((await ask(select, [service])).rows[0], 'generation'));
}

async function add(ask: Ask, service: string, generation: bigint, marks: readonly TableMark[]): Promise<void> {
  const named = marks.map(({ table, mark }) => {
    const written = textOf(mark);
    return { table, mark: written, id: written.length <= LONGEST_ID ? written : createHash('sha256').update(written).digest('hex') };
  });
  named.sort((a, b) => (a.table < b.table ? -1 : a.table > b.table ? 1 : a.id < b.id ? -1 : 1));
  for (let from = 0; from < named.length; from += MARKS_AT_ONCE) {
    const part = named.slice(from, from + MARKS_AT_ONCE);
    await ask(ADD, [service, String(generation), part.map(({ table }) => table), part.map(({ id }) => id), part.map(({ mark }) => mark)]);
  }
}

/** A key may be longer than what an index takes. */
const LONGEST_ID = 200;

async function readBaseline(ask: Ask, service: string, table: TableName): Promise<Baseline | undefined> {
  const { rows } = await ask('SELECT question, generation, since, source, target FROM banyan.validation_baseline WHERE service = $1 AND table_name = $2', [service, table]);
  const [row] = rows;
  return row && {
    question: text(row, 'question'), generation: BigInt(text(row, 'generation')), since: text(row, 'since'),
    rows: { source: number(row, 'source'), target: number(row, 'target') },
  };
}

/** As it is stored: JSON of strings only, so that no value passes through a number. */
type Kept = readonly ['leaf', column: string, shift: string, leaf: string] | readonly ['key', columns: readonly string[], key: readonly string[]] | readonly ['whole', reason: string];

function textOf(mark: Mark): string {
  const kept: Kept = mark.kind === 'leaf' ? ['leaf', mark.column, String(mark.shift), String(mark.leaf)] : mark.kind === 'key' ? ['key', mark.columns, mark.key] : ['whole', mark.reason];
  return JSON.stringify(kept);
}

function markOf(written: string): Mark {
  const kept = JSON.parse(written) as Kept;
  if (kept[0] === 'leaf') return { kind: 'leaf', column: kept[1], shift: Number(kept[2]), leaf: BigInt(kept[3]) };
  if (kept[0] === 'key') return { kind: 'key', columns: kept[1], key: kept[2] };
  invariant(kept[0] === 'whole', `a mark is of a known kind: ${written}`);
  return { kind: 'whole', reason: kept[1] };
}
