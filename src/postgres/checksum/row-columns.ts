import type { RowColumns } from '../../ports/checksummer.ts';

/** Signature and flags; then the length of an extension, which is empty. */
const HEADER_BYTES = 19;
/** The number of fields, then each with its length before it. */
const ROW_BYTES = 2 + (4 + 8) + (4 + 8);
const VERSION_BYTES = 4 + 4;

/**
 * Reads place, hash and version of each row from what COPY writes in its binary format. All rows are
 * of one length, for none of the three is ever null. A batch is good until the next one is asked for:
 * their memory is the same, and so a table of any size leaves hardly any garbage.
 */
export async function* readRowColumns(copied: AsyncIterable<Buffer>, versioned: boolean): AsyncGenerator<RowColumns> {
  const rowBytes = ROW_BYTES + (versioned ? VERSION_BYTES : 0);
  /** The beginning of a row whose end comes with the next chunk; before the first row, of the header. */
  const begun = Buffer.alloc(Math.max(HEADER_BYTES, rowBytes));
  let begunBytes = 0;
  let wanted = HEADER_BYTES;
  let columns = new Columns(0);
  for await (const chunk of copied) {
    const most = 1 + Math.floor(chunk.length / rowBytes);
    if (most > columns.places.length) columns = new Columns(most);
    let at = 0;
    let rows = 0;
    if (begunBytes > 0 || wanted === HEADER_BYTES) {
      at = chunk.copy(begun, begunBytes, 0, wanted - begunBytes);
      begunBytes += at;
      if (begunBytes < wanted) continue;
      if (wanted === rowBytes) columns.read(view(begun), 0, rows++, versioned);
      begunBytes = 0;
      wanted = rowBytes;
    }
    const bytes = view(chunk);
    for (; at + rowBytes <= chunk.length; at += rowBytes) columns.read(bytes, at, rows++, versioned);
    begunBytes = chunk.copy(begun, 0, at);
    if (rows > 0) yield columns.first(rows, versioned);
  }
}

const view = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Room for the rows of a chunk. */
class Columns {
  readonly places: BigInt64Array;
  readonly #hashes: BigInt64Array;
  readonly #versions: Uint32Array;

  constructor(rows: number) {
    this.places = new BigInt64Array(rows);
    this.#hashes = new BigInt64Array(rows);
    this.#versions = new Uint32Array(rows);
  }

  read(bytes: DataView, at: number, row: number, versioned: boolean): void {
    this.places[row] = bytes.getBigInt64(at + 6);
    this.#hashes[row] = bytes.getBigInt64(at + 18);
    if (versioned) this.#versions[row] = bytes.getUint32(at + 30);
  }

  first(rows: number, versioned: boolean): RowColumns {
    return {
      rows,
      places: this.places.subarray(0, rows),
      hashes: this.#hashes.subarray(0, rows),
      ...(versioned ? { versions: this.#versions.subarray(0, rows) } : {}),
    };
  }
}
