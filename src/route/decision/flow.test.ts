import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { anyCompiled, anySubject } from '../../../test/support/route-decisions.ts';
import type { Side } from '../../model/side.ts';
import { BucketFlow, Ticket, type BucketHold } from '../bucket-flow.ts';
import { meet, type Assignment } from './assignment.ts';
import type { Subject } from './facts.ts';

/** A request that the flow let through, until it is answered. */
interface UnderWay {
  readonly user: Subject;
  readonly unsafe: boolean;
  readonly ticket: Ticket;
}

type Step =
  | { readonly kind: 'request'; readonly user: Subject; readonly unsafe: boolean }
  | { readonly kind: 'answer'; readonly which: number }
  | { readonly kind: 'decide'; readonly goal: Assignment; readonly to: Side }
  | { readonly kind: 'fence' }
  | { readonly kind: 'settle' }
  | { readonly kind: 'give up' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('request' as const), user: anySubject, unsafe: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('answer' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('decide' as const), goal: anyCompiled, to: fc.constantFrom('monolith' as const, 'service' as const) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'fence' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'settle' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'give up' as const }) },
);

/**
 * Plays requests and moves against each other, step by step, as `moveBuckets` does them, and says what
 * broke: a user who is moved although a request of his that came before the fence is still under way on
 * the side he leaves, or who is let through to it after the fence.
 */
async function play(flow: BucketFlow, steps: readonly Step[]): Promise<string[]> {
  const broken: string[] = [];
  const underWay = new Set<UnderWay>();
  let hold: BucketHold | null = null;
  let next: (bucket: number) => Assignment = () => flow.assignment(0);
  /** Buckets whose fence stands. */
  let fenced = new Set<number>();
  const leaves = (user: Subject): boolean => next(user.bucket).side(user) !== flow.assignment(user.bucket).side(user);
  const admitted = (user: Subject, unsafe: boolean, ticket: Ticket): void => {
    if (hold && fenced.has(user.bucket) && leaves(user)) broken.push(`${user.key} was let through behind his fence`);
    underWay.add({ user, unsafe, ticket });
  };
  for (const each of steps) {
    if (each.kind === 'request') {
      const { user, unsafe } = each;
      const ticket = flow.admit(user, unsafe);
      if (ticket instanceof Ticket) admitted(user, unsafe, ticket);
      else void ticket.then((late) => admitted(user, unsafe, late));
    } else if (each.kind === 'answer') {
      const one = [...underWay][each.which % Math.max(1, underWay.size)];
      if (one) {
        underWay.delete(one);
        one.ticket.leave();
      }
    } else if (each.kind === 'decide' && !hold) {
      const { goal, to } = each;
      const buckets = flow.misplaced(goal, to);
      // First they come home, then they leave.
      if (buckets.length === 0 || (to === 'service' && flow.misplaced(goal, 'monolith').length > 0)) continue;
      const met = new Map<Assignment, Assignment>();
      const planned = new Map<number, Assignment>();
      for (const bucket of buckets) {
        const now = flow.assignment(bucket);
        if (!met.has(now)) met.set(now, to === 'service' ? goal : meet(now, goal));
        planned.set(bucket, met.get(now) ?? now);
      }
      next = (bucket) => planned.get(bucket) ?? flow.assignment(bucket);
      hold = flow.hold({ buckets, next, maxRequests: 1000, onOverflow: () => {} });
      fenced = new Set();
    } else if (each.kind === 'fence' && hold) {
      const ready = new Set(hold.takeDrained());
      for (const { user, unsafe } of underWay) {
        if (ready.has(user.bucket) && leaves(user)) broken.push(`${user.key} is moved while his ${unsafe ? 'write' : 'read'} is under way`);
      }
      for (const bucket of ready) fenced.add(bucket);
    } else if (each.kind === 'settle' && hold) {
      hold.settle([...fenced]);
      fenced = new Set();
      if (hold.size === 0) hold = null;
      await Promise.resolve();
    } else if (each.kind === 'give up' && hold) {
      hold.settleRest();
      hold = null;
      fenced = new Set();
      await Promise.resolve();
    }
  }
  return broken;
}

it('whatever is decided, and whoever asks meanwhile, nobody is moved with a request under way that came before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      expect(await play(new BucketFlow(), steps)).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

it('finds it out if the flow forgets who is under way, or lets the moving ones through', async () => {
  class Forgetful extends BucketFlow {
    override busy(): boolean {
      return false;
    }
  }
  class Leaky extends BucketFlow {
    override admit(user: Subject, unsafe: boolean): Ticket {
      return new Ticket(this, { home: this.assignment(user.bucket).side(user), bucket: user.bucket, unsafe });
    }
  }
  for (const Broken of [Forgetful, Leaky]) {
    const found = fc.check(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => (await play(new Broken(), steps)).length === 0),
      // Found after a hundred on average; it ends with the one that finds it.
      { numRuns: 5000, endOnFailure: true },
    );
    expect((await found).failed, Broken.name).toBe(true);
  }
});
