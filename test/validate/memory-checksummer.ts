import { createHash } from 'node:crypto';
import { parseTableName, type TableName } from '../../src/model/names.ts';
import type { Value } from '../../src/model/change.ts';
import { BanyanError } from '../../src/core/errors.ts';
import type {
  Checksummer,
  ChecksumSnapshot,
  LeafDigest,
  RowColumns,
  RowDigest,
  RowIdentity,
  RowState,
  Selection,
  ShapeColumn,
  TableShape,
} from '../../src/ports/checksummer.ts';

export interface MemoryRow {
  readonly values: readonly Value[];
  /** Who wrote it: a number that no other write has. */
  readonly version: number;
}

/** How a double hashes; the honest one binds values to their row and adds up. */
export interface Hashing {
  readonly row: (key: string, values: readonly Value[]) => bigint;
  readonly combine: (a: bigint, b: bigint) => bigint;
}

const hash64 = (text: string) => BigInt.asIntN(64, BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 16)}`));

export const HONEST: Hashing = { row: (_key, values) => hash64(JSON.stringify(values)), combine: (a, b) => a + b };

/** What two well-known tools do: each cell's hash on its own, all of them XORed. */
export const BLIND: Hashing = {
  row: (_key, values) => values.reduce((all, value, i) => all ^ hash64(`${i}:${value}`), 0n),
  combine: (a, b) => a ^ b,
};

/** One table in memory, behind the same port as a database. Column 0 is a whole-number key. */
export class MemoryChecksummer implements Checksummer {
  readonly rows = new Map<string, MemoryRow>();
  /** Called before each read, so that others can write in between. */
  beforeRead: () => void | Promise<void> = () => {};
  /** Rows that were asked for again. */
  lookups = 0;
  openSnapshots = 0;
  readonly #table: TableName;
  readonly #columns: readonly ShapeColumn[];
  readonly #hashing: Hashing;
  #version = 0;

  constructor(options: { readonly table: string; readonly columns: readonly string[]; readonly hashing?: Hashing; readonly types?: Readonly<Record<string, Partial<ShapeColumn>>> }) {
    this.#table = parseTableName(options.table);
    this.#columns = options.columns.map((name, i) => ({
      name,
      type: i === 0 ? 'bigint' : 'text',
      form: i === 0 ? 'integer' : 'text',
      family: i === 0 ? 'integer' : 'text',
      judged: false,
      generated: false,
      ...options.types?.[name],
    }));
    this.#hashing = options.hashing ?? HONEST;
  }

  put(key: string, ...values: readonly Value[]): void {
    this.rows.set(key, { values: [key, ...values], version: ++this.#version });
  }

  listTables(): Promise<readonly TableName[]> {
    return Promise.resolve([this.#table]);
  }

  describe(table: TableName): Promise<TableShape> {
    if (table !== this.#table) return Promise.reject(new BanyanError('BANYAN_TABLE_UNKNOWN', { message: `There is no ${table}.` }));
    return Promise.resolve({ table, columns: this.#columns, key: [this.#columns[0]!.name], estimatedRows: this.rows.size });
  }

  testVector(): Promise<string> {
    return Promise.resolve('memory');
  }

  async snapshot(options: { readonly signal?: AbortSignal } = {}): Promise<ChecksumSnapshot> {
    await this.beforeRead();
    this.openSnapshots++;
    const rows = new Map(this.rows);
    const { beforeRead } = this;
    const digest = (row: MemoryRow, selection: Selection, hashed: boolean): RowDigest => ({
      place: BigInt(row.values[0]!),
      key: [row.values[0]!],
      hash: hashed ? String(this.#hash(row, selection)) : '0',
      times: 1,
      version: String(row.version),
    });
    const sorted = () => [...rows.values()].sort((a, b) => (BigInt(a.values[0]!) < BigInt(b.values[0]!) ? -1 : 1));
    const combine = this.#hashing.combine;
    const hash = (row: MemoryRow, selection: Selection) => this.#hash(row, selection);
    return {
      placeBounds: () => {
        const [keys] = [[...rows.keys()].map(BigInt)];
        if (keys.length === 0) return Promise.resolve(undefined);
        return Promise.resolve({ from: keys.reduce((a, b) => (a < b ? a : b)), to: keys.reduce((a, b) => (a > b ? a : b)) });
      },
      count: () => Promise.resolve(rows.size),
      async *columns(selection, { range, within }): AsyncGenerator<RowColumns> {
        const wanted = sorted().filter(({ values }) => {
          const place = BigInt(values[0]!);
          return place >= range.from && place <= range.to && (!within || within.leaves.includes(place >> BigInt(within.shift)));
        });
        for (let from = 0; from < wanted.length; from += 5) {
          await beforeRead();
          const batch = wanted.slice(from, from + 5).map((row) => digest(row, selection, true));
          yield {
            rows: batch.length,
            places: BigInt64Array.from(batch, ({ place }) => place),
            hashes: BigInt64Array.from(batch, (row) => BigInt(row.hash)),
            versions: Uint32Array.from(batch, ({ version }) => Number(version)),
          };
        }
      },
      async *leaves(selection, { shift, hashed, within, range, onRows }): AsyncGenerator<LeafDigest> {
        await beforeRead();
        const leaves = new Map<bigint, { rows: number; digest: bigint }>();
        for (const row of rows.values()) {
          options.signal?.throwIfAborted();
          if (within && !within.leaves.includes(BigInt(row.values[0]!) >> BigInt(within.shift))) continue;
          if (range && (BigInt(row.values[0]!) < range.from || BigInt(row.values[0]!) > range.to)) continue;
          const leaf = BigInt(row.values[0]!) >> BigInt(shift);
          const known = leaves.get(leaf) ?? { rows: 0, digest: 0n };
          leaves.set(leaf, { rows: known.rows + 1, digest: combine(known.digest, hashed ? hash(row, selection) : hash64(row.values[0] ?? '')) });
        }
        onRows?.(rows.size);
        for (const [leaf, { rows: count, digest: sum }] of leaves) yield { leaf, rows: count, digest: String(sum) };
      },
      async *rows(selection, { within: { shift, leaves }, hashed, batch = 7 }): AsyncGenerator<readonly RowDigest[]> {
        const wanted = sorted().filter((row) => leaves.includes(BigInt(row.values[0]!) >> BigInt(shift)));
        for (let from = 0; from < wanted.length; from += batch) {
          await beforeRead();
          yield wanted.slice(from, from + batch).map((row) => digest(row, selection, hashed));
        }
      },
      close: () => {
        this.openSnapshots--;
        return Promise.resolve();
      },
    };
  }

  async rowStates(
    selection: Selection,
    identities: readonly RowIdentity[],
    options: { readonly values: boolean; readonly hashed: boolean },
  ): Promise<readonly RowState[]> {
    await this.beforeRead();
    this.lookups += identities.length;
    return identities.flatMap(({ key }, index): RowState[] => {
      const row = this.rows.get(key[0]!);
      if (!row) return [];
      const values = this.#selected(row, selection);
      return [
        {
          index,
          hash: options.hashed ? String(this.#hash(row, selection)) : '0',
          times: 1,
          version: String(row.version),
          ...(options.values ? { values, columnHashes: values } : {}),
        },
      ];
    });
  }

  countNullKeys(selection: Selection): Promise<readonly number[]> {
    return Promise.resolve(selection.columns.slice(0, selection.keyLength).map(() => 0));
  }

  equalValues(_type: string, pairs: readonly (readonly [string, string])[]): Promise<readonly boolean[]> {
    return Promise.resolve(pairs.map(([a, b]) => a.toLowerCase() === b.toLowerCase()));
  }

  async sample(selection: Selection, options: { readonly rows: number }): Promise<readonly RowDigest[]> {
    await this.beforeRead();
    return [...this.rows.values()].slice(0, options.rows).map((row) => ({
      place: BigInt(row.values[0]!),
      key: [row.values[0]!],
      hash: String(this.#hash(row, selection)),
      times: 1,
      version: String(row.version),
    }));
  }

  #selected(row: MemoryRow, selection: Selection): readonly Value[] {
    return selection.columns.map((column) => row.values[this.#columns.findIndex(({ name }) => name === column.name)] ?? null);
  }

  #hash(row: MemoryRow, selection: Selection): bigint {
    return this.#hashing.row(row.values[0]!, this.#selected(row, selection));
  }
}
