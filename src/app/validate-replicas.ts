import type pg from 'pg';
import type { ServiceConfig } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { redactUrl } from '../core/redact.ts';
import type { Side } from '../model/side.ts';
import { namingRecoveryConflict, PostgresReplica } from '../postgres/replica.ts';
import type { Session } from './session.ts';

type Pools = Readonly<Record<Side, pg.Pool>>;

/** Where a validation reads each side, and the standbys among them. */
export interface ReadingPlaces {
  readonly pools: Pools;
  readonly replicas: readonly PostgresReplica[];
}

/** Where `validate.readFrom` wants a service and the monolith to be read. @throws BANYAN_VALIDATE_REPLICA */
export function readingPlaces(session: Session, service: ServiceConfig): Promise<ReadingPlaces> {
  const { monolith, services } = session.config.validate.readFrom;
  return openReplicas({
    primaries: session.pools(service), clock: session.context.clock, pool: (url) => session.pool(url),
    urls: { monolith, service: services[service.name] }, names: { monolith: 'the monolith', service: service.name },
  });
}

/** @throws BANYAN_VALIDATE_REPLICA */
export async function openReplicas(options: {
  readonly primaries: Pools;
  /** Undefined: that side is read at its primary. */
  readonly urls: Readonly<Record<Side, string | undefined>>;
  readonly names: Readonly<Record<Side, string>>;
  readonly pool: (url: string) => pg.Pool;
  readonly clock: Clock;
}): Promise<ReadingPlaces> {
  const { primaries, urls, names, pool, clock } = options;
  const pools = { ...primaries };
  const replicas: PostgresReplica[] = [];
  for (const side of ['monolith', 'service'] as const) {
    const url = urls[side];
    if (url === undefined) continue;
    pools[side] = pool(url);
    replicas.push(await PostgresReplica.open({ pool: pools[side], primary: primaries[side], clock, name: `The replica of ${names[side]} (${redactUrl(url)})` }));
  }
  return { pools, replicas };
}

/** Gives what a standby cut off its name. @throws BANYAN_VALIDATE_REPLICA */
export async function atReplicas<T>(replicas: readonly PostgresReplica[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw replicas.length === 0 ? error : namingRecoveryConflict(error, replicas);
  }
}
