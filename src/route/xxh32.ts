/**
 * xxHash, 32 bits (Yann Collet; the algorithm and its constants are public:
 * https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md).
 *
 * Chosen because HAProxy computes the same number with its `xxh32` converter, so both planes put
 * a user into the same bucket.
 */
const P1 = 0x9e3779b1;
const P2 = 0x85ebca77;
const P3 = 0xc2b2ae3d;
const P4 = 0x27d4eb2f;
const P5 = 0x165667b1;

const rotl = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
  );
}

const round = (lane: number, input: number): number =>
  Math.imul(rotl((lane + Math.imul(input, P2)) | 0, 13), P1);

/** xxh32 of the first `length` bytes of `bytes`, as an unsigned number. */
export function xxh32Bytes(bytes: Uint8Array, length: number, seed = 0): number {
  let at = 0;
  let hash: number;
  if (length >= 16) {
    let a = (seed + P1 + P2) | 0;
    let b = (seed + P2) | 0;
    let c = seed | 0;
    let d = (seed - P1) | 0;
    for (; at <= length - 16; at += 16) {
      a = round(a, word(bytes, at));
      b = round(b, word(bytes, at + 4));
      c = round(c, word(bytes, at + 8));
      d = round(d, word(bytes, at + 12));
    }
    hash = (rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18)) | 0;
  } else {
    hash = (seed + P5) | 0;
  }
  hash = (hash + length) | 0;
  for (; at <= length - 4; at += 4) {
    hash = Math.imul(rotl((hash + Math.imul(word(bytes, at), P3)) | 0, 17), P4);
  }
  for (; at < length; at++) {
    hash = Math.imul(rotl((hash + Math.imul(bytes[at] ?? 0, P5)) | 0, 11), P1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), P2);
  hash = Math.imul(hash ^ (hash >>> 13), P3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

// Keys are short; this buffer spares the common case an allocation. Hashing is synchronous, so
// nobody else can be using it.
const scratch = Buffer.alloc(512);

/** xxh32 of the UTF-8 bytes of `text`, as an unsigned number. */
export function xxh32(text: string, seed = 0): number {
  // A UTF-16 unit takes at most three bytes of UTF-8.
  if (text.length * 3 <= scratch.length) return xxh32Bytes(scratch, scratch.write(text, 0, 'utf8'), seed);
  const bytes = Buffer.from(text, 'utf8');
  return xxh32Bytes(bytes, bytes.length, seed);
}
