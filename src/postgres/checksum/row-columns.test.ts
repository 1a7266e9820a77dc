import { describe, expect, it } from 'vitest';
import { readRowColumns } from './row-columns.ts';

/** What COPY writes in its binary format. */
function copied(rows: readonly { readonly place: bigint; readonly hash: bigint; readonly version: number }[]): Buffer {
  const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
  const tuples = rows.map(({ place, hash, version }) => {
    const tuple = Buffer.alloc(34);
    tuple.writeInt16BE(3, 0);
    tuple.writeInt32BE(8, 2);
    tuple.writeBigInt64BE(place, 6);
    tuple.writeInt32BE(8, 14);
    tuple.writeBigInt64BE(hash, 18);
    tuple.writeInt32BE(4, 26);
    tuple.writeUInt32BE(version, 30);
    return tuple;
  });
  return Buffer.concat([header, ...tuples, Buffer.from([0xff, 0xff])]);
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('readRowColumns', () => {
  const rows = [{ place: -(2n ** 63n), hash: 2n ** 63n - 1n, version: 3 }, { place: -1n, hash: 0n, version: 4_294_967_295 }, { place: 5n, hash: -7n, version: 1 }];

  it('reads the same rows however the bytes arrive', async () => {
    for (let size = 1; size < 130; size++) {
      const read: unknown[] = [];
      for await (const { rows: count, places, hashes, versions } of readRowColumns(pieces(copied(rows), size), true)) {
        for (let i = 0; i < count; i++) read.push({ place: places[i], hash: hashes[i], version: versions?.[i] });
      }
      expect(read, `in pieces of ${size} bytes`).toEqual(rows);
    }
  });

  it('gives nothing for no rows', async () => {
    for await (const batch of readRowColumns(pieces(copied([]), 4), true)) expect.unreachable(String(batch.rows));
  });
});
