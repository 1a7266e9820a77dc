import { invariant } from '../../core/errors.ts';
import type { PlacedBuckets } from '../../model/common-move.ts';
import { BUCKETS } from '../decide.ts';
import { meet, MOST_MET, NOBODY, type Assignment } from '../decision/assignment.ts';
import { ALL_BUCKETS, boundsOf, rangesOf } from './bucket-ranges.ts';

/** Everybody goes by one version. */
export const placedBy = (version: number): PlacedBuckets[] => [{ versions: [version], buckets: ALL_BUCKETS }];

/** Of an assignment that no version stands for: nobody is the service's. */
const UNKNOWN: readonly number[] = [];

/**
 * Reads and writes where users are, in words that all routers understand: versions of the decision. The
 * same versions give the same assignment, so that assignments can be compared.
 */
export class Placements {
  readonly #compiled = new Map<number, Assignment>();
  readonly #met = new Map<string, Assignment>();
  readonly #versions = new Map<Assignment, readonly number[]>();

  /** What was read last: it is asked for again and again. */
  #last: { readonly placement: string; readonly assignments: readonly Assignment[] } | null = null;

  constructor() {
    this.#keep(UNKNOWN, NOBODY);
  }

  /** What a version of the route says; what is known of it already counts. */
  learn(version: number, assignment: () => Assignment): Assignment {
    let known = this.#compiled.get(version);
    if (!known) {
      this.#compiled.set(version, (known = assignment()));
      this.#keep([version], known);
    }
    return known;
  }

  of(versions: readonly number[]): Assignment {
    const key = versions.join('&');
    let assignment = this.#met.get(key);
    if (!assignment) {
      const parts = versions.map((version) => {
        const part = this.#compiled.get(version);
        invariant(part !== undefined, 'a placement by a version of which nothing is known');
        return part;
      });
      assignment = this.#keep(versions, meet(...parts));
    }
    return assignment;
  }

  /** Serves from the service whom both serve there; `goal` is of one version. */
  meet(now: Assignment, goal: Assignment): Assignment {
    // What no version stands for was a rollback that the store has not heard of: nobody is the service's.
    const [ours = [], theirs = []] = [this.#versions.get(now), this.#versions.get(goal)];
    if (ours.length === 0 || theirs.length === 0) return NOBODY;
    const both = [...new Set([...ours, ...theirs])].sort((a, b) => a - b);
    return both.length > MOST_MET ? NOBODY : this.of(both);
  }

  /** The assignment of each bucket. */
  read(placement: readonly PlacedBuckets[]): readonly Assignment[] {
    // Each news of the document brings another object, which mostly says the same.
    const text = JSON.stringify(placement);
    if (this.#last?.placement === text) return this.#last.assignments;
    const assignments = Array.from<Assignment>({ length: BUCKETS }).fill(NOBODY);
    for (const { versions, buckets } of placement) {
      const assignment = this.of(versions);
      for (const [from, to] of boundsOf(buckets)) assignments.fill(assignment, from, to + 1);
    }
    this.#last = { placement: text, assignments };
    return assignments;
  }

  write(assignmentOf: (bucket: number) => Assignment): PlacedBuckets[] {
    const buckets = new Map<readonly number[], number[]>();
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const versions = this.#versions.get(assignmentOf(bucket)) ?? UNKNOWN;
      const placed = buckets.get(versions);
      if (placed) placed.push(bucket);
      else buckets.set(versions, [bucket]);
    }
    return [...buckets].map(([versions, placed]) => ({ versions, buckets: rangesOf(placed) }));
  }

  /** Forgets versions that are not named any more. */
  keepOnly(named: ReadonlySet<number>): void {
    this.#last = null;
    for (const [assignment, versions] of this.#versions) {
      if (versions.every((version) => named.has(version))) continue;
      this.#versions.delete(assignment);
      this.#met.delete(versions.join('&'));
    }
    for (const version of this.#compiled.keys()) if (!named.has(version)) this.#compiled.delete(version);
  }

  #keep(versions: readonly number[], assignment: Assignment): Assignment {
    this.#met.set(versions.join('&'), assignment);
    if (!this.#versions.has(assignment)) this.#versions.set(assignment, versions);
    return assignment;
  }
}
