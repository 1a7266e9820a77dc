import type pg from 'pg';
import type { ServiceConfig } from '../config/config.ts';
import { directionFrom, otherSide, sourceSide, type Side } from '../model/side.ts';
import { streamNames } from '../postgres/banyan-schema.ts';
import { repairOrigin } from '../postgres/origins.ts';
import { PostgresRowRepairer } from '../postgres/repair/row-repairer.ts';
import type { FenceOptions } from '../validate/barrier.ts';
import type { ReconciledTable } from '../validate/reconcile/reconciled-table.ts';
import { keyTextOf, StreamWay } from '../validate/reconcile/stream-way.ts';
import type { RepairWay } from '../validate/reconcile/way.ts';
import { all, first } from './read-rows.ts';
import type { Session } from './session.ts';
import { readStreams } from './sync-status.ts';

/** How the two databases of a service are connected, as far as repairs go. */
export interface Connection {
  /** How repairs are written beside running streams; absent: no stream connects the two, or nothing may be written. */
  readonly way?: RepairWay;
  /** Of one-way streams, the side that they read. */
  readonly closed?: Side;
  /** Why nothing may be written. */
  readonly refusal?: string;
}

/** Streams have to run, for what is on its way can be waited for only then; and to read the WAL, where a repair can be marked. */
export async function connection(session: Session, service: ServiceConfig, fence: FenceOptions | undefined): Promise<Connection> {
  const streams = (await readStreams(session)).filter((stream) => stream.service === service.name);
  const idle = streams.filter(({ state }) => state !== 'running');
  if (streams.every(({ state }) => state === 'absent')) return {};
  if (idle.length > 0 || !fence) return { refusal: `not all of them run: ${idle.map(({ direction, state }) => `${direction} is ${state}`).join(', ')}` };
  const pools = session.pools(service);
  if (await isCapturedByTriggers(pools, service.name)) return { refusal: 'their changes are captured by triggers, which tell a repair from a write of a user\'s by nothing' };
  const { mode, slotPrefix } = session.config.sync;
  const oids = { monolith: await databaseOid(pools.monolith), service: await databaseOid(pools.service) };
  const repairer = (side: Side): PostgresRowRepairer => {
    const from = otherSide(side);
    const names = streamNames({ service: service.name, direction: directionFrom(from), sourceDatabase: oids[from], targetDatabase: oids[side], prefix: slotPrefix });
    return new PostgresRowRepairer({ pool: pools[side], origin: repairOrigin(names.origin) });
  };
  return {
    ...(mode === 'bidirectional' ? {} : { closed: sourceSide(mode) }),
    way: new StreamWay({
      repairers: { monolith: repairer('monolith'), service: repairer('service') }, fence, signal: session.context.signal,
      held: (table) => heldKeys(pools, service.name, table),
    }),
  };
}

async function isCapturedByTriggers(pools: Readonly<Record<Side, pg.Pool>>, service: string): Promise<boolean> {
  for (const pool of [pools.monolith, pools.service]) if (await first(pool, 'SELECT service FROM banyan.capture WHERE service = $1', [service])) return true;
  return false;
}

async function databaseOid(pool: pg.Pool): Promise<string> {
  return (await first<{ oid: string }>(pool, 'SELECT oid FROM pg_database WHERE datname = current_database()', []))?.oid ?? '';
}

/** Of rows of which a change is in quarantine, on either side. Keys are the same text on both, whatever their columns are called. */
async function heldKeys(pools: Readonly<Record<Side, pg.Pool>>, service: string, { names }: ReconciledTable): Promise<ReadonlySet<string>> {
  const held = new Set<string>();
  for (const pool of [pools.monolith, pools.service]) {
    const found = await all<{ key: string }>(
      pool, "SELECT key FROM banyan.quarantine WHERE service = $1 AND state = 'held' AND table_name IN ($2, $3)", [service, names.monolith, names.service],
    );
    for (const { key } of found) held.add(keyTextOf(Object.values(JSON.parse(key) as Readonly<Record<string, string>>)));
  }
  return held;
}
