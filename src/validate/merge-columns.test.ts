import { assert, asyncProperty, bigInt, constantFrom, integer, record, uniqueArray } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RowColumns } from '../ports/checksummer.ts';
import { suspectsInColumns } from './merge-columns.ts';

interface Row {
  readonly place: bigint;
  readonly hash: bigint;
}

/** Batches of one side's rows. */
async function* batches(rows: readonly Row[], size: number): AsyncGenerator<RowColumns> {
  for (let from = 0; from < rows.length; from += size) {
    const part = rows.slice(from, from + size);
    yield {
      rows: part.length,
      places: BigInt64Array.from(part, ({ place }) => place),
      hashes: BigInt64Array.from(part, ({ hash }) => hash),
      versions: Uint32Array.from(part, (_, i) => from + i + 1),
    };
  }
}

const side = uniqueArray(record({ place: bigInt({ min: -20n, max: 20n }), hash: constantFrom(1n, 2n, -(2n ** 63n), 2n ** 32n + 1n) }), { selector: ({ place }) => place })
  .map((rows) => rows.toSorted((a, b) => (a.place < b.place ? -1 : 1)));

describe('suspectsInColumns', () => {
  it('yields exactly what is not the same, however the batches fall', async () => {
    await assert(
      asyncProperty(side, side, integer({ min: 1, max: 9 }), integer({ min: 1, max: 9 }), async (source, target, first, second) => {
        const merged = suspectsInColumns({ source: batches(source, first), target: batches(target, second), batch: 3 });
        const found: string[] = [];
        let next = await merged.next();
        for (; next.done !== true; next = await merged.next()) {
          for (const { identity, source: a, target: b } of next.value) found.push(`${identity.place} ${identity.key.join()} ${a.times ? a.hash : '-'} ${b.times ? b.hash : '-'}`);
        }
        const [here, there] = [new Map(source.map((row) => [row.place, row.hash])), new Map(target.map((row) => [row.place, row.hash]))];
        const places = [...new Set([...here.keys(), ...there.keys()])].toSorted((a, b) => (a < b ? -1 : 1));
        expect(found).toEqual(
          places.filter((place) => here.get(place) !== there.get(place)).map((place) => `${place} ${place} ${here.get(place) ?? '-'} ${there.get(place) ?? '-'}`),
        );
        expect(next.value).toEqual({ source: source.length, target: target.length });
      }),
    );
  });

  it('gives versions as the look-up by key writes them', async () => {
    const merged = suspectsInColumns({ source: batches([{ place: 7n, hash: 1n }], 1), target: batches([], 1), batch: 10 });
    expect((await merged.next()).value).toEqual([{ identity: { place: 7n, key: ['7'] }, source: { times: 1, hash: '1', version: '1' }, target: { times: 0, hash: '' } }]);
  });

  it('waits for both sides before it passes an error on', async () => {
    let ended = false;
    async function* slow(): AsyncGenerator<RowColumns> {
      yield* batches([], 1);
      ended = true;
    }
    async function* failing(): AsyncGenerator<RowColumns> {
      yield* batches([], 1);
      throw new Error('lost');
    }
    await expect(suspectsInColumns({ source: failing(), target: slow(), batch: 1 }).next()).rejects.toThrow('lost');
    expect(ended).toBe(true);
  });
});
