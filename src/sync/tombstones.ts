import { hash } from 'node:crypto';
import type { Position } from '../model/position.ts';
import { firstAtLeast } from './packed-map.ts';

/** A row that a local writer deleted. */
export interface Tombstone {
  readonly position: Position;
  readonly committedAt: bigint;
}

/** Deletes packed outside the heap, ascending by their keys' digests. */
interface Run {
  /** 48 bits of each digest. */
  readonly digests: Float64Array;
  /** 64 more, two numbers for each. */
  readonly rest: Uint32Array;
  /** Which of `commits` deleted it; {@link GONE} if it was inserted again. */
  readonly commit: Uint32Array;
  readonly commits: readonly Tombstone[];
  readonly last: Position;
}

const GONE = 0xffff_ffff;

/**
 * Which rows were deleted where, by their keys' texts. The latest are in an ordinary map. Older ones,
 * as of a transaction that deletes millions, are packed outside the heap at 20 bytes each: instead of
 * the key, 112 bits of its SHA-256, of which no two are alike.
 */
export class Tombstones {
  readonly #recentSize: number;
  #recent = new Map<string, Tombstone>();
  #runs: Run[] = [];
  #forgotten: Position | undefined;

  /** @param options.recentSize deletes outside of the packed ones at most. Default 50,000. */
  constructor(options: { readonly recentSize?: number } = {}) {
    this.#recentSize = options.recentSize ?? 50_000;
  }

  get(keyText: string): Tombstone | undefined {
    const tombstone = this.#recent.get(keyText) ?? this.#packed(keyText);
    return tombstone && this.#forgotten !== undefined && tombstone.position <= this.#forgotten ? undefined : tombstone;
  }

  /** In commit order; of one row the last stands. */
  record(keyText: string, { position, committedAt }: Tombstone): void {
    // Taken out first, so that the map stays in commit order.
    this.#recent.delete(keyText);
    this.#recent.set(keyText, { position, committedAt });
    if (this.#recent.size > this.#recentSize) this.#pack();
  }

  /** The row is there again. */
  delete(keyText: string): void {
    this.#recent.delete(keyText);
    if (this.#runs.length === 0) return;
    const digest = digestOf(keyText);
    for (const run of this.#runs) {
      const at = find(run, digest);
      if (at !== undefined) run.commit[at] = GONE;
    }
  }

  /** Forgets what was deleted at or before a position. */
  forget(position: Position): void {
    for (const [key, tombstone] of this.#recent) {
      if (tombstone.position > position) break;
      this.#recent.delete(key);
    }
    if (this.#runs.length === 0) return;
    this.#runs = this.#runs.filter((run) => run.last > position);
    // A run goes as a whole; what should be gone of it already is not found any more.
    if (this.#forgotten === undefined || position > this.#forgotten) this.#forgotten = position;
  }

  #pack(): void {
    const commits: Tombstone[] = [];
    const entries = Array.from(this.#recent, ([keyText, tombstone]) => {
      const before = commits.at(-1);
      if (before?.position !== tombstone.position) commits.push(tombstone);
      return { digest: digestOf(keyText), commit: commits.length - 1 };
    }).toSorted((a, b) => a.digest[0] - b.digest[0]);
    const last = commits.at(-1);
    if (!last) return;
    const rest = new Uint32Array(entries.length * 2);
    entries.forEach(({ digest }, i) => rest.set([digest[1], digest[2]], i * 2));
    this.#runs.push({
      digests: Float64Array.from(entries, ({ digest }) => digest[0]), rest,
      commit: Uint32Array.from(entries, ({ commit }) => commit), commits, last: last.position,
    });
    this.#recent = new Map();
  }

  #packed(keyText: string): Tombstone | undefined {
    if (this.#runs.length === 0) return undefined;
    const digest = digestOf(keyText);
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      const run = this.#runs[i];
      const at = run && find(run, digest);
      if (run && at !== undefined) return run.commits[run.commit[at] ?? GONE];
    }
    return undefined;
  }
}

type Digest = readonly [number, number, number];

function digestOf(keyText: string): Digest {
  const bytes = hash('sha256', keyText, 'buffer');
  return [bytes.readUIntBE(0, 6), bytes.readUInt32BE(6), bytes.readUInt32BE(10)];
}

/** Where a run has a row; undefined if it has not, or the row is there again. */
function find(run: Run, digest: Digest): number | undefined {
  for (let at = firstAtLeast(run.digests, digest[0]); run.digests[at] === digest[0]; at++) {
    if (run.rest[at * 2] === digest[1] && run.rest[at * 2 + 1] === digest[2] && run.commit[at] !== GONE) return at;
  }
  return undefined;
}
