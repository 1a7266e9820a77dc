import { systemClock } from '../../src/core/clock.ts';
import { retry } from '../../src/core/retry.ts';
import { isSpooled, UNCHANGED, type Change, type Relation, type Row, type Transaction } from '../../src/model/change.ts';
import { parseTableName, type TableName } from '../../src/model/names.ts';
import { ORIGIN_OF_TIME, type Position } from '../../src/model/position.ts';
import type { Applier, ApplyTransaction, TargetTable } from '../../src/ports/applier.ts';
import type { ChangeSource } from '../../src/ports/change-source.ts';
import { isTransient } from '../../src/postgres/transient.ts';
import type { TestDatabase } from '../support/postgres.ts';

/** One direction between two databases of one schema, as a capture and an applier under test make it. */
export interface ConformancePair {
  readonly source: TestDatabase;
  readonly target: TestDatabase;
  readonly tables: readonly string[];
  /** A new reader of the source, as after a restart. */
  readonly open: () => ChangeSource;
  /** Writes into the target. */
  readonly applier: () => Applier;
  /** Writes into the source: what it commits is an echo for {@link open}'s reader. */
  readonly backApplier: () => Applier;
  /** The origin under which echoes appear. */
  readonly echoOrigin: string;
  /** Writes a mark into the source's log; what was committed before is at or before the position. */
  readonly mark: () => Promise<Position>;
}

export interface PairOptions {
  readonly schema: string;
  readonly tables: readonly string[];
}

export type MakePair = (options: PairOptions) => Promise<ConformancePair>;

type Part = Omit<Transaction, 'changes'> & { readonly changes: readonly Change[] };

/** What is delivered at once: a transaction, or several that can't be told apart. */
export interface Unit {
  readonly position: Position;
  readonly parts: readonly Part[];
}

export interface ReadOptions {
  /** Read until this was delivered. */
  readonly through: Position;
  readonly onUnit?: (unit: Unit) => Promise<void>;
}

/** Reads a source up to a position, and stops it. One that its predecessor has not yet left is tried again. */
export async function read(source: ChangeSource, options: ReadOptions): Promise<readonly Unit[]> {
  return retry(() => readOnce(source, options), { clock: systemClock, signal: AbortSignal.timeout(30_000), transient: isTransient });
}

async function readOnce(source: ChangeSource, { through, onUnit }: ReadOptions): Promise<readonly Unit[]> {
  const units: Unit[] = [];
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(30_000)]);
  try {
    for await (const event of source.stream({ signal })) {
      const position = event.kind === 'transaction' ? event.transaction.position : event.position;
      if (event.kind !== 'progress') {
        const unit = { position, parts: await inMemory(event.kind === 'unit' ? event.parts : [event.transaction]) };
        units.push(unit);
        await onUnit?.(unit);
      }
      if (position >= through) break;
    }
  } finally {
    stop.abort();
  }
  return units;
}

/** One part after the other, as an engine reads them: those of a unit may share what they are read through. */
async function inMemory(parts: readonly Transaction[]): Promise<readonly Part[]> {
  const read: Part[] = [];
  for (const part of parts) {
    const { changes } = part;
    const all: Change[] = [];
    if (isSpooled(changes)) for await (const some of changes.parts()) all.push(...some);
    read.push({ ...part, changes: isSpooled(changes) ? all : changes });
  }
  for (const { changes } of parts) if (isSpooled(changes)) await changes.discard();
  return read;
}

const isOwn = (change: Change): boolean =>
  (change.kind === 'truncate' ? (change.relations[0]?.table ?? '') : change.relation.table).startsWith('banyan.');

/** The changes of users' tables in what was read, in order. */
export function changesOf(units: readonly Unit[]): readonly Change[] {
  return units.flatMap((unit) => unit.parts.flatMap((part) => part.changes.filter((change) => !isOwn(change))));
}

/** Carries changes over: the least that an engine does. */
export class Follower {
  readonly #pair: ConformancePair;
  readonly source: ChangeSource;
  readonly applier: Applier;
  #targets: ReadonlyMap<TableName, TargetTable> = new Map();
  #applied: Position = ORIGIN_OF_TIME;

  constructor(pair: ConformancePair) {
    this.#pair = pair;
    this.source = pair.open();
    this.applier = pair.applier();
  }

  async start(): Promise<this> {
    this.#applied = (await this.applier.claim()).position;
    this.#targets = await this.applier.describe(this.#pair.tables.map(parseTableName));
    return this;
  }

  /** Carries everything over that was committed before the call; gives what was read. */
  async catchUp(): Promise<readonly Unit[]> {
    return read(this.source, { through: await this.#pair.mark(), onUnit: (unit) => this.apply(unit) });
  }

  async apply(unit: Unit): Promise<void> {
    if (unit.position <= this.#applied) return;
    const transaction = await this.applier.begin();
    try {
      for (const part of unit.parts) {
        if (part.origin?.name === this.#pair.echoOrigin) continue;
        for (const change of part.changes) await this.#write(transaction, change);
      }
      await transaction.commit({ position: unit.position, seen: ORIGIN_OF_TIME, committedAt: unit.parts.at(-1)?.committedAt ?? 0n });
    } catch (error) {
      await transaction.rollback();
      throw error;
    }
    this.#applied = unit.position;
  }

  async #write(transaction: ApplyTransaction, change: Change): Promise<void> {
    if (isOwn(change)) return;
    if (change.kind === 'truncate') {
      const tables = change.relations.map((relation) => this.#target(relation));
      await transaction.truncate(tables, { restartIdentity: change.restartIdentity });
      return;
    }
    const table = this.#target(change.relation);
    const key = (row: Row): string[] =>
      table.key.map((column) => {
        const cell = row[column];
        if (typeof cell !== 'string') throw new Error(`a change of ${table.name} has no key`);
        return cell;
      });
    if (change.kind === 'delete') {
      await transaction.remove(table, key(cellsOf(table, change.relation, change.old)));
      return;
    }
    const row = cellsOf(table, change.relation, change.row);
    const old = change.kind === 'update' && change.old ? cellsOf(table, change.relation, change.old) : row;
    await transaction.put(table, key(old), row);
  }

  #target({ table }: Relation): TargetTable {
    const target = this.#targets.get(table);
    if (!target) throw new Error(`a change of ${table}, which is not followed`);
    return target;
  }

  async close(): Promise<void> {
    await this.applier.close();
  }
}

/** Cells in the target's order. */
export function cellsOf(table: TargetTable, relation: Relation, row: Row): Row {
  return table.columns.map((name) => {
    const cell = row[relation.columns.findIndex((column) => column.name === name)];
    return cell === undefined ? UNCHANGED : cell;
  });
}

/** Runs statements one after the other, each a transaction of its own, with the users' search path. */
export async function script(database: TestDatabase, statements: readonly string[]): Promise<void> {
  const client = await database.pool.connect();
  try {
    await client.query('SET search_path = public, pg_catalog');
    for (const statement of statements) await client.query(statement);
  } finally {
    // What a statement has set must not meet another test.
    client.release(true);
  }
}

/** Every row of the pair's tables, on one side, as text. */
export async function contents(pair: ConformancePair, side: 'source' | 'target'): Promise<Record<string, readonly (string | null)[]>> {
  const found: Record<string, readonly (string | null)[]> = {};
  for (const table of pair.tables) {
    const rows = await pair[side].query(`SELECT t::text AS row FROM ${table} AS t ORDER BY t::text COLLATE "C"`);
    found[table] = rows.map((row) => row['row'] ?? null);
  }
  return found;
}
