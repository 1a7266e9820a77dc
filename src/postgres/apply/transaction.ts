import { createHash } from 'node:crypto';
import type pg from 'pg';
import { allInOrder } from '../../core/all-in-order.ts';
import { BanyanError } from '../../core/errors.ts';
import type { Conflict, Decision } from '../../model/conflict.ts';
import { UNCHANGED, type Row, type Value } from '../../model/change.ts';
import type { Position } from '../../model/position.ts';
import type {
  ApplyTransaction, Checkpoint, Deleted, Horizon, Link, LockedRow, QuarantinedWrite, QuarantineEntry, QuarantineOutcome, Recalled, Reference, RowKeys,
  Sparing, TargetTable, Write,
} from '../../ports/applier.ts';
import type { TableName } from '../../model/names.ts';
import type { StreamNames } from '../banyan-schema.ts';
import type { Marking } from '../replay-marking.ts';
import { IN_FAILED_TRANSACTION, sqlState } from '../transient.ts';
import { arrayLiteral } from './array-literal.ts';
import { clashing } from './clashing.ts';
import { copyIn, isCopyFault } from './copy-in.ts';
import type { CopyTrust } from './copy-trust.ts';
import { holdParent, orphansOf, parentlessRow } from './orphans.ts';
import { answer, overtake, putInQuarantine, readQuarantined, recall, storeDeletes } from './quarantine.ts';
import {
  commitSql, deleteAll, deleteEqual, deleteOthersThan, insertAll, insideSql, keysHolding, outsideOf, putOne, settable, updateAll, updateOne, whereKey, WRITER_OF_FORM,
  WRITTEN_HERE, writtenByOthers, writtenByUs,
  type Guard, type Statement,
} from './statements.ts';
import type { TableShape } from './table-shape.ts';
import { isStalePlan } from '../transient.ts';

export interface TransactionOptions {
  readonly checkpoint: Checkpoint | undefined;
  /** Rejects if the transaction could not begin, or the stream is no longer ours. */
  readonly begun: Promise<Checkpoint>;
  readonly client: pg.Client;
  readonly names: StreamNames;
  readonly service: string;
  readonly origins: readonly string[] | undefined;
  readonly marking: Marking;
  readonly shapeOf: (table: TargetTable) => TableShape;
  /** From how many rows on inserts may be copied; absent where a failure would have to be borne by this transaction. */
  readonly copying?: { readonly trust: CopyTrust; readonly from: number };
  /** Told of the checkpoint once the commit was answered. */
  readonly onCommit?: (position: Position) => void;
  readonly onEnd: () => void;
  /** Told that the session's prepared statements do not fit the tables any more. */
  readonly onStale?: () => void;
}

/** One apply transaction; the session is in it, or about to be, from construction to commit or rollback. */
export class PostgresApplyTransaction implements ApplyTransaction {
  readonly checkpoint: Checkpoint | undefined;
  readonly #client: pg.Client;
  readonly #options: TransactionOptions;
  #saved = false;
  /** Tables with new rows, and how many columns they were described with. */
  readonly #inserted = new Map<string, string>();
  /** A statement sent after the end would be one of its own, committed at once. */
  #over = false;
  /** Settles once every statement so far was answered; never rejects. */
  #answered: Promise<void>;
  /** What failed first, and was not undone since. */
  #cause: unknown;

  constructor(options: TransactionOptions) {
    this.#answered = options.begun.then(
      () => {},
      (error: unknown) => {
        this.#cause = error;
      },
    );
    this.checkpoint = options.checkpoint;
    this.#client = options.client;
    this.#options = options;
  }

  async write(writes: readonly Write[], horizon: Horizon | undefined): Promise<number[]> {
    const first = writes[0];
    if (!first) return [];
    const shape = this.#options.shapeOf(first.table);
    const guard = this.#guard(first.table, horizon);
    if (first.kind === 'insert') return this.#insert(shape, writes, guard);
    if (first.kind === 'delete' && shape.key.length === 0) return this.#deleteEqual(shape, writes);
    if (first.kind === 'delete') return this.#missed(deleteAll(shape, writes.map((w) => w.key), guard));
    const missed = await allInOrder(
      groupByUnchanged(writes).map(async ({ group, places }) => {
        const statement = updateAll(shape, group.map((w) => w.key), group.map((w) => w.row ?? []), guard);
        return (await this.#missed(statement)).map((i) => places?.[i] ?? i);
      }),
    );
    return missed.flat();
  }

  #guard({ filter }: TargetTable, horizon: Horizon | undefined): Guard {
    return { ...this.#ours, horizonXid: horizon?.xid, filter };
  }

  async #deleteEqual(shape: TableShape, writes: readonly Write[]): Promise<number[]> {
    const missed: number[] = [];
    for (const [i, write] of writes.entries()) {
      const result = await this.#run(deleteEqual(shape, write.old ?? []));
      if (result.rowCount === 0) missed.push(i);
    }
    return missed;
  }

  async #insert(shape: TableShape, writes: readonly Write[], guard: Guard): Promise<number[]> {
    this.#inserted.set(shape.sqlName, shape.columnsEver);
    const missed: number[] = [];
    for (const { group, places } of groupByUnchanged(writes)) {
      const rows = group.map((write) => write.row ?? []);
      if (!places && (await this.#copied(shape, rows))) return [];
      // A row that is all key is there now, whoever wrote it.
      if (settable(shape, rows[0]).length === 0) await this.#missed(insertAll(shape, rows, guard));
      else for (const i of await this.#missed(insertAll(shape, rows, guard))) missed.push(places?.[i] ?? i);
    }
    return missed;
  }

  /** Copies rows that are probably new; false if that is not to be tried. A failure is that of the transaction. */
  async #copied(shape: TableShape, rows: readonly Row[]): Promise<boolean> {
    const { copying } = this.#options;
    if (!copying || rows.length < copying.from || !copying.trust.allows(shape.name)) return false;
    await this.#send(async () => {
      try {
        await copyIn(this.#client, shape, rows);
      } catch (error) {
        if (isCopyFault(error)) copying.trust.failed(shape.name);
        throw error;
      }
    });
    copying.trust.worked(shape.name);
    return true;
  }

  /** Runs a statement that tells the ordinals, from 1, of the rows that did not take; gives their indexes, from 0. */
  async #missed(statement: Statement): Promise<number[]> {
    const result = await this.#run<{ missed: string | null }>(statement);
    const missed = result.rows[0]?.missed;
    return typeof missed === 'string' ? missed.slice(1, -1).split(',').map((ordinal) => Number(ordinal) - 1) : [];
  }

  async lock(table: TargetTable, key: readonly string[], { keyOnly } = { keyOnly: false }): Promise<LockedRow | undefined> {
    const shape = this.#options.shapeOf(table);
    // Without a key there is no such row: each is like any other.
    if (shape.key.length === 0) return undefined;
    const replayed = writtenByUs(this.#ours) ?? 'false';
    // First the lock, then the look: nothing of the row may be read before it stands still. Both are sent in one go.
    const locking = this.#run({ text: `SELECT 1 FROM ${shape.sqlName} AS t WHERE ${whereKey(shape)} FOR UPDATE`, values: key });
    const looking = this.#run<Record<string, Value>>({
      text:
        `SELECT ${shape.sqlColumns.map((column, i) => (keyOnly && !shape.key.includes(i) ? '' : `t.${column} AS c${i}, `)).join('')}t.xmin AS xmin, ` +
        `(extract(epoch FROM pg_catalog.pg_xact_commit_timestamp(t.xmin)) * 1000000)::int8 AS at, ` +
        `${replayed} AS replayed, (${WRITTEN_HERE}) AS own, ${WRITER_OF_FORM} AS rewritten, ` +
        `${table.filter === undefined || keyOnly ? 'false' : `NOT ${insideSql(shape, table.filter)}`} AS outside ` +
        `FROM ${shape.sqlName} AS t WHERE ${whereKey(shape)}`,
      values: key,
    });
    const [locked, found] = await Promise.all([locking, looking]);
    const row = found.rows[0];
    // One that came after the lock found none does not stand still.
    if (locked.rowCount === 0 || !row) return undefined;
    const at = row['at'];
    return {
      row: shape.columns.map((_, i) => (keyOnly && !shape.key.includes(i) ? UNCHANGED : (row[`c${i}`] ?? null))),
      xid: Number(row['xmin']),
      ...(typeof at === 'string' ? { committedAt: BigInt(at) } : {}),
      replayed: row['replayed'] === 't',
      own: row['own'] === 't',
      ...(row['outside'] === 't' ? { outside: true } : {}),
      ...(row['rewritten'] === 't' ? { rewritten: true } : {}),
    };
  }

  async put(table: TargetTable, key: readonly string[], row: Row): Promise<void> {
    const shape = this.#options.shapeOf(table);
    const sameKey = shape.key.every((column, i) => row[column] === UNCHANGED || row[column] === key[i]);
    const whole = row.every((cell, i) => cell !== UNCHANGED || table.carried?.[i] === false);
    if (sameKey && whole) {
      await this.#run(putOne(shape, row));
      return;
    }
    const updated = await this.#run(updateOne(shape, key, row));
    if (updated.rowCount === 0 && whole) await this.#run(putOne(shape, row));
  }

  async remove(table: TargetTable, key: readonly string[]): Promise<void> {
    const shape = this.#options.shapeOf(table);
    await this.#run({ text: `DELETE FROM ${shape.sqlName} AS t WHERE ${whereKey(shape)}`, values: key });
  }

  async outside(table: TargetTable, keys: readonly (readonly string[])[]): Promise<readonly number[]> {
    if (table.filter === undefined || keys.length === 0) return [];
    return this.#missed(outsideOf(this.#options.shapeOf(table), keys, table.filter));
  }

  async truncate(
    tables: readonly TargetTable[], options: { readonly restartIdentity: boolean; readonly sparing?: Sparing },
  ): Promise<readonly RowKeys[]> {
    const spared = options.sparing && (await this.#truncateSparing(tables, options.sparing));
    if (!spared) await this.#truncateAll(tables, options);
    return spared ?? [];
  }

  /** Undefined if there is nothing to spare: then the tables are locked, so that nothing comes before they are emptied as a whole. */
  async #truncateSparing(tables: readonly TargetTable[], { horizon, rows }: Sparing): Promise<RowKeys[] | undefined> {
    const whole = tables.filter((table) => table.part !== true).map((table) => ({ table, shape: this.#options.shapeOf(table) }));
    if (whole.length === 0) return undefined;
    // As TRUNCATE locks them. What is looked at afterwards stands still.
    await this.#query(`LOCK TABLE ${whole.map(({ shape }) => shape.sqlName).join(', ')} IN ACCESS EXCLUSIVE MODE`);
    const spared: RowKeys[] = [];
    for (const { table, shape } of whole) {
      const found = await this.#run<Record<string, string>>(writtenByOthers(shape, this.#guard(table, horizon)));
      if (found.rows.length > 0) spared.push({ table, keys: found.rows.map((row) => shape.key.map((_, i) => row[`k${i}`] ?? '')) });
    }
    if (spared.length === 0 && rows.every(({ keys }) => keys.length === 0)) return undefined;
    for (const { table, shape } of whole) {
      const always = rows.find((each) => each.table === table)?.keys ?? [];
      await this.#run(deleteOthersThan(shape, always, this.#guard(table, horizon)));
    }
    return spared;
  }

  async #truncateAll(tables: readonly TargetTable[], options: { readonly restartIdentity: boolean }): Promise<void> {
    for (const table of tables.filter((each) => each.part === true)) {
      const shape = this.#options.shapeOf(table);
      const set = shape.settable.filter((i) => table.carried?.[i] !== false).map((i) => `${shape.sqlColumns[i]} = NULL`);
      if (set.length > 0) await this.#query(`UPDATE ${shape.sqlName} SET ${set.join(', ')}`);
    }
    for (const table of tables) {
      if (table.filter === undefined) continue;
      const shape = this.#options.shapeOf(table);
      await this.#query(`DELETE FROM ${shape.sqlName} AS t WHERE ${insideSql(shape, table.filter)}`);
    }
    const names = tables.filter((each) => each.part !== true && each.filter === undefined).map((table) => this.#options.shapeOf(table).sqlName);
    if (names.length > 0) await this.#query(`TRUNCATE ${names.join(', ')}${options.restartIdentity ? ' RESTART IDENTITY' : ''}`);
  }

  async clashes(table: TargetTable, key: readonly string[], row: Row): Promise<readonly (readonly string[])[]> {
    const shape = this.#options.shapeOf(table);
    const found = new Map<string, readonly string[]>();
    for (const apart of shape.apart) {
      const rows = await this.#run<Record<string, string>>(clashing(shape, apart, { key, row }));
      for (const other of rows.rows) {
        const otherKey = shape.key.map((_, i) => other[`k${i}`] ?? '');
        found.set(JSON.stringify(otherKey), otherKey);
      }
    }
    return [...found.values()];
  }

  async keysBy(table: TargetTable, row: Row): Promise<readonly (readonly string[])[]> {
    const shape = this.#options.shapeOf(table);
    const found = await this.#run<Record<string, string>>(keysHolding(shape, row));
    return found.rows.map((each) => shape.key.map((_, i) => each[`k${i}`] ?? ''));
  }

  async orphans(link: Link, parents: readonly (readonly string[])[]): ReturnType<ApplyTransaction['orphans']> {
    const shapes = this.#link(link);
    const { child, parent } = shapes;
    const found = await this.#run<Record<string, string>>(orphansOf(shapes, parents));
    return found.rows.map((row) => ({ key: child.key.map((_, i) => row[`k${i}`] ?? ''), parent: parent.key.map((_, i) => row[`p${i}`] ?? '') }));
  }

  async parentless(link: Link, key: readonly string[]): Promise<boolean> {
    const shapes = this.#link(link);
    await this.#run(holdParent(shapes, key));
    return (await this.#run(parentlessRow(shapes, key))).rows.length > 0;
  }

  #link({ child, parent, reference }: Link): { readonly child: TableShape; readonly parent: TableShape; readonly reference: Reference } {
    return { child: this.#options.shapeOf(child), parent: this.#options.shapeOf(parent), reference };
  }

  async compare(table: TargetTable, column: string, a: string, b: string): Promise<number> {
    const shape = this.#options.shapeOf(table);
    const type = shape.sqlTypes[shape.columns.indexOf(column)];
    if (type === undefined) throw new BanyanError('BANYAN_RESOLVER', { message: `${table.name} has no column "${column}" to compare by.` });
    const found = await this.#run<{ order: string }>({
      text: `SELECT CASE WHEN v.a < v.b THEN -1 WHEN v.a > v.b THEN 1 ELSE 0 END AS "order" FROM (SELECT $1::text::${type} AS a, $2::text::${type} AS b) AS v`,
      values: [a, b],
    });
    return Number(found.rows[0]?.order ?? 0);
  }

  /** The row need not stay: that it was inserted is in the log. */
  async request(table: TargetTable, key: readonly string[], { evenIfGone } = { evenIfGone: false }): Promise<void> {
    const named = Object.fromEntries(table.key.map((column, i) => [table.columns[column], key[i]]));
    const made = await this.#query<{ id: string }>(
      'INSERT INTO banyan.request (service, table_name, key, even_if_gone) VALUES ($1, $2, $3, $4) RETURNING id',
      [this.#options.service, table.name, JSON.stringify(named), evenIfGone],
    );
    await this.#query('DELETE FROM banyan.request WHERE id = $1', [made.rows[0]?.id]);
  }

  async recordConflict(conflict: Conflict, decision: Decision | undefined): Promise<void> {
    await this.#query(
      'INSERT INTO banyan.conflict (service, table_name, key, type, monolith, service_row, winner, strategy, reason, decided, decision, standing, standing_at, monolith_at, service_at) ' +
        'VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)',
      [
        conflict.service, conflict.table, JSON.stringify(conflict.key), conflict.type,
        jsonOrNull(conflict.monolith), jsonOrNull(conflict.serviceRow), conflict.winner, conflict.strategy,
        conflict.reason ?? null, decision !== undefined, decision ? jsonOrNull(decision.row) : null,
        decision?.standing.winner ?? null, decision ? String(decision.standing.committedAt) : null,
        conflict.monolithAt === undefined ? null : String(conflict.monolithAt),
        conflict.serviceAt === undefined ? null : String(conflict.serviceAt),
      ],
    );
  }

  async quarantine(entry: QuarantinedWrite): Promise<void> {
    await putInQuarantine(this.#client, { stream: this.#options.names.stream, service: this.#options.service, entry });
  }

  quarantined(): Promise<readonly QuarantineEntry[]> {
    return readQuarantined(this.#client, this.#options.names.stream);
  }

  recall(ids: readonly string[], tableNamed: (name: TableName) => TargetTable | undefined): Promise<readonly Recalled[]> {
    return recall(this.#client, { ids, tableNamed });
  }

  async answer(ids: readonly string[], outcome: QuarantineOutcome): Promise<void> {
    await answer(this.#client, ids, outcome);
  }

  async storeDeletes(deletes: ReadonlyMap<string, Deleted>): Promise<void> {
    await storeDeletes(this.#client, this.#options.names.stream, deletes);
  }

  async overtake(tables: readonly TableName[]): Promise<void> {
    await overtake(this.#client, this.#options.names.stream, tables);
  }

  async confirmClaim(): Promise<void> {
    await this.#options.begun;
  }

  /** Each change is checked in this way, so what is deferred from here on is checked as well. */
  async checkConstraints(): Promise<void> {
    await this.#query('SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED');
  }

  /** The one before is given up: each that stays open costs the server memory until the end. */
  async savepoint(): Promise<void> {
    await this.#query(this.#saved ? 'RELEASE SAVEPOINT banyan; SAVEPOINT banyan' : 'SAVEPOINT banyan');
    this.#saved = true;
    if (this.#options.marking === 'origin') return;
    // What is written from here on carries the number of a subtransaction, which only a row of it tells.
    await this.#client.query(
      'WITH part AS (INSERT INTO banyan.replayed_part (stream) VALUES ($1) RETURNING xmin), ' +
        'gone AS (DELETE FROM banyan.replayed_part WHERE stream = $1) ' +
        'INSERT INTO banyan.replayed (stream, xid, whole_xid) SELECT $1, xmin::text::int8, pg_current_xact_id()::text::int8 FROM part ON CONFLICT DO NOTHING',
      [this.#options.names.stream],
    );
  }

  async rollbackToSavepoint(): Promise<void> {
    await this.#query('ROLLBACK TO SAVEPOINT banyan');
    await this.#answered;
    this.#cause = undefined;
  }

  async commit(checkpoint: Checkpoint & { readonly committedAt: bigint }): Promise<void> {
    await this.#options.begun;
    await this.#checkForms();
    await this.#query(commitSql({ stream: this.#options.names.stream, marking: this.#options.marking, ...checkpoint }));
    this.#over = true;
    this.#options.onEnd();
    this.#options.onCommit?.(checkpoint.position);
  }

  /**
   * A new row takes the default of a column that is not known here; but at its source, where the column may be
   * still to come, it takes what older rows have. Nobody can add one from the first insert until the commit.
   */
  async #checkForms(): Promise<void> {
    if (this.#inserted.size === 0) return;
    const found = await this.#run<{ changed: string }>({
      text:
        'SELECT EXISTS (SELECT FROM unnest($1::text[], $2::int[]) AS known(name, ever) ' +
        'JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(known.name) AND c.relnatts <> known.ever) AS changed',
      values: [arrayLiteral([...this.#inserted.keys()]), arrayLiteral([...this.#inserted.values()])],
    });
    if (found.rows[0]?.changed === 't') throw new OutOfDate();
  }

  async rollback(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    try {
      await this.#client.query('ROLLBACK');
    } finally {
      this.#options.onEnd();
    }
  }

  get #ours(): Pick<Guard, 'origins' | 'noted'> {
    const { marking, origins, names: { stream } } = this.#options;
    return marking === 'origin' ? { origins } : { origins: undefined, noted: stream };
  }

  /** Runs a statement as a named prepared one, so that its plan is made once a session. */
  #run<T extends pg.QueryResultRow>(statement: Statement): Promise<pg.QueryResult<T>> {
    return this.#query<T>({ name: nameOf(statement.text), text: statement.text, values: [...statement.values] });
  }

  #query<T extends pg.QueryResultRow>(query: string | pg.QueryConfig, values?: readonly unknown[]): Promise<pg.QueryResult<T>> {
    return this.#send(() => this.#client.query<T>(query, values && [...values]));
  }

  /**
   * Statements are sent before those before them are answered. Once one has failed, the server refuses the
   * rest for that alone; those fail for what the first one failed for, for it decides what is done about it.
   */
  async #send<T>(statement: () => Promise<T>): Promise<T> {
    if (this.#over) throw new TransactionOver();
    const before = this.#answered;
    const answer = statement();
    this.#answered = before.then(() => answer).then(
      () => {},
      (error: unknown) => {
        this.#cause ??= error;
      },
    );
    try {
      return await answer;
    } catch (error) {
      if (isStalePlan(error)) this.#options.onStale?.();
      if (sqlState(error) !== IN_FAILED_TRANSACTION) throw error;
      await before;
      throw this.#cause ?? error;
    }
  }
}

/** A table has got a column that is not known here; the same attempt can be made once it is. */
export class OutOfDate extends Error {
  constructor() {
    super('a table has got a column since it was described');
    // See isTransient.
    this.name = 'AbortError';
  }
}

/** Somebody rolled it back while it was still being written to: nothing is at fault. */
class TransactionOver extends Error {
  constructor() {
    super('the transaction was rolled back meanwhile');
    this.name = 'AbortError';
  }
}

const names = new Map<string, string>();

/** A name for a statement's text, the same in every session. There are a few texts per table. */
function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = createHash('sha1').update(text).digest('base64');
    names.set(text, name);
  }
  return name;
}

interface UnchangedGroup {
  readonly group: readonly Write[];
  /** Where each stood; absent if the group is all there is. */
  readonly places?: readonly number[];
}

/** Writes that leave the same cells unchanged; those can share a statement. */
function groupByUnchanged(writes: readonly Write[]): readonly UnchangedGroup[] {
  if (!writes.some((write) => write.row?.includes(UNCHANGED))) return [{ group: writes }];
  const groups = new Map<string, { readonly group: Write[]; readonly places: number[] }>();
  writes.forEach((write, i) => {
    const mask = write.row?.map((cell) => (cell === UNCHANGED ? 'u' : '.')).join('') ?? '';
    const found = groups.get(mask) ?? { group: [], places: [] };
    groups.set(mask, found);
    found.group.push(write);
    found.places.push(i);
  });
  return [...groups.values()];
}

function jsonOrNull(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}
