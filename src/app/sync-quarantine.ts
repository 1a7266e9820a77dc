import type pg from 'pg';
import { BanyanError, isBanyanError } from '../core/errors.ts';
import type { Side } from '../model/side.ts';
import type { Claims } from '../ports/applier.ts';
import type {
  QuarantinedChange, QuarantineDiscardResult, QuarantineOptions, QuarantineRetryResult, StreamDirection, SyncQuarantineResult,
} from './application.ts';
import { all, first, named, RFC3339 } from './read-rows.ts';
import type { Session } from './session.ts';
import { runSync } from './sync-run.ts';
import { readStreams } from './sync-status.ts';

/** A database that may hold a quarantine. */
interface Place {
  readonly side: Side;
  readonly pool: pg.Pool;
}

interface Found {
  readonly place: Place;
  readonly row: QuarantineRow;
  readonly change: QuarantinedChange;
}

interface QuarantineRow {
  readonly id: string;
  readonly at: string;
  readonly stream: string;
  readonly service: string;
  readonly table_name: string;
  readonly key: string;
  readonly key_text: string;
  readonly kind: string;
  readonly row: string | null;
  readonly old: string | null;
  readonly position: string;
  readonly committed_at: string;
  readonly code: string;
  readonly reason: string;
  readonly owns: string;
  readonly refers: string;
}

const QUARANTINE_SQL =
  `SELECT id, ${RFC3339('at')} AS at, stream, service, table_name, key, key_text, kind, row, old, position, ` +
  `${RFC3339("('epoch'::timestamptz + committed_at::bigint * interval '1 microsecond')")} AS committed_at, code, reason, owns, refers ` +
  "FROM banyan.quarantine WHERE state = 'held' ORDER BY id";

/** `banyan sync quarantine`: what could not be applied, with its whole content, oldest first. */
export async function readQuarantine(session: Session): Promise<SyncQuarantineResult> {
  return { quarantined: (await findAll(session)).map(({ change }) => change) };
}

async function findAll(session: Session): Promise<Found[]> {
  const found: Found[] = [];
  for (const place of placesOf(session)) {
    const rows = await all<QuarantineRow>(place.pool, QUARANTINE_SQL, []);
    const blockers = new Map<string, Blockers>();
    for (const row of rows) {
      let stream = blockers.get(row.stream);
      if (!stream) blockers.set(row.stream, (stream = new Blockers()));
      const behind = stream.add(row);
      const id = (number: string): string => idOf(session, place, row.service, number);
      found.push({
        place, row,
        change: {
          id: id(row.id), at: row.at, service: row.service, table: row.table_name, key: named(row.key) ?? {},
          direction: directionOf(row), operation: row.kind, committedAt: row.committed_at, position: row.position,
          code: row.code, reason: `${row.code}: ${row.reason}`, before: named(row.old), after: named(row.row),
          ...(row.code === 'held' && behind !== undefined ? { behind: id(behind) } : {}),
        },
      });
    }
  }
  return found;
}

const directionOf = (row: QuarantineRow): StreamDirection => (row.stream.endsWith('/monolith-to-service') ? 'monolith-to-service' : 'service-to-monolith');

/** Which change failed for a fault of its own that now holds back what has a name to do with. */
class Blockers {
  readonly #owned = new Map<string, string>();
  readonly #referred = new Map<string, string>();

  /** Gives the change that this one waits behind, if it does. */
  add(row: QuarantineRow): string | undefined {
    const { owns, refers } = claims(row);
    const names = [row.key_text, ...owns];
    const blocker = this.#first(this.#owned, [...names, ...refers]) ?? this.#first(this.#referred, names);
    const root = row.code === 'held' ? (blocker ?? row.id) : row.id;
    for (const name of names) if (!this.#owned.has(name)) this.#owned.set(name, root);
    for (const name of refers) if (!this.#referred.has(name)) this.#referred.set(name, root);
    return blocker;
  }

  #first(claimed: ReadonlyMap<string, string>, names: readonly string[]): string | undefined {
    for (const name of names) {
      const first = claimed.get(name);
      if (first !== undefined) return first;
    }
    return undefined;
  }
}

function claims(row: QuarantineRow): Claims {
  return { owns: JSON.parse(row.owns) as string[], refers: JSON.parse(row.refers) as string[] };
}

function placesOf(session: Session): Place[] {
  const places = new Map<pg.Pool, Place>();
  const monolith = session.pool(session.config.monolith.url);
  places.set(monolith, { side: 'monolith', pool: monolith });
  for (const service of session.config.services.values()) {
    const pool = session.pools(service).service;
    if (!places.has(pool)) places.set(pool, { side: 'service', pool });
  }
  return [...places.values()];
}

/** Each database numbers its own changes; the operator's id tells which one is meant. */
function idOf(session: Session, place: Place, service: string, number: string): string {
  if (place.side === 'monolith') return `m${number}`;
  return session.config.services.size === 1 ? `s${number}` : `${service}:s${number}`;
}

/** The change with an id as it is printed; a bare number will do where only one change has it. */
async function find(session: Session, id: string): Promise<Found> {
  const everything = await findAll(session);
  const exact = everything.filter(({ change }) => change.id === id);
  const matching = exact.length > 0 ? exact : everything.filter(({ row, place, change }) => [row.id, `${place.side[0]}${row.id}`, change.id].includes(id));
  const [found] = matching;
  if (found && matching.length === 1) return found;
  throw new BanyanError('BANYAN_QUARANTINE_UNKNOWN', {
    message: found
      ? `${id} may be any of ${matching.map(({ change }) => change.id).join(', ')}.`
      : `There is no change ${id} in quarantine.`,
  });
}

/** `banyan sync quarantine retry ID` */
export async function retryQuarantined(session: Session, { id }: QuarantineOptions): Promise<QuarantineRetryResult> {
  const found = await find(session, id);
  const before = await heldIn(found);
  const { state, answer } = await ask(session, found, 'retry');
  const also = state === 'held' ? 0 : Math.max(0, before - (await heldIn(found)) - 1);
  return { id: found.change.id, applied: state === 'applied', also, ...(state === 'applied' ? {} : { reason: answer ?? `it is ${state}` }) };
}

/** `banyan sync quarantine discard ID` */
export async function discardQuarantined(
  session: Session,
  { id, dryRun }: QuarantineOptions & { readonly dryRun: boolean },
): Promise<QuarantineDiscardResult> {
  const found = await find(session, id);
  const { change } = found;
  const behind = (await findAll(session)).filter((each) => each.change.behind === change.id).length;
  const kept = { id: change.id, dryRun, discarded: false, change, behind };
  if (dryRun) return kept;
  const question = `Give up the ${change.operation} of ${change.table} for good? The two sides will differ in this row.`;
  if (!(await session.context.confirm(question))) return kept;
  const { state } = await ask(session, found, 'discard');
  return { ...kept, discarded: state === 'discarded' };
}

async function heldIn({ place, row }: Found): Promise<number> {
  const held = await first<{ n: string }>(place.pool, "SELECT count(*) AS n FROM banyan.quarantine WHERE stream = $1 AND state = 'held'", [row.stream]);
  return Number(held?.n ?? 0);
}

/** How long a running worker may take to answer, in milliseconds. */
const PATIENCE_MS = 60_000;

/**
 * Asks the worker that runs the stream, which alone can judge the change by the conflict rules. If none
 * runs, this process becomes one until it has caught up.
 */
async function ask(session: Session, found: Found, action: 'retry' | 'discard'): Promise<{ readonly state: string; readonly answer: string | null }> {
  const { place, row } = found;
  const { clock, signal, env, progress } = session.context;
  await place.pool.query(
    "UPDATE banyan.quarantine SET asked = $2, asked_by = $3, answer = NULL WHERE id = $1 AND state = 'held'",
    [row.id, action, env['USER'] ?? 'command line'],
  );
  const start = clock.monotonic();
  for (;;) {
    const now = await first<{ state: string; asked: string | null; answer: string | null }>(
      place.pool, 'SELECT state, asked, answer FROM banyan.quarantine WHERE id = $1', [row.id],
    );
    if (!now || now.asked === null) return { state: now?.state ?? 'gone', answer: now?.answer ?? null };
    if (!(await isRunning(session, row))) {
      progress.note('No worker runs this stream: this command does its work until it has caught up.');
      await runAlone(session, row.service);
    } else if (clock.monotonic() - start > PATIENCE_MS) {
      throw new BanyanError('BANYAN_TIMEOUT', {
        message: `The worker of ${row.stream} has not answered yet. The request is noted and will be done.`,
        remedy: 'See `banyan sync status`: the worker may wait for a database that is away.',
      });
    }
    await clock.sleep(100, signal);
  }
}

async function isRunning(session: Session, row: QuarantineRow): Promise<boolean> {
  const streams = await readStreams(session);
  return streams.some((stream) => stream.service === row.service && stream.direction === directionOf(row) && stream.state === 'running');
}

async function runAlone(session: Session, service: string): Promise<void> {
  try {
    await runSync(session, { services: [service], provision: false, untilCaughtUp: true });
  } catch (error) {
    // A worker has come after all.
    if (!isBanyanError(error, 'BANYAN_STREAM_FENCED')) throw error;
  }
}
