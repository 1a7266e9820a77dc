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
  const at = (value: Decimal): bigint => value.units * 10n ** BigInt(scale - value.scale);
  return write(at(a) + at(b) - at(c), scale);
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
