declare const positionBrand: unique symbol;

/**
 * A point in one server's log: everything committed at or before it is included. Totally ordered
 * within one server, meaningless between two. On PostgreSQL it is the LSN of a commit's end.
 */
export type Position = bigint & { readonly [positionBrand]: true };

export const ORIGIN_OF_TIME = 0n as Position;

/** PostgreSQL's spelling of an LSN: `16/B374D848`. */
export function formatLsn(position: Position): string {
  return `${(position >> 32n).toString(16).toUpperCase()}/${(position & 0xffffffffn).toString(16).toUpperCase()}`;
}

/** Reads `16/B374D848`. The text must come from a server. */
export function parseLsn(text: string): Position {
  const slash = text.indexOf('/');
  return ((BigInt(`0x${text.slice(0, slash)}`) << 32n) | BigInt(`0x${text.slice(slash + 1)}`)) as Position;
}

/** The later of two positions of one server. */
export function later(a: Position, b: Position): Position {
  return a > b ? a : b;
}
