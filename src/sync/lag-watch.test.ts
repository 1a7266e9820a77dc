import { describe, expect, it } from 'vitest';
import { CALM, nextAlarm } from './alarm.ts';
import { LagWatch } from './lag-watch.ts';

describe('an alarm', () => {
  const bounds = { above: 100, below: 50, calmMs: 1000 };
  /** What it says of values that come one each 400 milliseconds. */
  const told = (values: readonly number[]): string => {
    let state = CALM;
    return values
      .map((value, i) => {
        const next = nextAlarm(state, { value, at: i * 400 }, bounds);
        state = next.state;
        return `${next.change ?? ''}${state.raised ? '!' : '.'}`;
      })
      .join(' ');
  };

  it('is raised at once above its bound, not at it', () => {
    expect(told([0, 100, 101])).toBe('. . raised!');
  });

  it('does not flap about its bound', () => {
    expect(told([101, 99, 101, 99, 60, 101])).toBe('raised! ! ! ! ! !');
  });

  it('is over after a time of calm without a break', () => {
    expect(told([101, 50, 50, 50, 50])).toBe('raised! ! ! ! over.');
    expect(told([101, 50, 50, 51, 50, 50, 50, 50, 101])).toBe('raised! ! ! ! ! ! ! over. raised!');
  });
});

describe('the watch over a stream', () => {
  const watch = (): LagWatch => new LagWatch({ toleranceMs: 10_000, heartbeatMs: 1000 });

  it('tells of lag above the tolerance, and when it is over', () => {
    const lag = watch();
    expect(lag.look({ lagMs: 10_000, applied: 1n, at: 0 })).toEqual({ lagMs: 10_000, behind: false, change: undefined });
    expect(lag.look({ lagMs: 10_001, applied: 2n, at: 1000 })).toEqual({ lagMs: 10_001, behind: true, change: 'raised' });
    expect(lag.look({ lagMs: 20, applied: 3n, at: 2000 })).toMatchObject({ behind: true, change: undefined });
    expect(lag.look({ lagMs: 20, applied: 4n, at: 6999 })).toMatchObject({ behind: true });
    expect(lag.look({ lagMs: 20, applied: 5n, at: 7000 })).toMatchObject({ behind: false, change: 'over' });
  });

  it('takes a checkpoint that stands still for lag, not one that is a little late', () => {
    const lag = watch();
    lag.look({ lagMs: 5, applied: 1n, at: 0 });
    expect(lag.look({ lagMs: 5, applied: 1n, at: 3000 }).lagMs).toBe(5);
    expect(lag.look({ lagMs: 5, applied: 1n, at: 3001 }).lagMs).toBe(3001);
    expect(lag.look({ lagMs: 5, applied: 1n, at: 10_001 })).toEqual({ lagMs: 10_001, behind: true, change: 'raised' });
    expect(lag.look({ lagMs: 5, applied: 2n, at: 11_000 }).lagMs).toBe(5);
  });
});
