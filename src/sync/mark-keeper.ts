import { atMost } from '../core/at-most.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Change, Relation } from '../model/change.ts';
import type { TableName } from '../model/names.ts';
import { later, ORIGIN_OF_TIME, type Position } from '../model/position.ts';
import { sharedName, type TableMapping } from '../model/table-mapping.ts';
import type { TargetTable } from '../ports/applier.ts';
import type { Beginning } from '../ports/change-source.ts';
import type { MarkedStream, MarkStore } from '../ports/mark-store.ts';
import { Touched, type TouchedLimits } from './touched.ts';
import type { Step } from './work.ts';

export interface MarkKeeperOptions {
  readonly stream: MarkedStream;
  readonly store: MarkStore;
  readonly pairs: readonly TableMapping[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Pause between two flushes, in milliseconds. Default 1000: so long the source keeps more, and a validation waits longer. */
  readonly everyMs?: number;
  readonly limits?: TouchedLimits;
}

/** How long the last flush may take, in milliseconds: what is not stored by then the next worker reads again. */
const LAST_FLUSH_MS = 2000;
/** Pause before the store is asked again, in milliseconds. */
const AGAIN_MS = 1000;

/**
 * Notes which rows a stream reads changes of, for incremental validation, and sees to it that they are stored
 * before the source may forget those changes (see ADR 13).
 *
 * Invariant: whatever the source has been told to forget, its marks are stored. So a worker that dies loses none:
 * its successor is told again of what was not marked.
 */
export class MarkKeeper {
  readonly #options: MarkKeeperOptions;
  readonly #touched: Touched;
  /** The service's tables by the shared names. */
  readonly #tables: ReadonlyMap<TableName, TableName>;
  #beginning: Beginning | undefined;
  #begun = false;
  #read: Position = ORIGIN_OF_TIME;
  #stored: Position = ORIGIN_OF_TIME;

  constructor(options: MarkKeeperOptions) {
    this.#options = options;
    this.#touched = new Touched(options.limits);
    this.#tables = new Map(options.pairs.map((pair) => [sharedName(pair, options.pairs), pair.service]));
  }

  /** Everything up to there is read, and marked durably. */
  get stored(): Position {
    return this.#stored;
  }

  /** The source begins to tell, there; before its first event. Not before the store knows. `undefined`: it does not say where. */
  async begin(beginning: Beginning | undefined, signal: AbortSignal): Promise<void> {
    // After a mere interruption the same history goes on, from no later than what this very worker has stored.
    const { stream, store, clock, logger } = this.#options;
    const known = this.#beginning;
    if (this.#begun && known && beginning && known.history === beginning.history && beginning.position <= this.#stored) return;
    if (this.#begun && !beginning && !known) return;
    for (;;) {
      signal.throwIfAborted();
      try {
        const goesOn = await store.begin(stream, beginning, [...new Set(this.#tables.values())]);
        if (!goesOn) logger.info('all rows count as touched for incremental validation: nobody knows what was written since their marks were last kept');
        break;
      } catch (error) {
        logger.warn('the marks of incremental validation can not be kept yet, and the stream waits', { reason: messageOf(error) });
        await clock.sleep(AGAIN_MS, signal);
      }
    }
    // Positions of another history are none of this one.
    if (known && known.history !== beginning?.history) [this.#read, this.#stored] = [ORIGIN_OF_TIME, ORIGIN_OF_TIME];
    this.#beginning = beginning;
    this.#begun = true;
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** The steps that a change became, before anything is made of them. */
  note(steps: readonly Step[], from: number, change?: Change): void {
    for (let i = from; i < steps.length; i++) {
      const step = steps[i];
      if (step) this.#step(step, change);
    }
  }

  /** Everything up to there has been noted. */
  readThrough(position: Position): void {
    this.#read = later(this.#read, position);
  }

  /** Stores what is noted, about once a second until aborted, and then once more. */
  async run(signal: AbortSignal, onStored: () => void): Promise<void> {
    const { clock, logger, everyMs = 1000 } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal).catch(() => {});
      if (signal.aborted) break;
      try {
        if (await this.flush()) onStored();
      } catch (error) {
        logger.warn('the marks of incremental validation could not be stored; the source keeps what they are of', { reason: messageOf(error) });
      }
    }
    await atMost(clock, LAST_FLUSH_MS, this.flush().catch((error: unknown) => {
      logger.warn('the last marks of incremental validation could not be stored; they will be read again', { reason: messageOf(error) });
    }));
  }

  /** Whether there was something to store, and it is. */
  async flush(): Promise<boolean> {
    const { store, stream } = this.#options;
    if (!this.#begun || (this.#read <= this.#stored && !this.#touched.pending)) return false;
    let through = this.#stored;
    let taken: ReturnType<Touched['take']> | undefined;
    try {
      await store.flush(stream, {
        history: this.#beginning?.history ?? '',
        // Both in one go: nothing is read between them.
        marks: (generation) => {
          taken = this.#touched.take(generation);
          through = this.#read;
          return taken.marks;
        },
        through: () => through,
      });
    } catch (error) {
      if (taken) this.#touched.failed(taken);
      throw error;
    }
    if (taken) this.#touched.stored(taken);
    this.#stored = later(this.#stored, through);
    return true;
  }

  #step(step: Step, change: Change | undefined): void {
    if (step.kind === 'truncate') {
      for (const { name } of step.tables) this.#whole(name, 'it was truncated');
      return;
    }
    const write = step.kind === 'offered' ? step.write : step;
    const { table, key } = write;
    const name = 'fault' in write && write.of !== undefined ? write.of : table.name;
    if ('fault' in write && write.fault !== undefined) this.#whole(name, 'a change of it did not fit');
    else if (table.key.length === 0) this.#whole(name, 'it has no key');
    else {
      this.#row(name, table, key, change);
      if ('newKeyText' in write && write.newKeyText !== undefined) this.#row(name, table, table.key.map((i) => write.row?.[i]), change);
    }
  }

  #row(name: TableName, table: TargetTable, key: readonly unknown[], change: Change | undefined): void {
    const service = this.#tables.get(name);
    if (service === undefined) return;
    if (key.length === table.key.length && isTexts(key)) this.#touched.row(service, keyNames(table), key, change !== undefined && isNoNumber(change, table));
    else this.#touched.whole(service, 'a change of it did not bring its key');
  }

  /** A table of no pair is not compared. */
  #whole(name: TableName, reason: string): void {
    const service = this.#tables.get(name);
    if (service !== undefined) this.#touched.whole(service, reason);
  }
}

const isTexts = (key: readonly unknown[]): key is readonly string[] => key.every((part) => typeof part === 'string');

const names = new WeakMap<readonly string[], { readonly key: readonly number[]; readonly names: readonly string[] }>();

/** The same array for the same table: this is asked for each change. */
function keyNames({ columns, key }: TargetTable): readonly string[] {
  const known = names.get(columns);
  if (known && known.key === key) return known.names;
  const made = key.map((i) => columns[i] ?? '');
  names.set(columns, { key, names: made });
  return made;
}

/** int8, int2, int4. */
const WHOLE_NUMBERS: ReadonlySet<number> = new Set([20, 21, 23]);

/** Whether the source's own type of the key says that it is none; where that is not known, its look decides. */
function isNoNumber(change: Change, table: TargetTable): boolean {
  if (change.kind === 'truncate' || table.key.length !== 1) return false;
  const known = types.get(change.relation);
  if (known && known.table === table) return known.isNone;
  const name = table.columns[table.key[0] ?? -1];
  const typeId = change.relation.columns.find((column) => column.name === name)?.typeId ?? 0;
  const isNone = typeId !== 0 && !WHOLE_NUMBERS.has(typeId);
  types.set(change.relation, { table, isNone });
  return isNone;
}

const types = new WeakMap<Relation, { readonly table: TargetTable; readonly isNone: boolean }>();
