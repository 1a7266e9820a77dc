/** Kinds of whole numbers: what one can't hold, it refuses. */
const INTEGERS = new Set(['smallint', 'integer', 'bigint']);

const LENGTH = /\((\d+)(?:,(-?\d+))?\)/;

interface SqlType {
  readonly base: string;
  readonly length: number | undefined;
  readonly scale: number | undefined;
}

/** A type as the server spells it: `character varying(80)`, `timestamp(3) without time zone`. */
function read(type: string): SqlType {
  const found = LENGTH.exec(type);
  return {
    base: type.replace(LENGTH, '').replace(/^varchar$/, 'character varying').trim(),
    length: found?.[1] === undefined ? undefined : Number(found[1]),
    scale: found?.[2] === undefined ? undefined : Number(found[2]),
  };
}

/** Types whose length is a number of digits, which are rounded in silence. */
const ROUNDED = /^(numeric|time|timestamp|interval)/;

const isText = (base: string): boolean => base === 'text' || base === 'character varying';

/**
 * Whether every value of `from`, written as text into a column of type `to`, is the same value or is
 * refused: nothing is rounded, cut or spelled anew in silence. Both as the server spells them.
 * @param enums The names of enum types on either side.
 */
export function isExact(from: string, to: string, enums: ReadonlySet<string> = new Set()): boolean {
  if (from === to) return true;
  const [a, b] = [read(from), read(to)];
  if (INTEGERS.has(a.base) && (INTEGERS.has(b.base) || b.base === 'numeric')) return b.scale === undefined || b.scale >= 0;
  if (a.base === 'numeric' && INTEGERS.has(b.base)) return true;
  if (a.base === b.base) {
    if (!ROUNDED.test(a.base)) return true;
    if (a.base === 'numeric') return b.length === undefined || (a.length !== undefined && (b.scale ?? 0) >= (a.scale ?? 0));
    return (b.length ?? 6) >= (a.length ?? 6);
  }
  if (isText(b.base)) return true;
  return isText(a.base) && (isText(b.base) || enums.has(b.base));
}

/** Whether the same holds both ways, so that two columns of these types can be kept equal. */
export function isExactBothWays(a: string, b: string, enums: ReadonlySet<string> = new Set()): boolean {
  return isExact(a, b, enums) && isExact(b, a, enums);
}
