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

/** What comes after the lanes: the length and the last bytes are stirred in. A signed number. */
const finish = (hash: number): number => {
  let h = Math.imul(hash ^ (hash >>> 15), P2);
  h = Math.imul(h ^ (h >>> 13), P3);
  return h ^ (h >>> 16);
};

const four = (hash: number, input: number): number => Math.imul(rotl((hash + Math.imul(input, P3)) | 0, 17), P4);
const one = (hash: number, input: number): number => Math.imul(rotl((hash + Math.imul(input, P5)) | 0, 11), P1);

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
  for (; at <= length - 4; at += 4) hash = four(hash, word(bytes, at));
  for (; at < length; at++) hash = one(hash, bytes[at] ?? 0);
  return finish(hash) >>> 0;
}

/** All characters that {@link letters} has read since it was reset, in one another: below 128 if each was ASCII. */
let seen = 0;

/** Four characters as a little-endian word; right only if each is ASCII. */
function letters(text: string, at: number): number {
  const [a, b, c, d] = [text.charCodeAt(at), text.charCodeAt(at + 1), text.charCodeAt(at + 2), text.charCodeAt(at + 3)];
  seen |= a | b | c | d;
  return a | (b << 8) | (c << 16) | (d << 24);
}

/**
 * {@link xxh32Bytes} of a text of ASCII, whose characters are its bytes: several times as fast as writing
 * them out first. Signed, and of no worth if `seen` says that a character was none.
 */
function xxh32Ascii(text: string, seed: number): number {
  const { length } = text;
  seen = 0;
  let at = 0;
  let hash: number;
  if (length >= 16) {
    let a = (seed + P1 + P2) | 0;
    let b = (seed + P2) | 0;
    let c = seed | 0;
    let d = (seed - P1) | 0;
    for (; at <= length - 16; at += 16) {
      a = round(a, letters(text, at));
      b = round(b, letters(text, at + 4));
      c = round(c, letters(text, at + 8));
      d = round(d, letters(text, at + 12));
    }
    hash = (rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18)) | 0;
  } else {
    hash = (seed + P5) | 0;
  }
  hash = (hash + length) | 0;
  for (; at <= length - 4; at += 4) hash = four(hash, letters(text, at));
  for (; at < length; at++) {
    const letter = text.charCodeAt(at);
    seen |= letter;
    hash = one(hash, letter);
  }
  return finish(hash);
}

// Keys are short; this buffer spares the common case an allocation. Hashing is synchronous, so
// nobody else can be using it.
const scratch = Buffer.alloc(512);

function xxh32Signed(text: string, seed: number): number {
  const hash = xxh32Ascii(text, seed);
  if (seen < 128) return hash;
  // A UTF-16 unit takes at most three bytes of UTF-8.
  if (text.length * 3 <= scratch.length) return xxh32Bytes(scratch, scratch.write(text, 0, 'utf8'), seed) | 0;
  const bytes = Buffer.from(text, 'utf8');
  return xxh32Bytes(bytes, bytes.length, seed) | 0;
}

/** xxh32 of the UTF-8 bytes of `text`, as an unsigned number. */
export function xxh32(text: string, seed = 0): number {
  return xxh32Signed(text, seed) >>> 0;
}

/** {@link xxh32} modulo a number below 2³¹. It allocates nothing: an unsigned hash is too large for a small integer. */
export function xxh32Modulo(text: string, seed: number, modulus: number): number {
  return (xxh32Signed(text, seed) >>> 0) % modulus;
}
