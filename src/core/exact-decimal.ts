/** A decimal number as the databases write it, held exactly. */
interface Decimal {
  readonly units: bigint;
  /** How many of the digits of `units` are behind the point. */
  readonly scale: number;
}

const PLAIN = /^([+-]?)(\d+)(?:\.(\d+))?$/;

/**
 * `ours + (theirs - before)` on decimal text, without a rounding at any point; the scale is the largest
 * of the three. Undefined if one of them is no plain decimal number (NaN, infinity, money).
 */
export function addChange(ours: string, theirs: string, before: string): string | undefined {
  const [a, b, c] = [read(ours), read(theirs), read(before)];
  if (!a || !b || !c) return undefined;
  const scale = Math.max(a.scale, b.scale, c.scale);
  return write(unitsAt(a, scale) + unitsAt(b, scale) - unitsAt(c, scale), scale);
}

/** How far two numbers may be apart. Numbers are read by their decimal text: 0.01 is a hundredth, exactly. */
export interface Bounds {
  /** In the unit of the values. Default 0. */
  readonly absolute?: number | string;
  /** As a share of the larger of the two. Default 0. */
  readonly relative?: number | string;
}

/**
 * Whether two numbers as the databases write them are as close as either bound asks, without a rounding at
 * any point. False if one of them is no number (NaN, infinity, money).
 */
export function within(a: string, b: string, { absolute = 0, relative = 0 }: Bounds): boolean {
  const [x, y, most, share] = [readAny(a), readAny(b), readAny(String(absolute)), readAny(String(relative))];
  if (!x || !y || !most || !share) return false;
  const scale = Math.max(x.scale, y.scale);
  const [p, q] = [unitsAt(x, scale), unitsAt(y, scale)];
  const apart = size(p - q);
  if (apart === 0n) return true;
  if (apart * 10n ** BigInt(most.scale) <= most.units * 10n ** BigInt(scale)) return true;
  const larger = size(p) > size(q) ? size(p) : size(q);
  return apart * 10n ** BigInt(share.scale) <= share.units * larger;
}

/** `a - b` exactly; undefined if one of them is no finite number. */
export function difference(a: string, b: string): string | undefined {
  const [x, y] = [readAny(a), readAny(b)];
  if (!x || !y) return undefined;
  const scale = Math.max(x.scale, y.scale);
  return write(unitsAt(x, scale) - unitsAt(y, scale), scale);
}

const size = (units: bigint): bigint => (units < 0n ? -units : units);

const unitsAt = (value: Decimal, scale: number): bigint => value.units * 10n ** BigInt(scale - value.scale);

/** Exponents of doubles have at most three digits; a longer one is no number of ours. */
const SCIENTIFIC = /^([+-]?\d*\.?\d+|[+-]?\d+\.)(?:e([+-]?\d{1,5}))?$/i;

/** Also numbers as floats are written: `1e-07`. */
function readAny(text: string): Decimal | undefined {
  const [, mantissa = '', exponent = '0'] = SCIENTIFIC.exec(text) ?? [];
  const plain = read(mantissa.replace(/^([+-]?)\./, '$10.'));
  if (!plain) return undefined;
  const scale = plain.scale - Number(exponent);
  return scale >= 0 ? { units: plain.units, scale } : { units: plain.units * 10n ** BigInt(-scale), scale: 0 };
}

function read(text: string): Decimal | undefined {
  const match = PLAIN.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = ''] = match;
  const units = BigInt(whole + fraction);
  return { units: sign === '-' ? -units : units, scale: fraction.length };
}

function write(units: bigint, scale: number): string {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
