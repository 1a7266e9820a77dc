import type pg from 'pg';
import type { Config } from '../config/config.ts';
import { directionFrom, otherSide, sourceSide, type Direction } from '../model/side.ts';
import { streamName, streamNames } from '../postgres/banyan-schema.ts';
import { databaseOid } from '../postgres/slot.ts';
import { isStreamSlot, readSlots, type SlotReading } from '../postgres/slot-watch.ts';
import { directionsOf } from '../sync/service-sync.ts';
import type { UnusedSlot } from './application.ts';
import { all } from './read-rows.ts';

/** The slots of every configured stream that has one, by the stream's name, and those that no stream uses. */
export interface SlotReport {
  readonly streams: ReadonlyMap<string, SlotReading>;
  readonly unused: readonly UnusedSlot[];
}

/** Asks every database of the configuration for its slots. */
export async function readSlotReport(config: Config, pool: (url: string) => pg.Pool): Promise<SlotReport> {
  const databases = new Map<string, { readonly where: string; readonly oid: string; readonly slots: readonly SlotReading[] }>();
  const database = async (url: string, where: string) => {
    const known = databases.get(url) ?? { where, oid: await databaseOid(pool(url)), slots: await readSlots(pool(url)) };
    databases.set(url, known);
    return known;
  };
  const streams = new Map<string, SlotReading>();
  const excluded = new Map<string, { readonly service: string; readonly direction: Direction }>();
  const used = new Set<string>();
  await database(config.monolith.url, 'the monolith');
  for (const service of config.services.values()) {
    const ends = { monolith: await database(config.monolith.url, 'the monolith'), service: await database(service.url, `${service.name}'s database`) };
    for (const direction of directionsOf('bidirectional')) {
      const from = sourceSide(direction);
      const { slot } = streamNames({
        service: service.name, direction, sourceDatabase: ends[from].oid, targetDatabase: ends[otherSide(from)].oid, prefix: config.sync.slotPrefix,
      });
      if (config.sync.capture === 'trigger' || (!directionsOf(config.sync.mode).includes(direction) && !(await isCopying(pool(service.url), streamName(service.name, direction))))) {
        excluded.set(slot, { service: service.name, direction });
        continue;
      }
      used.add(slot);
      const reading = ends[from].slots.find(({ name }) => name === slot);
      if (reading) streams.set(streamName(service.name, direction), reading);
    }
  }
  const unused = [...databases.values()].flatMap(({ where, slots }) =>
    slots
      .filter(({ name }) => isStreamSlot(name, config.sync.slotPrefix) && !used.has(name))
      .map((reading): UnusedSlot => ({ database: where, ...slotOf(reading), ...farewell(reading.name, where, { stream: excluded.get(reading.name), capture: config.sync.capture }) })),
  );
  return { streams, unused };
}

/** The slot of a stream that the mode leaves out is in use until the first copy, which it keeps the log for, is done. */
async function isCopying(target: pg.Pool, stream: string): Promise<boolean> {
  const found = await all<{ state: string }>(target, 'SELECT state FROM banyan.stream WHERE name = $1', [stream]);
  return found[0]?.state === 'copying';
}

export function slotOf({ name, active, retainedBytes, safeBytes, walStatus }: SlotReading): SlotReading {
  return { name, active, retainedBytes, safeBytes, walStatus };
}

/** Why a slot is of no use, how it is dropped, and what is gone with it. */
function farewell(slot: string, where: string, { stream, capture }: {
  readonly stream: { readonly service: string; readonly direction: Direction } | undefined;
  readonly capture: string | undefined;
}): Pick<UnusedSlot, 'reason' | 'statements' | 'consequence'> {
  const drop = { on: where, sql: `SELECT pg_drop_replication_slot('${slot}');` };
  if (!stream) {
    return {
      reason: 'no configured service has this name',
      statements: [drop],
      consequence: 'If the service is configured again, it has to be copied anew.',
    };
  }
  const reason = capture === 'trigger' ? 'with sync.capture: trigger nothing is read from a slot' : `sync.mode leaves out ${stream.direction} of ${stream.service}`;
  if (stream.direction === directionFrom('monolith')) {
    return { reason, statements: [drop], consequence: 'Before the monolith is followed again, the service has to be copied anew.' };
  }
  return {
    reason,
    statements: [drop, { on: 'the monolith', sql: `DELETE FROM banyan.stream WHERE name = '${streamName(stream.service, stream.direction).replaceAll("'", "''")}';` }],
    consequence: "The way back is closed: what the service writes from now on never reaches the monolith, also if both directions are configured again later.",
  };
}
