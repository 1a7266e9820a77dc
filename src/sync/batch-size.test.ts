import { describe, expect, it } from 'vitest';
import { BatchSize } from './batch-size.ts';

/** Batches as a stream with a backlog makes them: as large as they may be, each row held for so long. */
function run(size: BatchSize, batches: number, msPerRow: number): number[] {
  return Array.from({ length: batches }, () => {
    const { rows } = size;
    size.wrote({ rows, heldMs: rows * msPerRow });
    return rows;
  });
}

describe('how many rows a batch takes', () => {
  it('is soon all it may be where rows are written quickly', () => {
    expect(run(new BatchSize({ most: 2000 }), 5, 0.02)).toEqual([250, 500, 1000, 2000, 2000]);
  });

  it('never holds rows for long once that was seen, and goes on', () => {
    const sizes = run(new BatchSize({ most: 2000 }), 200, 5);
    expect(Math.max(...sizes.slice(1)) * 5).toBeLessThanOrEqual(400);
    expect(Math.min(...sizes)).toBeGreaterThan(20);
  });

  it('is halved by a deadlock, down to one row, and grows again while there is none', () => {
    const size = new BatchSize({ most: 2000 });
    for (let i = 0; i < 20; i++) size.contended(size.rows);
    expect(size.rows).toBe(1);
    expect(run(size, 60, 0.02).at(-1)).toBe(2000);
  });

  it('is not raised by batches that were not full, nor lowered below one row by a single large one', () => {
    const size = new BatchSize({ most: 2000 });
    for (let i = 0; i < 20; i++) size.wrote({ rows: 3, heldMs: 1 });
    expect(size.rows).toBe(250);
    size.wrote({ rows: 15_000, heldMs: 1_000_000 });
    expect(size.rows).toBe(1);
  });

  it('never exceeds what is configured', () => {
    expect(run(new BatchSize({ most: 10 }), 4, 0)).toEqual([10, 10, 10, 10]);
  });
});
