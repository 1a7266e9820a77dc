import type { Side } from '../../model/side.ts';
import { bucketOf, BUCKETS } from '../decide.ts';
import type { Subject } from './facts.ts';

/**
 * Which side serves whom: a pure function. Two of them differ for the users who have to be moved when
 * one takes the other's place.
 */
export interface Assignment {
  side(user: Subject): Side;
  /** The side of a user of whom nothing but the bucket counts. */
  home(bucket: number): Side;
  /** Whether any user of the bucket may be the service's. */
  mayServe(bucket: number): boolean;
  /** The side of a key whatever its requests are like; undefined if that depends on them. */
  sideOfKey(key: string, bucket: number): Side | undefined;
  /** Every key that is named in a list. */
  readonly listedKeys: readonly string[];
  /** The same text for assignments with the same rules about requests; empty: there are none. */
  readonly rulesKey: string;
}

/** The buckets of which some user may move to `to` when `after` takes the place of `before`. Which ones do is asked user by user. */
export function bucketsThatMove(before: Assignment, after: Assignment, to: Side): Uint8Array {
  const moving = new Uint8Array(BUCKETS);
  if (before === after) return moving;
  // Whom a meeting serves from the service, each of its parts does.
  if (to === 'monolith' && before instanceof Meeting && before.parts.includes(after)) return moving;
  const sameRules = before.rulesKey === after.rulesKey;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    if (before.home(bucket) !== to && after.home(bucket) === to) moving[bucket] = 1;
    // A rule may take any user of the bucket, and only his request says whether it does.
    else if (!sameRules && (to === 'service' ? after : before).mayServe(bucket)) moving[bucket] = 1;
  }
  for (const keys of [before.listedKeys, after.listedKeys]) {
    for (const key of keys) {
      const bucket = bucketOf(key);
      const [was, becomes] = [before.sideOfKey(key, bucket), after.sideOfKey(key, bucket)];
      if (was !== to && (becomes ?? to) === to) moving[bucket] = 1;
    }
  }
  return moving;
}

/** The most assignments that are met one by one; beyond it nobody is the service's. */
export const MOST_MET = 8;

/**
 * Serves from the service only whom each of `assignments` serves there. On the way from one assignment
 * to another it stands between: from the first to it users only come home, from it to the second they
 * only leave, so that each move has one direction and one fence.
 */
export function meet(...assignments: readonly Assignment[]): Assignment {
  const parts = [...new Set(assignments.flatMap((each) => (each instanceof Meeting ? each.parts : [each])))];
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  // Moves that are given up again and again pile up here. Whom it takes home too early is moved all the same.
  return parts.length > MOST_MET ? NOBODY : new Meeting(parts);
}

class Meeting implements Assignment {
  readonly parts: readonly Assignment[];
  readonly listedKeys: readonly string[];
  readonly rulesKey: string;

  constructor(parts: readonly Assignment[]) {
    this.parts = parts;
    this.listedKeys = [...new Set(parts.flatMap(({ listedKeys }) => listedKeys))];
    this.rulesKey = [...new Set(parts.map(({ rulesKey }) => rulesKey))].sort().join('\n').trim();
  }

  side(user: Subject): Side {
    return this.parts.every((part) => part.side(user) === 'service') ? 'service' : 'monolith';
  }

  home(bucket: number): Side {
    return this.parts.every((part) => part.home(bucket) === 'service') ? 'service' : 'monolith';
  }

  mayServe(bucket: number): boolean {
    return this.parts.every((part) => part.mayServe(bucket));
  }

  sideOfKey(key: string, bucket: number): Side | undefined {
    const sides = this.parts.map((part) => part.sideOfKey(key, bucket));
    if (sides.includes('monolith')) return 'monolith';
    return sides.includes(undefined) ? undefined : 'service';
  }
}

export const NOBODY: Assignment = {
  side: () => 'monolith',
  home: () => 'monolith',
  mayServe: () => false,
  sideOfKey: () => 'monolith',
  listedKeys: [],
  rulesKey: '',
};
