import { systemClock } from '../../src/core/clock.ts';
import { PostgresApplier } from '../../src/postgres/apply/applier.ts';
import { placeMark } from '../../src/postgres/fence.ts';
import { TriggerChangeSource } from '../../src/postgres/trigger/change-source.ts';
import { WalChangeSource } from '../../src/postgres/wal/change-source.ts';
import { testDatabase } from '../support/postgres.ts';
import { setUp } from '../support/sync-engine.ts';
import { isSpooled, type Change, type Transaction } from '../../src/model/change.ts';
import type { ChangeSource } from '../../src/ports/change-source.ts';
import { inParts } from '../../src/sync/reading.ts';
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
export async function triggerPair({ schema, tables }: PairOptions, { paged = false } = {}): Promise<ConformancePair> {
  const source = await testDatabase({ schema, max: 12 });
  const target = await testDatabase({ schema: withoutRows(schema), max: 12 });
  const capture = { monolith: 'trigger', service: 'trigger' } as const;
  const { names } = await setUp({ monolith: source, service: target }, { service: SERVICE, tables, capture });
  const forward = names.get('monolith-to-service')!;
  const backward = names.get('service-to-monolith')!;
  return {
    source, target, tables,
    open: () => {
      const options = { url: source.url, service: SERVICE, clock: systemClock, replay: backward };
      return paged ? whole(new TriggerChangeSource({ ...options, memory: NOTHING })) : new TriggerChangeSource(options);
    },
    applier: () => new PostgresApplier({ url: target.url, service: SERVICE, names: forward, marking: 'setting' }),
    backApplier: () => new PostgresApplier({ url: source.url, service: SERVICE, names: backward, marking: 'setting' }),
    echoOrigin: backward.origin,
    mark: () => placeMark(source.pool, SERVICE),
  };
}

/** Every unit is too large, and read a few rows at a time. */
const NOTHING = { transaction: { rows: 0, bytes: 0 }, part: { rows: 3, bytes: 300 } };

/** Reads what does not stand in memory, twice, since whoever applies it may have to. */
function whole(source: ChangeSource): ChangeSource {
  return {
    acknowledge: (position) => source.acknowledge(position),
    async *stream(options) {
      for await (const event of source.stream(options)) {
        if (event.kind !== 'unit') {
          yield event;
          continue;
        }
        const parts: Transaction[] = [];
        for (const part of event.parts) {
          const [first, second] = [await changesOf(part), await changesOf(part)];
          if (JSON.stringify(first) !== JSON.stringify(second)) throw new Error('it was not the same when it was read again');
          if (isSpooled(part.changes)) await part.changes.discard();
          if (first.length > 0) parts.push({ ...part, changes: first });
        }
        yield { ...event, parts };
      }
    },
  };
}

async function changesOf(part: Transaction): Promise<readonly Change[]> {
  const all: Change[] = [];
  for await (const changes of inParts(part)) all.push(...changes);
  return all;
}
