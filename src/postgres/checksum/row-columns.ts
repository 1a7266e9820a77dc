import type { RowColumns } from '../../ports/checksummer.ts';

/** Signature and flags; then the length of an extension, which is empty. */
const HEADER_BYTES = 19;
/** The number of fields, then each with its length before it. */
const ROW_BYTES = 2 + (4 + 8) + (4 + 8);
const VERSION_BYTES = 4 + 4;

/**
 * Reads place, hash and version of each row from what COPY writes in its binary format. All rows are
 * of one length, for none of the three is ever null.
 */
export async function* readRowColumns(copied: AsyncIterable<Buffer>, versioned: boolean): AsyncGenerator<RowColumns> {
  const rowBytes = ROW_BYTES + (versioned ? VERSION_BYTES : 0);
  let left: Buffer = Buffer.alloc(0);
  let begun = false;
  for await (const chunk of copied) {
    let bytes = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
    if (!begun) {
      if (bytes.length < HEADER_BYTES) {
        left = bytes;
        continue;
      }
      bytes = bytes.subarray(HEADER_BYTES);
      begun = true;
    }
    const rows = Math.floor(bytes.length / rowBytes);
    left = bytes.subarray(rows * rowBytes);
    if (rows > 0) yield columnsOf(bytes, { rows, rowBytes, versioned });
  }
}

function columnsOf(bytes: Buffer, { rows, rowBytes, versioned }: { readonly rows: number; readonly rowBytes: number; readonly versioned: boolean }): RowColumns {
  const places = new BigInt64Array(rows);
  const hashes = new BigInt64Array(rows);
  const versions = new Uint32Array(versioned ? rows : 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let row = 0, at = 0; row < rows; row++, at += rowBytes) {
    places[row] = view.getBigInt64(at + 6);
    hashes[row] = view.getBigInt64(at + 18);
    if (versioned) versions[row] = view.getUint32(at + 30);
  }
  return { rows, places, hashes, ...(versioned ? { versions } : {}) };
}
