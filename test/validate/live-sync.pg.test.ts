import { expect, it } from 'vitest';
import { describePostgres } from '../support/postgres.ts';
import { syncPair } from '../support/sync-pair.ts';
import { LIVE_SCHEMA, liveRows, validateLive } from './live-writers.ts';

const KEYS = 3000;

describePostgres('validation while both sides are written and synchronised', () => {
  // `npm run soak:validate-live` is the same for longer, at 5,000 rows a second.
  it('raises no false alarm, and finds a corruption within one round', async () => {
    const pair = await syncPair({ schema: LIVE_SCHEMA, rows: liveRows(KEYS), tables: ['public.account'] });
    const running = pair.run();
    try {
      const result = await validateLive({ ends: pair.ends, running, keys: KEYS, rate: 1000, seconds: 3, seed: 1 });
      expect(result.falseAlarms).toEqual([]);
      expect(result.afterPlanting).toMatchObject({ counts: { missing: 0, extra: 0, different: 1 } });
      expect(result.inFlight, 'rows were in flight').toBeGreaterThan(0);
    } finally {
      await running.stop();
    }
  });
});
