import { describe, expect, it } from 'vitest';
import { rowsPerLeaf } from './compare-ranges.ts';

describe('rowsPerLeaf', () => {
  it('makes leaves the smaller, the more rows differ', () => {
    expect([0, 0.000_001, 0.0001, 0.001, 0.002].map(rowsPerLeaf)).toEqual([256, 256, 112, 35, 32]);
  });
});
