import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isTransient } from '../../src/postgres/transient.ts';
import type { Side } from '../../src/model/side.ts';
import type { TestDatabase } from './postgres.ts';

type Querying = Pick<TestDatabase, 'pool'>;

/** A write that a side's server acknowledged to its client. */
interface Acknowledged {
  readonly side: Side;
  readonly id: number;
  /** Unique among all writes; null: the row was deleted. */
  readonly value: string | null;
  /** The value that the writer replaced, as it read it under its row lock; null: there was no row. */
  readonly before: string | null;
}

export const JOURNAL_SCHEMA = `
  CREATE TABLE account (id int PRIMARY KEY, value text NOT NULL, handle text UNIQUE, visits int NOT NULL DEFAULT 0);
  CREATE TABLE entry (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), account_id int NOT NULL, value text NOT NULL);
`;

/** What one transaction wrote. */
interface Written {
  readonly writes: readonly Acknowledged[];
  /** The row it adds to `entry`. Nobody changes or deletes that, so it tells whether the transaction was committed. */
  readonly entry: string;
}

/**
 * Writers on both sides of a pair which remember every write that was acknowledged to them. Each value
 * is written once and names its writer, so that afterwards each can be looked for.
 */
export class Journal {
  readonly #acknowledged: Acknowledged[] = [];
  readonly #entries = new Set<string>();
  /** Transactions whose COMMIT was sent, but not answered: the server may have committed and then broken off. */
  readonly #inDoubt = new Set<Written>();
  readonly #ends: Readonly<Record<Side, Querying>>;
  readonly #keys: number;
  readonly #uniqueValues: boolean;
  readonly #pauseMs: number;
  readonly #stop = new AbortController();
  readonly #writers: Promise<void>[] = [];
  #refused = 0;

  /**
   * @param options.keys rows that all writers share.
   * @param options.uniqueValues whether some writes take one of a few unique values. Default false.
   * @param options.pauseMs how long a writer rests between two transactions at most. Default 0.
   */
  constructor(options: { readonly ends: Readonly<Record<Side, Querying>>; readonly keys: number; readonly uniqueValues?: boolean; readonly pauseMs?: number }) {
    this.#ends = { monolith: options.ends.monolith, service: options.ends.service };
    this.#keys = options.keys;
    this.#uniqueValues = options.uniqueValues ?? false;
    this.#pauseMs = options.pauseMs ?? 0;
  }

  get writes(): number {
    return this.#acknowledged.length + this.#entries.size;
  }

  /** Writes that the server refused, for a unique value or a lost connection. */
  get refused(): number {
    return this.#refused;
  }

  /** Transactions whose COMMIT was not answered: they may be there or not. */
  get unknown(): number {
    return this.#inDoubt.size;
  }

  start(writersPerSide: number): void {
    for (const side of ['monolith', 'service'] as const) {
      for (let i = 0; i < writersPerSide; i++) this.#writers.push(this.#write(side));
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.finish();
  }

  /** Lets the writers finish what they have begun. */
  async finish(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#writers);
  }

  /**
   * What was acknowledged and is nowhere: not the row's value, never replaced by a later write that had
   * read it, and in no record of a conflict or quarantine. Empty is right.
   */
  async lost(): Promise<readonly string[]> {
    const rows = await this.#ends.monolith.pool.query<{ id: string; value: string }>('SELECT id, value FROM public.account');
    const entries = await this.#ends.monolith.pool.query<{ value: string }>('SELECT value FROM public.entry');
    const known = new Set([...rows.rows, ...entries.rows].map((row) => row.value));
    const committed = [...this.#inDoubt].filter(({ entry }) => known.has(entry)).flatMap(({ writes }) => writes);
    const acknowledged = [...this.#acknowledged, ...committed];
    for (const { before } of acknowledged) if (before !== null) known.add(before);
    const records: string[] = [];
    for (const { pool } of Object.values(this.#ends)) {
      const found = await pool.query<{ record: string | null }>(
        'SELECT concat(monolith, service_row, decision) AS record FROM banyan.conflict UNION ALL SELECT row FROM banyan.quarantine',
      );
      for (const { record } of found.rows) if (record !== null) records.push(record);
    }
    const recorded = records.join('\n');
    const missing = (value: string): boolean => !known.has(value) && !recorded.includes(value);
    const there = new Set(rows.rows.map((row) => row.value));
    return [
      // A delete leaves no value to look for; but what it removed must not be there, unless a decision put it back.
      ...acknowledged.filter(({ value, before }) => value === null && before !== null && there.has(before) && !recorded.includes(before)).map(({ before }) => `the delete of ${before}`),
      ...acknowledged.map(({ value }) => value).filter((value): value is string => value !== null && missing(value)),
      ...[...this.#entries].filter(missing),
    ];
  }

  /**
   * Recorded conflicts of two values of which one writer had seen the other's, as far as the journal can
   * tell: by the values that each writer read under its row lock. What an earlier decision had left is no
   * writer's alone, and is left out. Empty is right.
   */
  async unjust(): Promise<readonly string[]> {
    const before = new Map(this.#acknowledged.filter(({ value }) => value !== null).map((write) => [write.value, write.before]));
    const saw = (value: string, other: string): boolean => {
      for (let seen = before.get(value); typeof seen === 'string'; seen = before.get(seen)) if (seen === other) return true;
      return false;
    };
    const found = await this.#ends.monolith.pool.query<{ id: string; key: string; type: string; ours: string | null; theirs: string | null; decided: string | null; strategy: string }>(
      "SELECT id, key, type, monolith::json->>'value' AS ours, service_row::json->>'value' AS theirs, decision::json->>'value' AS decided, strategy FROM banyan.conflict " +
        "WHERE table_name = 'public.account' ORDER BY id",
    );
    const left = new Set<string>();
    const unjust: string[] = [];
    for (const { id, key, type, ours, theirs, decided, strategy } of found.rows) {
      const judged = ours !== null && theirs !== null && type !== 'unique-key' && strategy !== 'superseded' && strategy !== 'sent-again';
      if (judged && !left.has(ours) && (saw(ours, theirs) || saw(theirs, ours))) unjust.push(`conflict ${id} of ${key}, ${type} by ${strategy}: ${ours} and ${theirs}`);
      if (decided !== null) left.add(decided);
    }
    return unjust;
  }

  /** Every acknowledged write of one row, in the order in which they were acknowledged: to look at by hand. */
  story(id: number): string {
    return this.#acknowledged.filter((write) => write.id === id).map(({ before, value }) => `${before} -> ${value}`).join('\n');
  }

  /**
   * One transaction that inserts many rows of `entry` and updates some that all writers share. Resolves with
   * whether it was acknowledged; one that was not is in doubt, as any other.
   */
  async large(side: Side, rows: number): Promise<boolean> {
    const name = `${side}-large-${randomBytes(6).toString('hex')}`;
    const entry = `${name}-1`;
    const done: Acknowledged[] = [];
    try {
      const client = await this.#ends[side].pool.connect();
      let broken = true;
      try {
        await client.query('BEGIN');
        await client.query("INSERT INTO public.entry (account_id, value) SELECT 2, $1 || '-' || g FROM generate_series(1, $2::int) g", [name, rows]);
        const locked = await client.query<{ id: string; value: string }>('SELECT id, value FROM public.account WHERE id % 8 = 0 ORDER BY id FOR UPDATE');
        for (const { id, value: before } of locked.rows) done.push({ side, id: Number(id), value: `${name}-of-${id}`, before });
        await client.query("UPDATE public.account SET value = $1 || '-of-' || id, visits = visits + 1 WHERE id % 8 = 0 AND id = ANY ($2)", [name, done.map(({ id }) => id)]);
        const written = { writes: done, entry };
        this.#inDoubt.add(written);
        await client.query('COMMIT');
        this.#inDoubt.delete(written);
        broken = false;
      } finally {
        client.release(broken);
      }
    } catch (error) {
      if (!isTransient(error)) throw error;
      this.#refused += 1;
      return false;
    }
    this.#acknowledged.push(...done);
    for (let i = 1; i <= rows; i++) this.#entries.add(`${name}-${i}`);
    return true;
  }

  async #write(side: Side): Promise<void> {
    const { pool } = this.#ends[side];
    while (!this.#stop.signal.aborted) {
      try {
        const client = await pool.connect();
        let broken = false;
        try {
          await this.#transaction(side, client);
        } catch (error) {
          this.#refused += 1;
          broken = isTransient(error);
          if (!broken) await client.query('ROLLBACK');
        } finally {
          client.release(broken);
        }
      } catch (error) {
        if (!isTransient(error)) throw error;
        // The server is away; whoever asks it all the time only takes its place on the machine.
        await delay(20);
      }
      if (this.#pauseMs > 0) await delay(Math.random() * this.#pauseMs);
    }
  }

  async #transaction(side: Side, client: { query: TestDatabase['pool']['query'] }): Promise<void> {
    const done: Acknowledged[] = [];
    const entry = `${side}-${randomBytes(6).toString('hex')}`;
    await client.query('BEGIN');
    for (let i = 0; i < 2; i++) {
      const dice = randomBytes(1)[0]! % 10;
      const id = 1 + (randomBytes(2).readUInt16BE() % this.#keys);
      const value = `${side}-${randomBytes(6).toString('hex')}`;
      const handle = this.#uniqueValues && dice === 3 ? `h${id % 7}` : null;
      if (dice === 9) await client.query('SAVEPOINT s');
      const found = await client.query<{ value: string }>('SELECT value FROM public.account WHERE id = $1 FOR UPDATE', [id]);
      const before = found.rows[0]?.value ?? null;
      if (before !== null && dice < 2) {
        await client.query('DELETE FROM public.account WHERE id = $1', [id]);
        done.push({ side, id, value: null, before });
      } else if (before !== null) {
        await client.query('UPDATE public.account SET value = $2, handle = $3, visits = visits + 1 WHERE id = $1', [id, value, handle]);
        done.push({ side, id, value, before });
      } else {
        await client.query('INSERT INTO public.account (id, value, handle) VALUES ($1, $2, $3)', [id, value, handle]);
        done.push({ side, id, value, before: null });
      }
      if (dice === 9) await client.query('RELEASE SAVEPOINT s');
    }
    await client.query('INSERT INTO public.entry (account_id, value) VALUES (1, $1)', [entry]);
    const written = { writes: done, entry };
    this.#inDoubt.add(written);
    await client.query('COMMIT');
    this.#inDoubt.delete(written);
    this.#acknowledged.push(...done);
    this.#entries.add(entry);
  }
}
