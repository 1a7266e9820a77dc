import { withAbortOf } from '../core/abort-any.ts';
import type pg from 'pg';
import { messageOf } from '../core/errors.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import { placeMark } from '../postgres/fence.ts';
import type { Throttle } from '../core/throttle.ts';

/**
 * Measures how busy the monolith is by what a small commit takes there (a heartbeat's mark), once each
 * `everyMs` until aborted. One that has not come back yet counts with the time it has taken so far.
 */
export async function watchMonolith(options: {
  readonly pool: pg.Pool;
  readonly service: string;
  readonly throttle: Throttle;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { pool, service, throttle, everyMs, clock, metrics, logger, signal } = options;
  const note = (tookMs: number): void => {
    const change = throttle.add(tookMs);
    const medianMs = throttle.medianMs ?? 0;
    metrics.gauge('banyan_sync_monolith_commit_seconds', medianMs / 1000, { service });
    metrics.gauge('banyan_sync_throttle_share', throttle.share, { service });
    if (change === 'begun') logger.warn('the monolith is busy: writing to it more slowly', { service, commitMs: Math.round(medianMs) });
    if (change === 'over') logger.info('the monolith is no longer busy: writing to it at full speed', { service, commitMs: Math.round(medianMs) });
  };
  while (!signal.aborted) {
    const began = clock.monotonic();
    let pending = true;
    const mark = placeMark(pool, service)
      .catch((error: unknown) => logger.debug('the monolith could not be measured', { service, reason: messageOf(error) }))
      .finally(() => (pending = false));
    for (;;) {
      const tick = new AbortController();
      await Promise.race([mark, withAbortOf([signal, tick.signal], (either) => clock.sleep(everyMs, either)).catch(() => {})]);
      tick.abort();
      if (signal.aborted) return;
      const tookMs = clock.monotonic() - began;
      if (!pending || throttle.isSlow(tookMs)) note(tookMs);
      if (!pending) break;
    }
    await clock.sleep(Math.max(0, everyMs - (clock.monotonic() - began)), signal).catch(() => {});
  }
}
