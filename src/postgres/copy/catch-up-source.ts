import type { Change, Relation, Row, SpooledChanges, Transaction, Update } from '../../model/change.ts';
import { isSpooled, UNCHANGED } from '../../model/change.ts';
import type { TableName } from '../../model/names.ts';
import type { Position } from '../../model/position.ts';
import type { ChangeSource, SourceEvent } from '../../ports/change-source.ts';
import type { SourceTable } from './chunks.ts';
import type { FinishedKeys } from './finished-keys.ts';

/** A row of the source that lies in a finished chunk and has to be fetched, for the log does not hold it whole. */
export interface LackingRow {
  readonly table: SourceTable;
  readonly key: readonly string[];
}

export interface CatchUpOptions {
  readonly source: ChangeSource;
  readonly finished: FinishedKeys;
  /** Where the finished chunks stand. */
  readonly from: Position;
  /** Where the next ones will be read. */
  readonly until: Position;
}

/** Rows that may be read ahead while the server is asked about those before. */
const AHEAD = 10_000;

/**
 * A source's stream between two snapshots, cut down to what the finished chunks of a copy need of it:
 * what it did to the others is in them when they are read, at `until`, where this stream stands still.
 *
 * A row that moves out of the finished chunks is a delete, one that moves in an insert. If it moves in
 * and keeps a large value, which the log leaves out, it is {@link lacking}: its changes are dropped as
 * if it lay in a chunk of its own, and it has to be read at `until` like one.
 */
export class CatchUpSource implements ChangeSource {
  readonly #options: CatchUpOptions;
  #lacking = new Map<string, LackingRow>();
  #reached = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** Whether the stream has been read to where it stands still; from then on {@link lacking} is final. */
  get reached(): boolean {
    return this.#reached;
  }

  get lacking(): readonly LackingRow[] {
    return [...this.#lacking.values()];
  }

  /** The log is needed from `from` on until the copy says otherwise: what is lacking is told by it, not by the checkpoint. */
  acknowledge(_position: Position): void {}

  async *stream({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<SourceEvent> {
    const { from, until } = this.#options;
    this.#lacking = new Map();
    this.#reached = false;
    for await (const events of inBatches(this.#options.source, signal)) {
      const inside = await this.#ask(events.filter((event) => positionOf(event) > from && positionOf(event) <= until).flatMap(standing));
      while (events.length > 0) {
        const [event] = events;
        if (!event) break;
        const position = positionOf(event);
        if (position > until || (event.kind === 'progress' && position === until)) {
          this.#reached = true;
          yield { kind: 'progress', position: until };
          await aborted(signal);
        }
        events.shift();
        if (event.kind === 'progress') yield event;
        else if (position <= from) await discard(event);
        else if (event.kind === 'transaction') yield { kind: 'transaction', transaction: await this.#cut(event.transaction, inside) };
        else {
          const parts: Transaction[] = [];
          for (const part of event.parts) parts.push(await this.#cut(part, inside));
          yield { ...event, parts };
        }
      }
    }
  }

  /** Which of the keys that changes name lie in finished chunks of half finished tables. */
  async #ask(changes: readonly Change[]): Promise<ReadonlySet<string>> {
    const { finished } = this.#options;
    const asked = new Map<TableName, Map<string, readonly string[]>>();
    for (const change of changes) {
      if (change.kind === 'truncate') continue;
      const state = finished.stateOf(change.relation.table);
      if (state?.finished !== 'some') continue;
      const keys = asked.get(change.relation.table) ?? new Map<string, readonly string[]>();
      asked.set(change.relation.table, keys);
      for (const key of keysOf(change, state.table)) keys.set(textOf(change.relation.table, key), key);
    }
    const inside = new Set<string>();
    for (const [table, keys] of asked) {
      const texts = [...keys.keys()];
      const answers = await finished.areFinished(table, [...keys.values()]);
      texts.forEach((text, i) => answers[i] === true && inside.add(text));
    }
    return inside;
  }

  async #cut(transaction: Transaction, inside: ReadonlySet<string>): Promise<Transaction> {
    const { changes } = transaction;
    if (!isSpooled(changes)) return { ...transaction, changes: this.#cutChanges(changes, inside, this.#lacking) };
    const cutPart = async (part: readonly Change[], lacking: Map<string, LackingRow>) => this.#cutChanges(part, await this.#ask(part), lacking);
    // Read once to know what it leaves lacking; whoever reads it later begins where this began.
    const before = new Map(this.#lacking);
    let count = 0;
    for await (const part of changes.parts()) count += (await cutPart(part, this.#lacking)).length;
    const cut: SpooledChanges = {
      count,
      async *parts() {
        const lacking = new Map(before);
        for await (const part of changes.parts()) yield cutPart(part, lacking);
      },
      discard: () => changes.discard(),
    };
    return { ...transaction, changes: cut };
  }

  #cutChanges(changes: readonly Change[], inside: ReadonlySet<string>, lacking: Map<string, LackingRow>): Change[] {
    const kept: Change[] = [];
    for (const change of changes) {
      const state = change.kind === 'truncate' ? undefined : this.#options.finished.stateOf(change.relation.table);
      if (change.kind === 'truncate' || !state || state.finished === 'all') kept.push(change);
      else if (state.finished === 'some') take({ change, table: state.table, inside, lacking, kept });
    }
    return kept;
  }
}

function take({ change, table, inside, lacking, kept }: {
  readonly change: Exclude<Change, { kind: 'truncate' }>;
  readonly table: SourceTable;
  readonly inside: ReadonlySet<string>;
  readonly lacking: Map<string, LackingRow>;
  readonly kept: Change[];
}): void {
  const [before, after = before] = keysOf(change, table).map((key) => ({ key, text: textOf(change.relation.table, key) }));
  if (!before || !after) return;
  const was = inside.has(before.text) && !lacking.has(before.text);
  const is = inside.has(after.text) && !lacking.has(after.text);
  if (change.kind !== 'update' || before.text === after.text) {
    if (was) kept.push(change);
    // A row that is gone is lacking no more, and one that comes under its key is told whole.
    else if (change.kind === 'delete') lacking.delete(before.text);
    return;
  }
  lacking.delete(before.text);
  if (was && is) {
    kept.push(change);
  } else if (was) {
    kept.push({ kind: 'delete', relation: change.relation, old: change.old ?? change.row, oldIsKey: change.oldIsKey ?? true });
  } else if (is) {
    const row = wholeRow(change);
    if (row) kept.push({ kind: 'insert', relation: change.relation, row });
    else lacking.set(after.text, { table, key: after.key });
  }
}

const positionOf = (event: SourceEvent): Position => (event.kind === 'transaction' ? event.transaction.position : event.position);

function partsOf(event: SourceEvent): readonly Transaction[] {
  if (event.kind === 'progress') return [];
  return event.kind === 'unit' ? event.parts : [event.transaction];
}

/** The changes of an event that stand in memory. */
const standing = (event: SourceEvent): readonly Change[] => partsOf(event).flatMap(({ changes }) => (isSpooled(changes) ? [] : changes));

async function discard(event: SourceEvent): Promise<void> {
  for (const { changes } of partsOf(event)) if (isSpooled(changes)) await changes.discard();
}

/** The row as it is after an update, if the log has all of it. */
function wholeRow(change: Update): Row | undefined {
  const whole = change.row.map((cell, i) => (cell === UNCHANGED && change.old && change.oldIsKey === false ? (change.old[i] ?? null) : cell));
  return whole.includes(UNCHANGED) ? undefined : whole;
}

const textOf = (table: TableName, key: readonly string[]): string => `${table} ${JSON.stringify(key)}`;

/** The key of the row that a change is about; of an update of the key itself, the old and the new one. */
function keysOf(change: Exclude<Change, { kind: 'truncate' }>, table: SourceTable): (readonly string[])[] {
  if (change.kind === 'insert') return [keyOf(change.relation, change.row, table)];
  if (change.kind === 'delete') return [keyOf(change.relation, change.old, table)];
  const old = change.old ? keyOf(change.relation, change.old, table) : undefined;
  const now = keyOf(change.relation, change.row, table, change.old);
  return old ? [old, now] : [now];
}

function keyOf(relation: Relation, row: Row, table: SourceTable, otherwise?: Row): readonly string[] {
  return table.key.map(({ name }) => {
    const i = relation.columns.findIndex((column) => column.name === name);
    const cell = row[i] === UNCHANGED ? otherwise?.[i] : row[i];
    return typeof cell === 'string' ? cell : '';
  });
}

/** Everything that has come while the last batch was worked on, as the next one. */
async function* inBatches(source: ChangeSource, signal: AbortSignal): AsyncGenerator<SourceEvent[]> {
  const inner = new AbortController();
  const both = AbortSignal.any([signal, inner.signal]);
  let events: SourceEvent[] = [];
  /** What its reader has not taken out of it when it ends is nobody's. */
  let taken: SourceEvent[] = [];
  let rows = 0;
  let wakeReader = (): void => {};
  let wakeWriter = (): void => {};
  let failure: { readonly error: unknown } | undefined;
  const reading = (async () => {
    for await (const event of source.stream({ signal: both })) {
      events.push(event);
      rows += standing(event).length;
      wakeReader();
      if (rows >= AHEAD) await new Promise<void>((resolve) => (wakeWriter = resolve));
      both.throwIfAborted();
    }
    throw new Error('Connection terminated: the stream ended');
  })().catch((error: unknown) => {
    failure = { error };
    wakeReader();
  });
  try {
    for (;;) {
      if (events.length === 0) {
        if (failure) throw failure.error;
        await new Promise<void>((resolve) => (wakeReader = resolve));
        continue;
      }
      taken = events;
      events = [];
      rows = 0;
      wakeWriter();
      yield taken;
    }
  } finally {
    inner.abort();
    wakeWriter();
    await reading;
    for (const event of [...taken, ...events]) await discard(event);
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  throw signal.reason;
}
