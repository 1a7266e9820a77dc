import type { Change, Origin, Transaction } from '../../model/change.ts';
import { parseLsn, type Position } from '../../model/position.ts';
import { changeOf, isTruncation, type Entry, type LoggedRelation } from './entries.ts';

export interface UnitOptions {
  /** In the order of their ids. */
  readonly entries: readonly Entry[];
  readonly relationOf: (entry: Entry) => LoggedRelation;
  /** The positions of the batch before and of this one. */
  readonly after: Position;
  readonly position: Position;
  /** The stream that writes into this database, and the origin under which its transactions are told. */
  readonly replay: { readonly stream: string; readonly origin: string } | undefined;
}

/**
 * Joins the entries of one batch into parts of transactions, in the order in which things happened.
 *
 * A replay stands where it wrote its checkpoint, which is the last thing it does. A change stands behind
 * a replay if, and only if, its entry has the larger id: then, and only then, its author has seen the
 * replay, as far as that can matter. For what can matter is a row that both wrote. If the change was
 * first, the replay waited for its transaction's end before it could write the row, and drew the number
 * of its checkpoint later still. If the replay was first, the change waited for the replay's end, by
 * which that number was drawn.
 */
export function assembleUnit(options: UnitOptions): Transaction[] {
  const { relationOf, after, position } = options;
  const replays = findReplays(options);
  const placed = inOrderOfWriting(options.entries.filter((entry) => !replays.has(entry.xid)), relationOf);
  const parts: Part[] = [];
  const add = (entry: Entry, at: bigint, origin?: Origin): void => {
    const last = parts.at(-1);
    const part = last?.xid === entry.xid ? last : newPart(entry, origin);
    if (part !== last) parts.push(part);
    part.at = at > part.at ? at : part.at;
    part.bytes += (entry.oldRow?.length ?? 0) + (entry.newRow?.length ?? 0);
    part.changes.push(entry, relationOf(entry));
  };
  const waiting = [...replays.values()].sort((a, b) => (a.at < b.at ? -1 : 1));
  for (const { entry, at } of placed) {
    while (waiting[0] && waiting[0].at < at) addReplay(waiting.shift());
    add(entry, at);
  }
  while (waiting.length > 0) addReplay(waiting.shift());

  function addReplay(replay: Replay | undefined): void {
    for (const entry of replay?.entries ?? []) add(entry, replay?.at ?? 0n, replay?.origin);
  }

  // Within the unit's bounds, so that what is later has no smaller position.
  let latest = after + 1n;
  return parts.map(({ at, origin, ...part }) => {
    const within = at > position ? position : at;
    if (within > latest) latest = within;
    return {
      position: latest as Position, xid: Number(part.xid & 0xffffffffn), committedAt: part.committedAt, bytes: part.bytes,
      changes: part.changes.all, ...(origin ? { origin } : {}),
    };
  });
}

interface Part {
  readonly xid: bigint;
  readonly committedAt: bigint;
  readonly changes: Changes;
  readonly origin: Origin | undefined;
  at: bigint;
  bytes: number;
}

const newPart = (entry: Entry, origin: Origin | undefined): Part => ({
  xid: entry.xid, committedAt: entry.committedAt, changes: new Changes(), origin, at: 0n, bytes: 0,
});

/** A transaction of the stream into this database. */
export interface Replay {
  readonly xid: bigint;
  readonly committedAt: bigint;
  /** The id of its checkpoint's entry. */
  readonly at: bigint;
  readonly origin: Origin;
  readonly entries: readonly Entry[];
}

/** Transactions that moved the checkpoint of the stream into this database: replays, whatever else they did. */
export function findReplays({ entries, relationOf, replay }: Pick<UnitOptions, 'entries' | 'relationOf' | 'replay'>): ReadonlyMap<bigint, Replay> {
  const found = new Map<bigint, Replay>();
  if (!replay) return found;
  const byTransaction = new Map<bigint, Entry[]>();
  for (const entry of entries) {
    const known = byTransaction.get(entry.xid);
    if (known) known.push(entry);
    else byTransaction.set(entry.xid, [entry]);
  }
  for (const entry of entries) {
    const logged = relationOf(entry);
    if (logged.relation.table !== 'banyan.stream' || entry.newRow === null) continue;
    const change = changeOf(entry, logged);
    if (change.kind !== 'insert' && change.kind !== 'update') continue;
    const value = (name: string): string => {
      const cell = change.row[logged.relation.columns.findIndex((column) => column.name === name)];
      return typeof cell === 'string' ? cell : '';
    };
    if (value('name') !== replay.stream) continue;
    const origin = { name: replay.origin, position: parseLsn(value('position')) };
    found.set(entry.xid, { xid: entry.xid, committedAt: entry.committedAt, at: entry.id, origin, entries: byTransaction.get(entry.xid) ?? [] });
  }
  return found;
}

/** The changes of entries that follow one another. */
export class Changes {
  readonly #all: Change[] = [];
  /** The kind of the last change, if it was a truncation. */
  #truncation = '';

  get all(): readonly Change[] {
    return this.#all;
  }

  /** The next entry may be a part of the last change. */
  get endsInTruncation(): boolean {
    return this.#all.at(-1)?.kind === 'truncate';
  }

  /**
   * Several tables truncated at once are one change: where one refers to the other, they can't be emptied
   * one by one. Each table has an entry of its own, one behind the other.
   */
  push(entry: Entry, logged: LoggedRelation): void {
    const change = changeOf(entry, logged);
    const last = this.#all.at(-1);
    const goesWith = this.#truncation === 'N' || entry.kind === 'N' || this.#truncation === entry.kind;
    if (change.kind === 'truncate' && last?.kind === 'truncate' && goesWith) {
      const added = change.relations.filter(({ table }) => !last.relations.some((known) => known.table === table));
      this.#all[this.#all.length - 1] = {
        ...last, relations: [...last.relations, ...added], restartIdentity: last.restartIdentity || change.restartIdentity,
      };
      if (entry.kind !== 'N') this.#truncation = entry.kind;
    } else {
      this.#all.push(change);
      this.#truncation = entry.kind;
    }
  }
}

/** Those of a few entries. */
export function changesOf(entries: readonly Entry[], relationOf: (entry: Entry) => LoggedRelation): readonly Change[] {
  const changes = new Changes();
  for (const entry of entries) changes.push(entry, relationOf(entry));
  return changes.all;
}

/** An entry and the number that tells its place. */
interface Placed {
  readonly entry: Entry;
  readonly at: bigint;
}

/**
 * A trigger of the application may write a row whose own triggers have yet to fire for what the same
 * statement did to it; then the later version is logged first. Each entry names the version that it
 * replaced and the one that it made, so the chain can be put right: an entry goes before the one that
 * replaced its version.
 */
function inOrderOfWriting(entries: readonly Entry[], relationOf: (entry: Entry) => LoggedRelation): readonly Placed[] {
  /** Who replaced a version, by transaction, relation and version. */
  const replacers = new Map<string, Entry>();
  const before = new Map<Entry, Entry[]>();
  const late = new Set<Entry>();
  for (const entry of entries) {
    const { relid } = relationOf(entry);
    const own = `${entry.xid} ${relid} `;
    if (isTruncation(entry)) {
      // The table begins anew, and numbers its versions from the start.
      for (const key of replacers.keys()) if (key.startsWith(own)) replacers.delete(key);
      continue;
    }
    const replacer = entry.newVersion === null ? undefined : replacers.get(own + entry.newVersion);
    if (replacer && replacer.oldRow === entry.newRow) {
      before.set(replacer, [...(before.get(replacer) ?? []), entry]);
      late.add(entry);
    }
    if (entry.oldVersion !== null) replacers.set(own + entry.oldVersion, entry);
  }
  const ordered: Placed[] = [];
  const put = (entry: Entry, at: bigint): void => {
    for (const earlier of before.get(entry) ?? []) put(earlier, at);
    ordered.push({ entry, at });
  };
  for (const entry of entries) if (!late.has(entry)) put(entry, entry.id);
  return ordered;
}
