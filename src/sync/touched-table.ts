import type { Mark } from '../ports/mark-store.ts';

/** Keys of a leaf, as a power of two: where rows are dense, a page or two of the key's index. */
export const LEAF_SHIFT = 8;
/** By so much leaves become coarser where there are too many. */
const COARSER = 2;

type KeyMark = Extract<Mark, { kind: 'key' }>;

/** A leaf's number: small where it is exact, for sets of small numbers are cheap. */
type Leaf = number | bigint;

/** What was touched of one table, at one time. */
export interface Part {
  readonly shift: number;
  readonly leaves: ReadonlySet<Leaf>;
  readonly keys: ReadonlyMap<string, KeyMark>;
  readonly whole: string | undefined;
}

/** What a stream has touched of one table: what is not stored yet, and what is, in the generation that was stored last. */
export class TouchedTable {
  #column: string | undefined;
  #shift = LEAF_SHIFT;
  #leaves = new Set<Leaf>();
  #storedLeaves = new Set<Leaf>();
  #keys = new Map<string, KeyMark>();
  #storedKeys = new Set<string>();
  #whole: string | undefined;
  #storedWhole = false;

  get pending(): boolean {
    return this.#whole !== undefined || this.#leaves.size > 0 || this.#keys.size > 0;
  }

  /** Of the generation, in memory. What is both pending and stored counts twice: it takes twice the room. */
  get leaves(): number {
    return this.#leaves.size + this.#storedLeaves.size;
  }

  get keys(): number {
    return this.#keys.size + this.#storedKeys.size;
  }

  /** Whether there is more than before. */
  add(columns: readonly string[], key: readonly string[], exact: boolean): boolean {
    if (this.#whole !== undefined) return false;
    const [column] = columns;
    const [text] = key;
    if (!exact && columns.length === 1 && column !== undefined && text !== undefined && (this.#column ?? column) === column && WHOLE_NUMBER.test(text)) {
      this.#column = column;
      const before = this.#leaves.size;
      this.#leaves.add(leafOf(text, this.#shift));
      return this.#leaves.size > before;
    }
    const name = JSON.stringify([columns, key]);
    if (this.#keys.has(name)) return false;
    this.#keys.set(name, { kind: 'key', columns, key });
    return true;
  }

  becomeWhole(reason: string): void {
    this.#whole ??= reason;
    this.#leaves.clear();
    this.#keys.clear();
    this.#storedLeaves.clear();
    this.#storedKeys.clear();
  }

  /** Everything in fewer leaves. What is stored is so more finely, and has to be stored again. */
  coarsen(): void {
    const before = [...this.#leaves, ...this.#storedLeaves];
    this.#shift += COARSER;
    this.#storedLeaves.clear();
    this.#leaves = new Set(before.map((leaf) => shifted(leaf, COARSER)));
  }

  /** Another generation begins: nothing is stored there. */
  forgetStored(): void {
    this.#storedLeaves.clear();
    this.#storedKeys.clear();
    this.#storedWhole = false;
  }

  /** Everything that is pending; nothing of it is any more. */
  take(): Part | undefined {
    const part = { shift: this.#shift, leaves: this.#leaves, keys: this.#keys, whole: this.#whole };
    // What was made coarse for want of room need not stay so.
    if (this.#storedLeaves.size === 0) this.#shift = LEAF_SHIFT;
    if (part.whole === undefined && part.leaves.size + part.keys.size === 0) return undefined;
    this.#leaves = new Set();
    this.#keys = new Map();
    this.#whole = undefined;
    return part;
  }

  /** What of a part that was just taken is not stored. What is stored is of the part's own shift, or finer. */
  unstored({ leaves, keys, shift, whole }: Part): readonly Mark[] {
    if (this.#storedWhole) return [];
    if (whole !== undefined) return [{ kind: 'whole', reason: whole }];
    const column = this.#column ?? '';
    return [
      ...[...leaves].filter((leaf) => shift !== this.#shift || !this.#storedLeaves.has(leaf)).map((leaf): Mark => ({ kind: 'leaf', column, shift, leaf: BigInt(leaf) })),
      ...[...keys].filter(([name]) => !this.#storedKeys.has(name)).map(([, mark]) => mark),
    ];
  }

  stored({ leaves, keys, shift, whole }: Part): void {
    if (whole !== undefined) this.#storedWhole = true;
    // Beside the whole, and beside coarser ones, they are of no use.
    if (this.#storedWhole) return;
    if (shift === this.#shift) for (const leaf of leaves) this.#storedLeaves.add(leaf);
    for (const name of keys.keys()) this.#storedKeys.add(name);
  }

  putBack({ leaves, keys, shift, whole }: Part): void {
    if (whole !== undefined) this.becomeWhole(whole);
    if (this.#whole !== undefined) return;
    while (this.#shift < shift) this.coarsen();
    for (const leaf of leaves) this.#leaves.add(shifted(leaf, this.#shift - shift));
    for (const [name, mark] of keys) this.#keys.set(name, mark);
  }
}

/** Of a digit more, a whole number would not fit into 64 bits. */
const WHOLE_NUMBER = /^-?\d{1,19}$/;

function leafOf(text: string, shift: number): Leaf {
  return text.length <= 15 ? Math.floor(Number(text) / 2 ** shift) : BigInt(text) >> BigInt(shift);
}

const shifted = (leaf: Leaf, by: number): Leaf => (typeof leaf === 'bigint' ? leaf >> BigInt(by) : Math.floor(leaf / 2 ** by));
