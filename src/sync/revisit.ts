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
  const { transaction } = options;
  const entries = await transaction.quarantined();
  const staying = new Holds();
  const done = new Set<string>();
  const released = new Map<string, ReleasedRow>();
  let more = false;
  for (const [i, entry] of entries.entries()) {
    if (done.has(entry.id)) continue;
    if (entry.asked === 'discard') {
      const { write, as } = await transaction.recall(entry.id, options.tableNamed);
      if (as === 'change') for (const row of await options.giveUp(write)) released.set(row.keyText, row);
      await transaction.answer(entry.id, { state: 'discarded' });
      continue;
    }
    const tables = pausedBy(entry.claims.owns);
    if (tables.some(options.isPaused)) {
      if (entry.asked) await transaction.answer(entry.id, { state: 'held', reason: `${tables.join(', ')} is paused: see \`banyan sync status\`` });
      staying.add(entry.claims);
      continue;
    }
    if (staying.block(entry.claims, removes(entry))) {
      if (entry.asked) await transaction.answer(entry.id, { state: 'held', reason: 'it waits behind an earlier change: retry that one' });
      staying.add(entry.claims);
      continue;
    }
    if (done.size >= options.limit && entry.asked !== 'retry') {
      more ||= isDue(entry);
      staying.add(entry.claims);
      continue;
    }
    const fault = isDue(entry) ? await tryAgain({ ...options, entries, at: i, staying, done, released }) : undefined;
    let { claims } = entry;
    if (fault && tables.length > 0) {
      if (fault.pauses) for (const table of tables) options.onRefused(table, fault);
      // Its table goes on without it.
      else claims = { ...claims, owns: claims.owns.filter((name) => pausedBy([name]).length === 0) };
    }
    if (fault) await transaction.answer(entry.id, { state: 'held', code: fault.code, reason: fault.reason, ...(claims === entry.claims ? {} : { owns: claims.owns }) });
    if (fault || !isDue(entry)) staying.add(claims);
  }
  return { held: staying, released: [...released.values()].filter(({ keyText }) => !staying.owns(keyText)), more };
}

/** Asked for; or only ever held behind another, which is not there any more; or for its table, which goes on. */
function isDue(entry: QuarantineEntry): boolean {
  return entry.asked === 'retry' || entry.code === 'held' || pausedBy(entry.claims.owns).length > 0;
}

/**
 * Applies one change. If it is refused, then together with the later changes of its row, as if they had
 * been written at once: whoever mends the data at the source does it by one more change.
 */
async function tryAgain(options: RevisitOptions & {
  readonly entries: readonly QuarantineEntry[];
  /** Which of them. */
  readonly at: number;
  readonly staying: Holds;
  readonly done: Set<string>;
  /** Rows of what was applied, by their keys' texts. */
  readonly released: Map<string, ReleasedRow>;
}): Promise<Fault | undefined> {
  const { transaction, tableNamed, attempt, entries, at, staying, done, released } = options;
  const entry = entries[at];
  invariant(entry, 'one of the entries');
  const recalled = translated(await transaction.recall(entry.id, tableNamed), options);
  const fault = recalled.write.fault ? faultOf(recalled.write.fault, 'unknown') : await attempt(stepOf(recalled));
  const applied = [entry.id];
  const writes = [recalled.write];
  if (fault) {
    if (recalled.as !== 'change' || recalled.write.fault) return fault;
    let whole = recalled.write;
    let success = false;
    for (let i = at + 1; i < entries.length; i++) {
      const next = entries[i];
      if (!next || success || whole.kind === 'delete' || whole.newKeyText !== undefined) break;
      if (next.keyText !== entry.keyText && next.newKeyText !== entry.keyText) continue;
      if (next.keyText !== entry.keyText || next.asked === 'discard' || staying.block(next.claims, removes(next))) break;
      const successor = translated(await transaction.recall(next.id, tableNamed), options);
      if (successor.as !== 'change' || successor.write.fault) break;
      whole = joined(whole, successor.write);
      applied.push(next.id);
      writes.push(successor.write);
      success = (await attempt(whole)) === undefined;
    }
    if (!success) return fault;
  }
  for (const id of applied) {
    done.add(id);
    await transaction.answer(id, { state: 'applied' });
  }
  for (const write of writes) for (const row of placesOf(write)) released.set(row.keyText, row);
  return undefined;
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
