import { systemClock } from '../../core/clock.ts';
import { BanyanFlagProvider } from '../../route/flags/flag-provider.ts';
import { PostgresRouteStore } from '../../state/route-store.ts';
import { databaseOf, type DatabaseLike } from './database.ts';

/**
 * A provider for OpenFeature's server SDK that answers as the routers do:
 * `await OpenFeature.setProviderAndWait(flagProvider(process.env.STATE_URL))`.
 * @param state Banyan's state database (`state.url`; the monolith's unless the configuration says otherwise), to be
 * read only. Given as a URL its connections are closed with the provider.
 */
export function flagProvider(state: DatabaseLike): BanyanFlagProvider {
  const database = databaseOf(state);
  return new BanyanFlagProvider({
    store: new PostgresRouteStore({ pool: database.pool, clock: systemClock }),
    ...(typeof state === 'string' ? { close: () => database.close() } : {}),
  });
}
