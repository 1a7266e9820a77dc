import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import type { ServerLoad } from '../../src/ports/load-probe.ts';
import { Pace, type PaceOptions } from '../../src/validate/pace.ts';
import { ConsistencyValidator } from '../../src/validate/validator.ts';
import { instantClock } from './instant-clock.ts';
import { MemoryChecksummer } from './memory-checksummer.ts';

/** A pace, and how long it rests after each work of `tookMs`. */
function paced(options: PaceOptions) {
  const clock = instantClock();
  const pace = new Pace(options, { clock, logger: silentLogger });
  const rests = async (count: number, tookMs: number): Promise<number[]> => {
    const found: number[] = [];
    for (let i = 0; i < count; i++) {
      const before = clock.monotonic();
      await pace.rest(tookMs);
      found.push(Math.round(clock.monotonic() - before));
    }
    return found;
  };
  return { pace, rests };
}

describe('Pace', () => {
  it('rests in proportion to the work, and not for long', async () => {
    expect(await paced({ share: 0.25 }).rests(2, 100)).toEqual([300, 300]);
    expect(await paced({ share: 0.01 }).rests(1, 1000)).toEqual([10_000]);
    expect(await paced({}).rests(1, 100)).toEqual([0]);
  });

  it('aims below the time that a statement may take', () => {
    const { pace } = paced({ statementMs: 100 });
    expect(pace.rowsAfter(10_000, 200)).toBeCloseTo(3500);
    expect(pace.rowsAfter(0, 200)).toBe(Infinity);
    expect(pace.rowsAfter(1, 1e9)).toBe(1000);
    expect(paced({}).pace.rowsAfter(1000, 200)).toBe(Infinity);
  });

  it('backs off while any server is busy in any way, and comes back', async () => {
    const loads: ServerLoad[] = [{ activeSessions: 3, replicationLagMs: 0 }, { activeSessions: 0, replicationLagMs: 10 }];
    const probes = loads.map((_, i) => ({ read: () => Promise.resolve(loads[i] ?? { activeSessions: 0, replicationLagMs: 0 }) }));
    const { rests } = paced({ load: { probes, activeSessions: 5, replicationLagMs: 1000 } });
    expect(await rests(6, 10)).toEqual([0, 0, 0, 0, 0, 0]);
    loads[1] = { activeSessions: 0, replicationLagMs: 1500 };
    // Three of the five latest measures make the median.
    expect(await rests(5, 10)).toEqual([0, 0, 10, 30, 70]);
    loads[1] = { activeSessions: 6, replicationLagMs: 0 };
    expect((await rests(3, 10)).at(-1)).toBe(190);
    loads[1] = { activeSessions: 5, replicationLagMs: 1000 };
    expect((await rests(15, 10)).at(-1)).toBe(0);
  });

  it('makes ranges of a table that would be scanned as a whole, and rests after each', async () => {
    const clock = instantClock();
    const sides = [0, 1].map(() => new MemoryChecksummer({ table: 't', columns: ['id', 'v'] })) as [MemoryChecksummer, MemoryChecksummer];
    for (let key = 0; key < 300; key++) for (const side of sides) side.put(String(key), 'v');
    sides[1].put('299', 'other');
    let reads = 0;
    sides[0].beforeRead = () => {
      reads++;
      return clock.sleep(100);
    };
    const run = async (options: { readonly pace?: PaceOptions }) => {
      const [began, readBefore] = [clock.monotonic(), reads];
      const validator = new ConsistencyValidator({ checksummer: sides[0] }, { checksummer: sides[1] }, { clock, ...options });
      const [table] = (await validator.validate({ tables: ['t'], rangeRows: 50 })).tables;
      expect(table).toMatchObject({ source: 300, different: [{ key: '299' }] });
      return { reads: reads - readBefore, ms: clock.monotonic() - began };
    };
    const [fast, slow] = [await run({}), await run({ pace: { share: 0.25 } })];
    expect(slow.reads).toBe(fast.reads);
    expect(slow.ms).toBeGreaterThan(2 * fast.ms);
  });

  it('minds only what has a limit', async () => {
    const probe = { read: () => Promise.resolve({ activeSessions: 1000, replicationLagMs: 1 }) };
    expect(await paced({ load: { probes: [probe], replicationLagMs: 1000 } }).rests(8, 10)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });
});
