import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { RouteSignalReader } from '../ports/route-signals.ts';
import type { ServiceRoute } from './service-route.ts';

/** What is older than so many readings is not known any more. */
const STALE_READINGS = 5;

/**
 * Reads, for every route, what its rules look at beside requests, until the signal is aborted. A value that can't
 * be read any more is forgotten: no rule fires on it, and no gradual step is taken without it.
 */
export async function watchSignals(options: {
  /** Read anew each time: routes may be added. */
  readonly routes: readonly ServiceRoute[];
  readonly reader: RouteSignalReader;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { routes, reader, everyMs, clock, logger, signal } = options;
  const readAt = new Map<string, number>();
  while (!signal.aborted) {
    for (const route of routes) {
      try {
        route.signals = await reader.read(route.service, signal);
        readAt.set(route.service, clock.monotonic());
      } catch (error) {
        if (signal.aborted) break;
        logger.debug('what triggers look at could not be read', { service: route.service, reason: messageOf(error) });
        if (clock.monotonic() - (readAt.get(route.service) ?? -Infinity) > STALE_READINGS * everyMs) route.signals = {};
      }
    }
    await clock.sleep(everyMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
