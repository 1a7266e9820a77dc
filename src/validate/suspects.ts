import type { RowDigest, RowIdentity, RowState } from '../ports/checksummer.ts';

/** What one side was seen to have under one identity. */
export interface Observation {
  /** How many rows; 0: none. */
  readonly times: number;
  /** The hashes of all of them; equal for equal rows. */
  readonly hash: string;
  /** Changes whenever one of them is written; absent where the server can not tell. */
  readonly version?: string;
}

/** A row that was not the same on both sides when it was read. */
export interface Suspect {
  readonly identity: RowIdentity;
  readonly source: Observation;
  readonly target: Observation;
}

export const ABSENT: Observation = { times: 0, hash: '' };

/** What is not known yet: like nothing that is ever seen. */
const UNSEEN: Observation = { times: -1, hash: '' };

/** Rows that are to be looked at, of which nothing is known. */
export const unseen = (identities: readonly RowIdentity[]): readonly Suspect[] => identities.map((identity) => ({ identity, source: UNSEEN, target: UNSEEN }));

/** Several rows under one identity as one observation, whatever their order. */
export function observe(rows: readonly Pick<RowState, 'hash' | 'times' | 'version'>[]): Observation {
  const [first] = rows;
  if (first === undefined) return ABSENT;
  if (rows.length === 1) return { times: first.times, hash: first.hash, ...(first.version === undefined ? {} : { version: first.version }) };
  const versions = rows.flatMap((row) => (row.version === undefined ? [] : [row.version]));
  return {
    times: rows.reduce((sum, row) => sum + row.times, 0),
    hash: rows.map((row) => row.hash).sort().join(' '),
    ...(versions.length < rows.length ? {} : { version: versions.sort().join(' ') }),
  };
}

/** States by the index of the identity they were asked for with. */
export function byIndex(states: readonly RowState[]): ReadonlyMap<number, readonly RowState[]> {
  const found = new Map<number, RowState[]>();
  for (const state of states) {
    const others = found.get(state.index);
    if (others) others.push(state);
    else found.set(state.index, [state]);
  }
  return found;
}

/** Whether both sides have the same rows. */
export function agree(a: Observation, b: Observation): boolean {
  return a.times === b.times && a.hash === b.hash;
}

/** Whether a side has not been written in between. */
export function unchanged(before: Observation, now: Observation): boolean {
  return agree(before, now) && before.version === now.version;
}

/** All rows of one side with the same place. */
interface Group {
  readonly place: bigint;
  readonly rows: RowDigest[];
}

/** Reads groups one after the other; waits only where a batch ends. */
class GroupReader {
  readonly #batches: AsyncIterator<readonly RowDigest[]>;
  #batch: readonly RowDigest[] = [];
  #at = 0;
  #ended = false;

  constructor(rows: AsyncIterable<readonly RowDigest[]>) {
    this.#batches = rows[Symbol.asyncIterator]();
  }

  /** The next group if it lies wholly in what was already read. */
  readSync(): Group | undefined {
    const first = this.#batch[this.#at];
    if (first === undefined) return undefined;
    let end = this.#at + 1;
    for (let next = this.#batch[end]; next !== undefined && next.place === first.place; next = this.#batch[end]) end++;
    if (end === this.#batch.length && !this.#ended) return undefined;
    const group = { place: first.place, rows: this.#batch.slice(this.#at, end) };
    this.#at = end;
    return group;
  }

  async read(): Promise<Group | undefined> {
    for (;;) {
      const group = this.readSync();
      if (group !== undefined || this.#ended) return group;
      const next = await this.#batches.next();
      if (next.done === true) this.#ended = true;
      else {
        this.#batch = [...this.#batch.slice(this.#at), ...next.value];
        this.#at = 0;
      }
    }
  }

  async close(): Promise<void> {
    await this.#batches.return?.();
  }
}

/**
 * Merges both sides' rows, each in ascending order of place, and yields what is not the same, in
 * batches of about `batch`. Holds no more than a batch of each side and the suspects of one batch.
 */
export async function* findSuspects(options: {
  readonly source: AsyncIterable<readonly RowDigest[]>;
  readonly target: AsyncIterable<readonly RowDigest[]>;
  readonly keyed: boolean;
  readonly batch: number;
}): AsyncGenerator<readonly Suspect[]> {
  const source = new GroupReader(options.source);
  const target = new GroupReader(options.target);
  let found: Suspect[] = [];
  try {
    let [a, b] = await Promise.all([source.read(), target.read()]);
    while (a !== undefined || b !== undefined) {
      const onlySource = b === undefined || (a !== undefined && a.place < b.place);
      const onlyTarget = !onlySource && (a === undefined || (b !== undefined && b.place < a.place));
      compareGroups(onlyTarget ? undefined : a, onlySource ? undefined : b, options.keyed, found);
      if (!onlyTarget) a = source.readSync() ?? (await source.read());
      if (!onlySource) b = target.readSync() ?? (await target.read());
      if (found.length >= options.batch) {
        yield found;
        found = [];
      }
    }
    if (found.length > 0) yield found;
  } finally {
    await source.close();
    await target.close();
  }
}

function compareGroups(a: Group | undefined, b: Group | undefined, keyed: boolean, found: Suspect[]): void {
  const sourceRows = a?.rows ?? [];
  const targetRows = b?.rows ?? [];
  const [source] = sourceRows;
  const [target] = targetRows;
  if (sourceRows.length <= 1 && targetRows.length <= 1 && source && target && source.hash === target.hash && source.times === target.times) return;
  const place = a?.place ?? b?.place ?? 0n;
  if (!keyed || (sourceRows.length <= 1 && targetRows.length <= 1)) {
    // A key's text may differ where the key does not (1.10 and 1.1): one row on each side is one key.
    const suspect = { identity: { place, key: source?.key ?? target?.key ?? [] }, source: observe(sourceRows), target: observe(targetRows) };
    if (!agree(suspect.source, suspect.target)) found.push(suspect);
    return;
  }
  const keys = new Map([...sourceRows, ...targetRows].map((row) => [JSON.stringify(row.key), row.key]));
  for (const [text, key] of keys) {
    const of = (rows: readonly RowDigest[]) => observe(rows.filter((row) => JSON.stringify(row.key) === text));
    const suspect = { identity: { place, key }, source: of(sourceRows), target: of(targetRows) };
    if (!agree(suspect.source, suspect.target)) found.push(suspect);
  }
}
