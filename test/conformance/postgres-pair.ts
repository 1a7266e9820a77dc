import { systemClock } from '../../src/core/clock.ts';
import { PostgresApplier } from '../../src/postgres/apply/applier.ts';
import { placeMark } from '../../src/postgres/fence.ts';
import { TriggerChangeSource } from '../../src/postgres/trigger/change-source.ts';
import { WalChangeSource } from '../../src/postgres/wal/change-source.ts';
import { testDatabase } from '../support/postgres.ts';
import { setUp } from '../support/sync-engine.ts';
import type { ConformancePair, PairOptions } from './pair.ts';

const SERVICE = 'shop';

/** Two databases of the run's server, joined both ways, of which the suite drives the parts. */
export async function postgresPair({ schema, tables }: PairOptions): Promise<ConformancePair> {
  const source = await testDatabase({ schema, max: 12 });
  const target = await testDatabase({ schema: withoutRows(schema), max: 12 });
  const { names } = await setUp({ monolith: source, service: target }, { service: SERVICE, tables });
  const forward = names.get('monolith-to-service')!;
  const backward = names.get('service-to-monolith')!;
  return {
    source, target, tables,
    open: () => new WalChangeSource({
      url: source.url, slot: forward.slot, publication: forward.publication, replayOrigin: backward.origin, clock: systemClock, statusEveryMs: 1,
    }),
    applier: () => new PostgresApplier({ url: target.url, service: SERVICE, names: forward }),
    backApplier: () => new PostgresApplier({ url: source.url, service: SERVICE, names: backward }),
    echoOrigin: backward.origin,
    mark: () => placeMark(source.pool, SERVICE),
  };
}

/** The target gets its rows from the source. */
function withoutRows(schema: string): string {
  return schema.replace(/;\s*INSERT INTO [^;]*/g, '');
}

/** The same with triggers instead of the log, and no replication origin. */
export async function triggerPair({ schema, tables }: PairOptions): Promise<ConformancePair> {
  const source = await testDatabase({ schema, max: 12 });
  const target = await testDatabase({ schema: withoutRows(schema), max: 12 });
  const capture = { monolith: 'trigger', service: 'trigger' } as const;
  const { names } = await setUp({ monolith: source, service: target }, { service: SERVICE, tables, capture });
  const forward = names.get('monolith-to-service')!;
  const backward = names.get('service-to-monolith')!;
  return {
    source, target, tables,
    open: () => new TriggerChangeSource({ url: source.url, service: SERVICE, clock: systemClock, replay: backward }),
    applier: () => new PostgresApplier({ url: target.url, service: SERVICE, names: forward, marking: 'setting' }),
    backApplier: () => new PostgresApplier({ url: source.url, service: SERVICE, names: backward, marking: 'setting' }),
    echoOrigin: backward.origin,
    mark: () => placeMark(source.pool, SERVICE),
  };
}
