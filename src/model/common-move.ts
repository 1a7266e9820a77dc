import type { Side } from './side.ts';

/** Buckets that all go by the same decisions. */
export interface PlacedBuckets {
  /** Versions of the route. The service serves whom each of them gives to it; with none, nobody. */
  readonly versions: readonly number[];
  /** Ranges of buckets: `0-4999,5003`. */
  readonly buckets: string;
}

/** A move that routers carry out together. */
export interface MoveAttempt {
  readonly id: number;
  /** The member that opened it, places the fence and commits. */
  readonly leader: string;
  /** The members that have to hold the users. Only one: it changes over first and says so afterwards. */
  readonly with: readonly string[];
  /** The version of the decision that users are brought to. */
  readonly version: number;
  readonly to: Side;
  /** Ranges of the buckets that are still where they were. */
  readonly left: string;
}

/** Where all routers have one service's users, and what they are about to change: one document for all. */
export interface CommonMove {
  /** Routers that take part, each with a name of its own for each of its lives. */
  readonly members: readonly string[];
  readonly placement: readonly PlacedBuckets[];
  readonly attempt: MoveAttempt | null;
  /** Why the last attempt did not bring everybody to this version; null: it did, or there was none. */
  readonly postponed: { readonly version: number; readonly reason: string } | null;
  /** Most buckets of one attempt. */
  readonly chunk: number;
}

/** The versions of the route that a common move names. */
export function versionsIn({ placement, attempt }: CommonMove): number[] {
  return [...new Set([...placement.flatMap(({ versions }) => versions), ...(attempt ? [attempt.version] : [])])];
}
