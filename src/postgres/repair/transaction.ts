import type pg from 'pg';
import { messageOf } from '../../core/errors.ts';
import type { Value } from '../../model/change.ts';
import type { NamedRow } from '../../model/conflict.ts';
import type { RowIdentity, Selection } from '../../ports/checksummer.ts';
import type { RepairTransaction, RowChange, StoredRows, WriteOutcome } from '../../ports/row-repairer.ts';
import type { Statement } from '../apply/statements.ts';
import { isTransient, sqlState } from '../transient.ts';
import { brokenReferences, leftBehind, type ForeignKeys } from './foreign-keys.ts';
import { asMissingRight } from './rights.ts';
import { BEFORE_CELLS, deleteRows, findRows, insertRows, updateRows, type RepairTarget } from './statements.ts';

/** What a transaction knows of a table. */
export interface RepairedTable {
  readonly target: RepairTarget;
  readonly foreignKeys: ForeignKeys;
}

interface FoundRow {
  readonly row: NamedRow;
  readonly version: string;
  readonly part: string;
  readonly place: string;
}

/** A change as it is written: rows to take away, rows to add, and of a row that stays the columns to set. */
interface Step {
  readonly identity: RowIdentity;
  readonly remove: readonly FoundRow[];
  readonly add: readonly NamedRow[];
  readonly set: NamedRow | undefined;
  readonly before: readonly NamedRow[];
  readonly intended: readonly NamedRow[];
  /** The row that stays. */
  readonly found: FoundRow | undefined;
}

/** Thrown by the transaction itself, to go back to its savepoint. */
class Refusal extends Error {
  readonly why: 'reference' | 'unique' | 'value';
  /** The steps that are at fault; none: the server did not say. */
  readonly culprits: readonly Step[];

  constructor(why: 'reference' | 'unique' | 'value', reason: string, culprits: readonly Step[] = []) {
    super(reason);
    this.why = why;
    this.culprits = culprits;
  }
}

/** One transaction that repairs rows. Every call is awaited before the next. */
export class PostgresRepairTransaction implements RepairTransaction {
  readonly #client: pg.PoolClient;
  readonly #tableOf: (selection: Selection) => Promise<RepairedTable>;
  readonly #origin: boolean;
  #open = true;

  /** @param options.origin whether the session carries a replication origin. */
  constructor(client: pg.PoolClient, options: { readonly tableOf: (selection: Selection) => Promise<RepairedTable>; readonly origin: boolean }) {
    this.#client = client;
    this.#tableOf = options.tableOf;
    this.#origin = options.origin;
  }

  async lock(selection: Selection, identities: readonly RowIdentity[], strength: 'share' | 'update'): Promise<readonly StoredRows[]> {
    const { target } = await this.#tableOf(selection);
    const keyless = selection.keyLength === 0;
    // Equal rows come as they go: nothing less than the table keeps their number.
    if (keyless) await this.#client.query(`LOCK TABLE ${target.shape.sqlName} IN ${strength === 'share' ? 'SHARE' : 'SHARE ROW EXCLUSIVE'} MODE`);
    const found = await this.#find(target, identities, keyless ? '' : ` FOR ${strength === 'share' ? 'SHARE' : 'UPDATE'} OF t`);
    return found.map((rows) => ({ rows: rows.map(({ row }) => row), ...(rows.length > 0 ? { version: versionOf(rows.map(({ version }) => version)) } : {}) }));
  }

  async oldestRunning(): Promise<bigint> {
    const { rows } = await this.#client.query<{ oldest: string }>('SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text AS oldest');
    return BigInt(rows[0]?.oldest ?? '0');
  }

  async write(selection: Selection, changes: readonly RowChange[]): Promise<readonly WriteOutcome[]> {
    const table = await this.#tableOf(selection);
    const steps = await this.#steps(table.target, changes);
    const together = await this.#attempt(() => this.#carryOut(table, steps));
    if (!(together instanceof Refusal)) return together;
    if (steps.length === 1) return [await this.#whyNot(table, steps[0], together)];
    const outcomes: WriteOutcome[] = [];
    for (const step of steps) {
      const alone = await this.#attempt(() => this.#carryOut(table, [step]));
      outcomes.push(alone instanceof Refusal ? await this.#whyNot(table, step, alone) : (alone[0] ?? { state: 'changed' }));
    }
    return outcomes;
  }

  async writeTogether(selection: Selection, changes: readonly RowChange[]): Promise<readonly WriteOutcome[]> {
    const table = await this.#tableOf(selection);
    const steps = await this.#steps(table.target, changes);
    const outcomes = new Map<Step, WriteOutcome>();
    // Without those that clash with rows that are not among them, the others may fit.
    for (let left: readonly Step[] = steps; left.length > 0; left = left.filter((step) => !outcomes.has(step))) {
      const outcome = await this.#attempt(() => this.#carryOut(table, left, { anew: true }));
      if (!(outcome instanceof Refusal)) for (const [i, step] of left.entries()) outcomes.set(step, outcome[i] ?? { state: 'changed' });
      else for (const step of outcome.culprits.length > 0 ? outcome.culprits : left) outcomes.set(step, { state: 'refused', why: outcome.why, reason: outcome.message });
    }
    return steps.map((step) => outcomes.get(step) ?? { state: 'changed' });
  }

  async commit(): Promise<void> {
    await this.#client.query('COMMIT');
    this.#open = false;
    await this.#leave();
  }

  async rollback(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    try {
      await this.#client.query('ROLLBACK');
      await this.#leave();
    } catch (error) {
      // A session whose rollback fails may still be in the transaction.
      this.#client.release(error instanceof Error ? error : true);
    }
  }

  /** The origin belongs to the session, which goes back to its pool. */
  async #leave(): Promise<void> {
    if (this.#origin) await this.#client.query('SELECT pg_catalog.pg_replication_origin_session_reset()');
    this.#client.release();
  }

  async #find(target: RepairTarget, identities: readonly RowIdentity[], lock: string): Promise<readonly (readonly FoundRow[])[]> {
    const found = identities.map((): FoundRow[] => []);
    const { text, values } = findRows(target, identities, lock);
    // Locking a row takes the right to write it.
    const { rows } = await this.#client.query<Value[]>({ text, values: [...values], rowMode: 'array' }).catch((error: unknown) => Promise.reject(asMissingRight(error)));
    for (const row of rows) found[Number(row[0]) - 1]?.push({ row: namedRow(target, row), version: row[1] ?? '', place: row[3] ?? '', part: row[4] ?? '' });
    return found;
  }

  async #steps(target: RepairTarget, changes: readonly RowChange[]): Promise<readonly Step[]> {
    const found = await this.#find(target, changes.map(({ identity }) => identity), '');
    const keyed = target.selection.keyLength > 0;
    return changes.map(({ identity, before, after }, i) => {
      const here = found[i] ?? [];
      const [old] = here;
      const [row] = after;
      const shared = { identity, before, intended: after, found: old };
      if (keyed && old && row) return { ...shared, remove: [], add: [], set: differing(old.row, row) };
      // As a multiset: what is on both sides stays.
      const add = [...after];
      const remove = here.filter((each) => {
        const at = add.findIndex((wanted) => Object.keys(differing(each.row, wanted)).length === 0);
        if (at >= 0) add.splice(at, 1);
        return at < 0;
      });
      return { ...shared, remove, add, set: undefined };
    });
  }

  /**
   * All of the steps, and whether they have had the effect they should.
   * @param options.anew whether rows that stay are taken away first and come again whole. Default false.
   * @throws Refusal, or the server's error
   */
  async #carryOut(table: RepairedTable, steps: readonly Step[], { anew = false } = {}): Promise<readonly WriteOutcome[]> {
    const { target, foreignKeys } = table;
    await (anew ? this.#writeAnew(target, steps) : this.#writeInPlace(target, steps));
    const identities = steps.map(({ identity }) => identity);
    if (foreignKeys.outgoing.length > 0) {
      const broken = await brokenReferences(this.#client, { target, outgoing: foreignKeys.outgoing, identities });
      for (const name of broken.values()) throw new Refusal('reference', `the row it refers to (${name}) is not there`, steps.filter((_, i) => broken.has(i)));
    }
    const referred = new Set(foreignKeys.incoming.flatMap(({ columns }) => columns));
    const gone = steps.flatMap((step) => {
      const touched = step.remove.length > 0 || Object.keys(step.set ?? {}).some((name) => referred.has(name));
      return touched ? step.before.map((row) => ({ step, row })) : [];
    });
    if (foreignKeys.incoming.length > 0 && gone.length > 0) {
      const left = await leftBehind(this.#client, { target, incoming: foreignKeys.incoming, rows: gone.map(({ row }) => row) });
      for (const name of left.values()) throw new Refusal('reference', `another row refers to it (${name})`, gone.flatMap(({ step }, i) => (left.has(i) ? [step] : [])));
    }
    const now = await this.#find(target, identities, '');
    return steps.map(({ intended, before }, i): WriteOutcome => {
      const rows = (now[i] ?? []).map(({ row }) => row);
      if (rows.length !== intended.length) throw new Refusal('value', 'with these values the filter of the table leaves it out');
      if (rows.length === 1 && before.length === 1 && sameRows(rows, before)) throw new Refusal('value', 'the database keeps the row as it was');
      return { state: 'done', rows };
    });
  }

  async #writeInPlace(target: RepairTarget, steps: readonly Step[]): Promise<void> {
    const remove = steps.flatMap((step) => step.remove);
    if (remove.length > 0) await this.#run(deleteRows(target, remove));
    for (const rows of alike(steps.flatMap((step) => step.add), (row) => row)) await this.#run(insertRows(target, rows));
    const set = steps.flatMap(({ identity, set }) => (set === undefined || Object.keys(set).length === 0 ? [] : [{ identity, set }]));
    for (const changes of alike(set, (change) => change.set)) await this.#run(updateRows(target, changes));
  }

  async #writeAnew(target: RepairTarget, steps: readonly Step[]): Promise<void> {
    await this.#run(deleteRows(target, steps.flatMap(({ found }) => (found ? [found] : []))));
    const failed: { readonly step: Step; readonly refusal: Refusal }[] = [];
    for (const step of steps) {
      const { found, set } = step;
      if (!found) continue;
      const refusal = await this.#attempt(() => this.#run(insertRows(target, [{ ...found.row, ...set }])));
      if (refusal) failed.push({ step, refusal });
    }
    const [first] = failed;
    if (first) throw new Refusal(first.refusal.why, first.refusal.message, failed.map(({ step }) => step));
  }

  async #run({ text, values }: Statement): Promise<void> {
    await this.#client.query(text, [...values]);
  }

  /** What `work` gives, or why the database refused it; nothing of it is left then. */
  async #attempt<T>(work: () => Promise<T>): Promise<T | Refusal> {
    await this.#client.query('SAVEPOINT attempt');
    try {
      const result = await work();
      await this.#client.query('RELEASE SAVEPOINT attempt');
      return result;
    } catch (error) {
      const refusal = error instanceof Refusal ? error : refusalOf(error);
      if (!refusal) throw asMissingRight(error);
      await this.#client.query('ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt');
      return refusal;
    }
  }

  /** A row that came since where none was looks like any other clash of unique values. */
  async #whyNot({ target }: RepairedTable, step: Step | undefined, { why, message }: Refusal): Promise<WriteOutcome> {
    if (step && why === 'unique' && step.before.length === 0) {
      const [now = []] = await this.#find(target, [step.identity], '');
      if (now.length > 0) return { state: 'changed' };
    }
    return { state: 'refused', why, reason: message };
  }
}

/** The versions of all rows under one identity, as one. */
export const versionOf = (versions: readonly string[]): string => versions.toSorted().join(' ');

/** A row from what {@link findRows} gives. */
export function namedRow({ shape }: RepairTarget, cells: readonly Value[]): NamedRow {
  return Object.fromEntries(shape.columns.map((name, i): [string, Value] => [name, cells[BEFORE_CELLS + i] ?? null]));
}

/** Of a row, what is not the same in another; columns that only the other has count for nothing. */
export function differing(old: NamedRow, wanted: NamedRow): NamedRow {
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => old[name] !== value));
}

function sameRows(a: readonly NamedRow[], b: readonly NamedRow[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Those that name the same columns, together. */
function alike<T>(items: readonly T[], rowOf: (item: T) => NamedRow): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const names = JSON.stringify(Object.keys(rowOf(item)).toSorted());
    const group = groups.get(names);
    if (group) group.push(item);
    else groups.set(names, [item]);
  }
  return [...groups.values()];
}

/** The server's word on a row; undefined if the error says nothing of the rows. 22, 23: data; 44: a view's check; P0001: a user's own. */
function refusalOf(error: unknown): Refusal | undefined {
  const state = sqlState(error);
  if (state === undefined || isTransient(error)) return undefined;
  if (state === '23503') return new Refusal('reference', messageOf(error));
  if (state === '23505' || state === '23P01') return new Refusal('unique', messageOf(error));
  return /^(22|23|44|42501|428C9|P0001)/.test(state) ? new Refusal('value', messageOf(error)) : undefined;
}
