import type pg from 'pg';
import type { ServiceConfig } from '../config/config.ts';
import { BanyanError } from '../core/errors.ts';
import { formatLsn, parseLsn, type Position } from '../model/position.ts';
import { otherSide, sourceSide, type Direction } from '../model/side.ts';
import { streamName } from '../postgres/banyan-schema.ts';
import { PostgresFence } from '../postgres/fence.ts';
import { directionsOf } from '../sync/service-sync.ts';
import { PostgresResyncStore } from '../state/resync-store.ts';
import type { ResyncJob } from '../ports/resync-store.ts';
import type {
  ConflictRecord, PausedTableStatus, ResyncStatus, StreamStatus, SyncConflictsOptions, SyncConflictsResult, SyncStatusResult, SyncWaitOptions, SyncWaitResult,
} from './application.ts';
import { all, first, named, RFC3339 } from './read-rows.ts';
import { readSlotReport, slotOf } from './sync-slots.ts';
import type { Session } from './session.ts';

/** What a worker last said of a stream. */
interface StoredCounts {
  /** Its id. */
  readonly worker: string;
  readonly clockSkew?: { readonly skewMs: number; readonly uncertaintyMs: number };
  readonly received: string;
  readonly lagMs: number;
  readonly behind?: boolean;
  readonly transactions: number;
  readonly rows: number;
  readonly conflicts: number;
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly pausedTables?: readonly (Omit<PausedTableStatus, 'since'> & { readonly since: number })[];
  readonly leftColumns?: StreamStatus['leftColumns'];
}

/** The state of every configured stream: its checkpoint from its target, its counts from its worker's last report. */
export async function readStreams(session: Session): Promise<StreamStatus[]> {
  return streamsWith(session, await readLeases(session.statePool));
}

/** `banyan sync status`. */
export async function readStatus(session: Session): Promise<SyncStatusResult> {
  const leases = await readLeases(session.statePool);
  const found = await all<{ id: string; host: string; pid: string; since: string }>(
    session.statePool, `SELECT id, host, pid, ${RFC3339('since')} AS since FROM banyan.worker WHERE expires_at > clock_timestamp() ORDER BY worker.since, id`, [],
  );
  const workers = found.map(({ id, host, pid, since }) => {
    return { worker: `${host}:${pid}`, since, services: [...leases].filter(([, { holder }]) => holder?.id === id).map(([service]) => service) };
  });
  const { streams: slots, unused } = await readSlotReport(session.config, (url) => session.pool(url));
  const streams = (await streamsWith(session, leases)).map((stream) => {
    const slot = slots.get(streamName(stream.service, stream.direction));
    return slot ? { ...stream, slot: slotOf(slot) } : stream;
  });
  return { streams, workers, unusedSlots: unused, resyncs: (await readResyncs(session.statePool)).map(resyncStatus) };
}

/** What is asked for or being done; none before anybody ever asked. */
export async function readResyncs(state: pg.Pool): Promise<readonly ResyncJob[]> {
  const there = await first<{ there: string | null }>(state, "SELECT to_regclass('banyan.resync')::text AS there", []);
  return there?.there ? new PostgresResyncStore({ pool: state }).open() : [];
}

function resyncStatus(job: ResyncJob): ResyncStatus {
  const { service, table, from, state, askedBy, askedAt, compared, expected, found, repaired, held, busy, refused, seconds } = job;
  const rowsPerSecond = job.seconds > 0 ? Math.round(job.compared / job.seconds) : 0;
  const secondsLeft = rowsPerSecond > 0 ? Math.max(0, Math.round((job.expected - job.compared) / rowsPerSecond)) : null;
  return {
    service, table, from, state: state === 'running' ? 'running' : 'asked', askedBy, askedAt,
    compared, expected, found, repaired, held, busy, refused, seconds, rowsPerSecond, secondsLeft,
  };
}

interface Holder {
  readonly id: string;
  /** As host:pid. */
  readonly worker: string;
}

/** Who works on a service, and whether somebody may. */
export interface LeaseState {
  readonly holder?: Holder;
  readonly paused?: { readonly at: string; readonly by: string };
}

/** The lease of each service that has one. */
export async function readLeases(state: pg.Pool): Promise<ReadonlyMap<string, LeaseState>> {
  const found = await all<{ service: string; id: string | null; worker: string | null; paused_at: string | null; paused_by: string | null }>(
    state,
    `SELECT l.service, w.id, w.host || ':' || w.pid AS worker, ${RFC3339('l.paused_at')} AS paused_at, l.paused_by FROM banyan.lease l ` +
      'LEFT JOIN banyan.worker w ON w.id = l.holder AND w.expires_at > clock_timestamp() ORDER BY l.service',
    [],
  );
  return new Map(
    found.map(({ service, id, worker, paused_at: at, paused_by: by }) => [
      service,
      { ...(id === null || worker === null ? {} : { holder: { id, worker } }), ...(at === null ? {} : { paused: { at, by: by ?? '' } }) },
    ]),
  );
}

/**
 * Refuses what would wait for streams that nobody may run.
 * @throws BANYAN_SYNC_PAUSED
 */
export async function refusePaused(session: Session, services: readonly string[]): Promise<void> {
  const leases = await readLeases(session.statePool);
  const name = services.find((each) => leases.get(each)?.paused !== undefined);
  const paused = name === undefined ? undefined : leases.get(name)?.paused;
  if (name === undefined || !paused) return;
  throw new BanyanError('BANYAN_SYNC_PAUSED', { message: `${name} was paused ${paused.by ? `by ${paused.by} ` : ''}at ${paused.at}.` });
}

async function streamsWith(session: Session, leases: ReadonlyMap<string, LeaseState>): Promise<StreamStatus[]> {
  const streams: StreamStatus[] = [];
  for (const service of session.config.services.values()) {
    for (const direction of directionsOf(session.config.sync.mode)) streams.push(await readStream(session, service, { direction, lease: leases.get(service.name) ?? {} }));
  }
  return streams;
}

async function readStream(
  session: Session,
  service: ServiceConfig,
  { direction, lease }: { readonly direction: Direction; readonly lease: LeaseState },
): Promise<StreamStatus> {
  const { holder, paused } = lease;
  const name = streamName(service.name, direction);
  const pools = session.pools(service);
  const from = sourceSide(direction);
  const checkpoint = await first<{ state: string; position: string }>(
    pools[otherSide(from)], 'SELECT state, position FROM banyan.stream WHERE name = $1', [name],
  );
  const report = await readReport(session, name);
  const current = await first<{ lsn: string }>(pools[from], 'SELECT pg_current_wal_lsn() AS lsn', []);
  const applied = checkpoint ? parseLsn(checkpoint.position) : undefined;
  const logged = applied === undefined ? undefined : await first<{ bytes: string }>(pools[from], LOGGED_SQL, [service.name, String(applied)]);
  const held = await first<{ n: string }>(pools[otherSide(from)], "SELECT count(*) AS n FROM banyan.quarantine WHERE stream = $1 AND state = 'held'", [name]);
  const lagMs = report ? report.counts.lagMs + report.ageMs : null;
  return {
    service: service.name, direction,
    state: !checkpoint ? 'absent' : paused ? (holder ? 'pausing' : 'paused') : checkpoint.state === 'copying' ? 'copying' : runningState(holder, report),
    ...(paused ? { pausedAt: paused.at, pausedBy: paused.by } : {}),
    lagMs,
    behind: report?.ageMs === 0 ? (report.counts.behind ?? false) : lagMs !== null && lagMs > session.config.sync.lagToleranceMs,
    lagBytes: applied === undefined ? null : logged !== undefined ? Number(logged.bytes) : current ? bytesBetween(parseLsn(current.lsn), applied) : null,
    received: report?.counts.received ?? null,
    applied: applied === undefined ? null : formatLsn(applied),
    transactions: report?.counts.transactions ?? 0,
    rows: report?.counts.rows ?? 0,
    conflicts: report?.counts.conflicts ?? 0,
    quarantined: Number(held?.n ?? 0),
    pausedTables: (report?.counts.pausedTables ?? []).map(({ since, ...table }) => ({ ...table, since: new Date(since).toISOString() })),
    leftColumns: report?.counts.leftColumns ?? [],
    ...(holder === undefined ? {} : { worker: holder.worker }),
    ...(report ? { latencyMs: report.counts.latencyMs } : {}),
    ...(report?.counts.clockSkew ? { clockSkewMs: report.counts.clockSkew.skewMs, clockSkewUncertaintyMs: report.counts.clockSkew.uncertaintyMs } : {}),
  };
}

const FRESH_MS = 3000;

/** Milliseconds by which the slower direction of a service is behind, as its worker has told; undefined: none has. */
export async function readLagMs(session: Session, service: ServiceConfig): Promise<number | undefined> {
  const reports = await Promise.all(directionsOf(session.config.sync.mode).map((direction) => readReport(session, streamName(service.name, direction))));
  return reports.reduce<number | undefined>((worst, report) => (report && worst !== undefined ? Math.max(worst, report.counts.lagMs + report.ageMs) : undefined), 0);
}

/** What a worker says counts while it holds the lease. */
function runningState(holder: Holder | undefined, report: Awaited<ReturnType<typeof readReport>>): string {
  if (holder === undefined) return 'stopped';
  return report?.counts.worker === holder.id ? report.state : 'starting';
}

/** What triggers have logged behind a position; no row where the WAL is read. */
const LOGGED_SQL = `
SELECT (SELECT coalesce(sum(coalesce(octet_length(l.old_row), 0) + coalesce(octet_length(l.new_row), 0)), 0) FROM banyan.capture_log l
         WHERE l.service = c.service AND NOT pg_visible_in_snapshot(l.xid, b.snapshot)) AS bytes
  FROM banyan.capture c JOIN banyan.capture_batch b ON b.service = c.service AND b.position = $2 WHERE c.service = $1`;

function bytesBetween(current: Position, applied: Position): number {
  return current > applied ? Number(current - applied) : 0;
}

async function readReport(
  session: Session,
  stream: string,
): Promise<{ readonly state: string; readonly counts: StoredCounts; readonly ageMs: number } | undefined> {
  const row = await first<{ state: string; counts: string; age_ms: string }>(
    session.statePool,
    'SELECT state, counts, extract(epoch FROM clock_timestamp() - at) * 1000 AS age_ms FROM banyan.stream_status WHERE name = $1',
    [stream],
  );
  if (!row) return undefined;
  const ageMs = Math.round(Number(row.age_ms));
  // A worker reports each second. Since it stopped, nothing was applied.
  return { state: row.state, counts: JSON.parse(row.counts) as StoredCounts, ageMs: row.state !== 'running' || ageMs > FRESH_MS ? ageMs : 0 };
}

/** `banyan sync wait`: everything committed before the call is on the other side. */
export async function waitForSync(session: Session, options: SyncWaitOptions): Promise<SyncWaitResult> {
  const { clock, signal } = session.context;
  const start = clock.monotonic();
  const absent = (await readStreams(session)).find((stream) => stream.state === 'absent');
  if (absent) {
    throw new BanyanError('BANYAN_STREAM_UNKNOWN', { message: `The stream ${absent.direction} of ${absent.service} was never set up: there is nothing to wait for.` });
  }
  await refusePaused(session, [...session.config.services.keys()]);
  const timeoutMs = options.timeoutSeconds === undefined ? Number.POSITIVE_INFINITY : options.timeoutSeconds * 1000;
  const caughtUp = await passFences(session, [...session.config.services.values()], { signal, timeoutMs: timeoutMs - (clock.monotonic() - start) });
  return { caughtUp, seconds: Math.round(clock.monotonic() - start) / 1000 };
}

/** How long a wait goes on before it is asked whether the service has been paused meanwhile, in milliseconds. */
const LOOK_FOR_PAUSE_MS = 500;

/** Whether, within the time, every stream of the services has applied what its source had committed before the call. @throws BANYAN_SYNC_PAUSED */
export async function passFences(
  session: Session,
  services: readonly ServiceConfig[],
  { signal, timeoutMs = Number.POSITIVE_INFINITY }: { readonly signal: AbortSignal; readonly timeoutMs?: number },
): Promise<boolean> {
  const { clock } = session.context;
  const start = clock.monotonic();
  const fence = new PostgresFence({ clock, pools: (name) => session.pools(session.service(name)) });
  let passed = true;
  for (const { name } of services) {
    for (const direction of directionsOf(session.config.sync.mode)) {
      const side = sourceSide(direction);
      const position = await fence.place({ service: name, side, signal });
      for (;;) {
        const left = Math.max(0, timeoutMs - (clock.monotonic() - start));
        const timeout = Math.min(left, LOOK_FOR_PAUSE_MS);
        const reached = await fence.passed({ service: name, side, position, timeoutMs: timeout, signal });
        if (reached || timeout === left) {
          passed &&= reached;
          break;
        }
        // Nobody would bring it about any more.
        await refusePaused(session, [name]);
      }
    }
  }
  return passed;
}

/** `banyan sync conflicts`: newest first, from both databases (one-way streams keep theirs in the target). */
export async function readConflicts(session: Session, options: SyncConflictsOptions): Promise<SyncConflictsResult> {
  const found: ConflictRecord[] = [];
  for (const pool of everyPool(session)) {
    const rows = await all<ConflictRow>(pool, CONFLICTS_SQL, [String(options.limit), String(options.answers ?? false)]);
    for (const row of rows) {
      found.push({
        id: row.id, at: row.at, service: row.service, table: row.table_name, key: named(row.key) ?? {}, type: row.type,
        monolith: named(row.monolith), service_row: named(row.service_row), monolith_at: row.monolith_at, service_at: row.service_at, winner: row.winner, strategy: row.strategy, reason: row.reason,
      });
    }
  }
  found.sort((a, b) => (a.at < b.at ? 1 : -1));
  return { conflicts: found.slice(0, options.limit) };
}

interface ConflictRow {
  readonly id: string;
  readonly at: string;
  readonly service: string;
  readonly table_name: string;
  readonly key: string;
  readonly type: string;
  readonly monolith: string | null;
  readonly service_row: string | null;
  readonly winner: string;
  readonly strategy: string;
  readonly monolith_at: string | null;
  readonly service_at: string | null;
  readonly reason: string | null;
}

const CONFLICTS_SQL =
  `SELECT id, ${RFC3339('at')} AS at, service, table_name, key, type, monolith, service_row, winner, strategy, ` +
  `${RFC3339("('epoch'::timestamptz + monolith_at::numeric * interval '1 microsecond')")} AS monolith_at, ` +
  `${RFC3339("('epoch'::timestamptz + service_at::numeric * interval '1 microsecond')")} AS service_at, reason ` +
  "FROM banyan.conflict WHERE $2::boolean OR strategy <> 'sent-again' ORDER BY id DESC LIMIT $1::int";

function everyPool(session: Session): Set<pg.Pool> {
  const pools = new Set([session.pool(session.config.monolith.url)]);
  for (const service of session.config.services.values()) pools.add(session.pools(service).service);
  return pools;
}
