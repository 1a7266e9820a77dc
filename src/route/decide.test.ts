import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BucketFlow } from './bucket-flow.ts';
import { bucketOf, bucketsOf, BUCKETS, decide, homeOf, isPercent } from './decide.ts';
import { percentage } from './decision/compiled-decision.ts';
import { gradualSteps } from './gradual.ts';
import { xxh32, xxh32Bytes, xxh32Modulo } from './xxh32.ts';

const percent = fc.integer({ min: 0, max: BUCKETS }).map((hundredths) => hundredths / 100);

describe('xxh32', () => {
  it('agrees with published vectors', () => {
    expect(xxh32('')).toBe(0x02cc5d05);
    expect(xxh32('a')).toBe(0x550d7456);
    expect(xxh32('abc')).toBe(0x32d153ff);
    expect(xxh32('Nobody inspects the spammish repetition')).toBe(0xe2293b2f);
    expect(xxh32('', 0x9e3779b1)).toBe(0x36b78ae7);
  });

  it('hashes the UTF-8 bytes, however long the text is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 900 }), fc.integer({ min: 0, max: 2 ** 31 }), (text, seed) => {
        const bytes = Buffer.from(text, 'utf8');
        expect(xxh32(text, seed)).toBe(xxh32Bytes(bytes, bytes.length, seed));
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 80 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }), (text, seed) => {
        const bytes = Buffer.from(text, 'utf8');
        expect(xxh32(text, seed)).toBe(xxh32Bytes(bytes, bytes.length, seed));
        expect(xxh32Modulo(text, seed, BUCKETS)).toBe(xxh32(text, seed) % BUCKETS);
      }),
      { numRuns: 500 },
    );
  });
});

describe('decide', () => {
  it('never moves a user back when the percentage is raised', () => {
    fc.assert(
      fc.property(fc.string(), percent, percent, (key, a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        if (decide(key, low) === 'service') expect(decide(key, high)).toBe('service');
      }),
      { numRuns: 2000 },
    );
  });

  it('serves nobody from the service at 0 and everybody at 100', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        expect(decide(key, 0)).toBe('monolith');
        expect(decide(key, 100)).toBe('service');
      }),
    );
  });

  it('spreads keys evenly', () => {
    const keys = Array.from({ length: 20_000 }, (_, n) => `user-${n}`);
    for (const share of [1, 10, 50]) {
      const served = keys.filter((key) => decide(key, share) === 'service').length / keys.length;
      expect(Math.abs(served * 100 - share)).toBeLessThan(1.5);
    }
  });

  it('has exactly as many buckets as hundredths', () => {
    for (const share of [0, 0.01, 0.29, 12.34, 33.33, 99.99, 100]) {
      let served = 0;
      for (let bucket = 0; bucket < BUCKETS; bucket++) if (homeOf(bucket, share) === 'service') served++;
      expect(served).toBe(Math.round(share * 100));
      expect(bucketsOf(share)).toBe(served);
    }
    expect(bucketOf('x')).toBeLessThan(BUCKETS);
  });

  it('agrees with the vectors of docs/routing-decision.md', () => {
    const vectors: readonly (readonly [string, number])[] = [
      ['42', 1723], ['anna', 5873], ['user-1', 8957], ['f3a1b2c4d5e60718293a4b5c6d7e8f90', 3344], ['Zoë', 4128], ['198.51.100.0/24', 7018],
    ];
    for (const [key, bucket] of vectors) expect(bucketOf(key)).toBe(bucket);
  });

  it('knows a percentage when it sees one', () => {
    for (const good of [0, 0.01, 0.29, 57.14, 100]) expect(isPercent(good)).toBe(true);
    for (const bad of [-1, 100.01, 0.001, NaN, Infinity]) expect(isPercent(bad)).toBe(false);
  });
});

describe('the flow of buckets', () => {
  it('agrees with the pure decision after any sequence of percentages', () => {
    fc.assert(
      fc.property(fc.array(percent, { minLength: 1, maxLength: 8 }), fc.string(), (percentages, key) => {
        const flow = new BucketFlow();
        for (const next of percentages) {
          const goal = percentage(next);
          for (const to of ['monolith', 'service'] as const) {
            const buckets = flow.misplaced(goal, to);
            if (buckets.length === 0) continue;
            const hold = flow.hold({ buckets, next: () => goal, maxRequests: 1, onOverflow: () => {} });
            for (const bucket of hold.takeDrained()) hold.settle([bucket]);
          }
          flow.adopt(goal);
          expect(flow.percent).toBe(next);
          expect(flow.home(bucketOf(key))).toBe(decide(key, next));
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('a gradual shift', () => {
  it('goes up and down in steps and ends exactly', () => {
    expect(gradualSteps({ from: 0, to: 25, stepPercent: 10 })).toEqual([10, 20, 25]);
    expect(gradualSteps({ from: 25, to: 0, stepPercent: 10 })).toEqual([15, 5, 0]);
    expect(gradualSteps({ from: 5, to: 5, stepPercent: 10 })).toEqual([5]);
    expect(gradualSteps({ from: 0, to: 0.03, stepPercent: 0 })).toEqual([0.01, 0.02, 0.03]);
  });
});
