import { invariant } from '../core/errors.ts';
import { UNCHANGED } from '../model/change.ts';
import type { TableName } from '../model/names.ts';
import type { ApplyTransaction, QuarantineEntry, Recalled, TargetTable, Write } from '../ports/applier.ts';
import { Holds, pausedBy, removes } from './holds.ts';
import { placesOf } from './settle.ts';
import type { ReleasedRow } from './settle-released.ts';
import { faultOf, type Fault } from './set-aside.ts';
import { stepOf, type Decided, type Requested } from './work.ts';

export interface RevisitOptions {
  readonly transaction: ApplyTransaction;
  readonly tableNamed: (name: TableName) => TargetTable | undefined;
  /** Puts a change in the target's form that could not be put there before. */
  readonly translate: (write: Write) => Write;
  /** Applies one step, or undoes it and tells what is at fault. */
  readonly attempt: (step: Write | Decided | Requested) => Promise<Fault | undefined>;
  /** Applies several steps, in their order; false if one of them is refused: then nothing of them was done. */
  readonly together: (steps: readonly (Write | Decided | Requested)[]) => Promise<boolean>;
  /** Told of a change that is discarded; gives the rows about which that must be told to the other side. */
  readonly giveUp: (write: Write) => Promise<readonly ReleasedRow[]>;
  /** Whether the changes of a table must wait, whatever is asked for. */
  readonly isPaused: (table: TableName) => boolean;
  /** Changes that are tried at most; the others stay for another time. */
  readonly limit: number;
  /** Told of a table that the target refuses for what it is. */
  readonly onRefused: (table: TableName, fault: Fault) => void;
}

/**
 * Goes through the quarantine in order: does what operators ask for, and applies what was held behind a
 * change that is no longer there. What fails stays, and holds back what has to do with it.
 *
 * @returns what holds back from here on, the rows of which every change was applied that was held, and whether more is due.
 */
export async function revisit(options: RevisitOptions): Promise<{ readonly held: Holds; readonly released: readonly ReleasedRow[]; readonly more: boolean }> {
  const entries = await options.transaction.quarantined();
  const visit = new Visit(options, entries);
  await visit.inOrder(entries.map((_, at) => at));
  return visit;
}

/** What is found out on the way through the quarantine. */
class Visit {
  readonly #options: RevisitOptions;
  readonly #entries: readonly QuarantineEntry[];
  readonly #staying = new Holds();
  readonly #done = new Set<string>();
  readonly #released = new Map<string, ReleasedRow>();
  #more = false;

  constructor(options: RevisitOptions, entries: readonly QuarantineEntry[]) {
    this.#options = options;
    this.#entries = entries;
  }

  get held(): Holds {
    return this.#staying;
  }

  get released(): readonly ReleasedRow[] {
    return [...this.#released.values()].filter(({ keyText }) => !this.#staying.owns(keyText));
  }

  get more(): boolean {
    return this.#more;
  }

  /** What nothing stands in the way of, together with what follows it; everything else one by one. */
  async inOrder(places: readonly number[]): Promise<void> {
    let together: number[] = [];
    for (const at of places) {
      if (this.#goesAlong(at, together.length)) {
        together.push(at);
        continue;
      }
      await this.#together(together);
      together = [];
      await this.#one(at);
    }
    await this.#together(together);
  }

  #entry(at: number): QuarantineEntry {
    const entry = this.#entries[at];
    invariant(entry, 'one of the entries');
    return entry;
  }

  #goesAlong(at: number, others: number): boolean {
    const entry = this.#entry(at);
    return (
      !this.#done.has(entry.id) && entry.asked === undefined && isDue(entry) && this.#done.size + others < this.#options.limit &&
      !pausedBy(entry.claims.owns).some(this.#options.isPaused) && !this.#staying.block(entry.claims, removes(entry))
    );
  }

  /** If one of them is refused nothing of them was done, and it is looked for by halves. */
  async #together(places: readonly number[]): Promise<void> {
    const { transaction, tableNamed, together } = this.#options;
    if (places.length <= FEW) {
      for (const at of places) await this.#one(at);
      return;
    }
    const ids = places.map((at) => this.#entry(at).id);
    const recalled = (await transaction.recall(ids, tableNamed)).map((each) => translated(each, this.#options));
    if (recalled.some(({ write }) => write.fault) || !(await together(recalled.map(stepOf)))) {
      const middle = places.length >>> 1;
      await this.inOrder(places.slice(0, middle));
      await this.inOrder(places.slice(middle));
      return;
    }
    await this.#applied(ids, recalled.map(({ write }) => write));
  }

  async #applied(ids: readonly string[], writes: readonly Write[]): Promise<void> {
    for (const id of ids) this.#done.add(id);
    await this.#options.transaction.answer(ids, { state: 'applied' });
    for (const write of writes) for (const row of placesOf(write)) this.#released.set(row.keyText, row);
  }

  async #one(at: number): Promise<void> {
    const { transaction, tableNamed, giveUp, isPaused, limit, onRefused } = this.#options;
    const entry = this.#entry(at);
    if (this.#done.has(entry.id)) return;
    if (entry.asked === 'discard') {
      const [discarded] = await transaction.recall([entry.id], tableNamed);
      invariant(discarded, 'it was asked for');
      if (discarded.as === 'change') for (const row of await giveUp(discarded.write)) this.#released.set(row.keyText, row);
      await transaction.answer([entry.id], { state: 'discarded' });
      return;
    }
    const tables = pausedBy(entry.claims.owns);
    if (tables.some(isPaused)) {
      if (entry.asked) await transaction.answer([entry.id], { state: 'held', reason: `${tables.join(', ')} is paused: see \`banyan sync status\`` });
      this.#staying.add(entry.claims);
      return;
    }
    if (this.#staying.block(entry.claims, removes(entry))) {
      if (entry.asked) await transaction.answer([entry.id], { state: 'held', reason: 'it waits behind an earlier change: retry that one' });
      this.#staying.add(entry.claims);
      return;
    }
    if (this.#done.size >= limit && entry.asked !== 'retry') {
      this.#more ||= isDue(entry);
      this.#staying.add(entry.claims);
      return;
    }
    const fault = isDue(entry) ? await this.#tryAgain(at) : undefined;
    let { claims } = entry;
    if (fault && tables.length > 0) {
      if (fault.pauses) for (const table of tables) onRefused(table, fault);
      // Its table goes on without it.
      else claims = { ...claims, owns: claims.owns.filter((name) => pausedBy([name]).length === 0) };
    }
    if (fault) await transaction.answer([entry.id], { state: 'held', code: fault.code, reason: fault.reason, ...(claims === entry.claims ? {} : { owns: claims.owns }) });
    if (fault || !isDue(entry)) this.#staying.add(claims);
  }

  /**
   * Applies one change. If it is refused, then together with the later changes of its row, as if they had
   * been written at once: whoever mends the data at the source does it by one more change.
   */
  async #tryAgain(at: number): Promise<Fault | undefined> {
    const { attempt } = this.#options;
    const entry = this.#entry(at);
    const first = await this.#recall(entry);
    const fault = first.write.fault ? faultOf(first.write.fault, 'unknown') : await attempt(stepOf(first));
    const applied = [entry.id];
    const writes = [first.write];
    if (fault) {
      if (first.as !== 'change' || first.write.fault) return fault;
      let whole = first.write;
      let success = false;
      for (const next of this.#entries.slice(at + 1)) {
        if (success || whole.kind === 'delete' || whole.newKeyText !== undefined) break;
        if (next.keyText !== entry.keyText && next.newKeyText !== entry.keyText) continue;
        if (next.keyText !== entry.keyText || next.asked === 'discard' || this.#staying.block(next.claims, removes(next))) break;
        const successor = await this.#recall(next);
        if (successor.as !== 'change' || successor.write.fault) break;
        whole = joined(whole, successor.write);
        applied.push(next.id);
        writes.push(successor.write);
        success = (await attempt(whole)) === undefined;
      }
      if (!success) return fault;
    }
    await this.#applied(applied, writes);
    return undefined;
  }

  async #recall({ id }: QuarantineEntry): Promise<Recalled> {
    const [recalled] = await this.#options.transaction.recall([id], this.#options.tableNamed);
    invariant(recalled, 'it was asked for');
    return translated(recalled, this.#options);
  }
}

/** So few changes that each is tried by itself. */
const FEW = 4;

/** Asked for; or only ever held behind another, which is not there any more; or for its table, which goes on. */
function isDue(entry: QuarantineEntry): boolean {
  return entry.asked === 'retry' || entry.code === 'held' || pausedBy(entry.claims.owns).length > 0;
}

function translated(recalled: Recalled, { translate }: RevisitOptions): Recalled {
  return recalled.as === 'untranslated' ? { as: 'change', write: translate(recalled.write) } : recalled;
}

/** Two changes of one row as one. It has seen what the first had seen: what came between is in conflict with it. */
function joined(before: Write, after: Write): Write {
  const { old, kind, seen } = before;
  // The second may bring the row to a key that the first has nothing to do with.
  const bases = new Map([...(after.bases ?? []), ...(before.bases ?? [])]);
  const { row: afterRow, ...rest } = after;
  const row = afterRow?.map((cell, i) => (cell === UNCHANGED ? (before.row?.[i] ?? UNCHANGED) : cell));
  return {
    ...rest, seen, kind: after.kind === 'delete' ? 'delete' : kind,
    ...(row ? { row } : {}), ...(old ? { old } : {}), bases,
  };
}
