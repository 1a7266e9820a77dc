import { isBanyanError } from '../core/errors.ts';
import { seededRandom } from '../core/random.ts';
import { parseTableName, type TableName } from '../model/names.ts';
import type { ServiceConfig } from '../config/config.ts';
import { describeTable } from '../postgres/checksum/describe.ts';
import { PostgresProfiler } from '../postgres/profile/profiler.ts';
import { PostgresProfileStore } from '../state/profile-store.ts';
import { unlikePast } from '../validate/anomalies/past-hints.ts';
import { unlikeRows } from '../validate/anomalies/row-hints.ts';
import type { Hint, ValidateAnomaliesOptions, ValidateAnomaliesResult } from './application.ts';
import type { Session } from './session.ts';
import { refuseUnknown, tablesToValidate } from './validate.ts';

/** Profiles that a table is compared with, the last ones: over longer times growth is no line. */
const PAST = 30;
const KEPT_MS = 400 * 86_400_000;
const SAMPLED_ROWS = 2000;
const MOST_ROW_HINTS = 5;

/**
 * `banyan validate anomalies`: what in one side's tables is unlike their past, and which rows are unlike the others.
 * Hints, never differences: there is nothing to compare with. Each run is a part of the next one's past.
 */
export async function findAnomalies(session: Session, options: ValidateAnomaliesOptions): Promise<ValidateAnomaliesResult> {
  const wanted = options.tables && new Set(options.tables.map(parseTableName));
  const services = [...session.config.services.values()];
  refuseUnknown(wanted, services);
  const store = new PostgresProfileStore({ pool: session.statePool });
  await store.install();
  const tables: { service: string; table: TableName; profiles: number; rows: number }[] = [];
  const hints: Hint[] = [];
  for (const service of services) {
    for (const table of namesOf(service, options.side, wanted)) {
      const found = await lookAt({ session, store, service, side: options.side, table });
      if (!found) continue;
      tables.push({ service: service.name, table, profiles: found.profiles, rows: found.rows });
      hints.push(...found.hints);
    }
  }
  return { side: options.side, hints, tables };
}

function namesOf(service: ServiceConfig, side: ValidateAnomaliesOptions['side'], wanted: ReadonlySet<string> | undefined): readonly TableName[] {
  const names = tablesToValidate(service, wanted).map(({ table, as }) => parseTableName(side === 'monolith' ? table : (as ?? table)));
  return [...new Set(names)];
}

/** Undefined: the side has no such table yet. */
async function lookAt(parts: {
  readonly session: Session;
  readonly store: PostgresProfileStore;
  readonly service: ServiceConfig;
  readonly side: ValidateAnomaliesOptions['side'];
  readonly table: TableName;
}): Promise<{ readonly profiles: number; readonly rows: number; readonly hints: readonly Hint[] } | undefined> {
  const { session, store, service, side, table } = parts;
  const { clock, signal } = session.context;
  const pool = session.pools(service)[side];
  const shape = await describeTable(pool, table).catch((error: unknown) => {
    if (isBanyanError(error, 'BANYAN_TABLE_UNKNOWN')) return undefined;
    throw error;
  });
  if (!shape) return undefined;
  const profiler = new PostgresProfiler({ pool });
  const profile = { ...(await profiler.profile(shape, { signal })), atMs: clock.now() };
  const sample = await profiler.numbers({ ...shape, estimatedRows: profile.rows }, { rows: SAMPLED_ROWS, seed: 0.5, signal });
  const past = await store.profiles({ side, service: service.name, table, limit: PAST });
  const of = { service: service.name, table };
  const hints: Hint[] = [
    ...unlikePast(past, profile).map((hint): Hint => ({ ...of, kind: 'past', ...hint })),
    ...unlikeRows(sample, { random: seededRandom(1), most: MOST_ROW_HINTS }).map(({ key, ...hint }): Hint => ({
      ...of, kind: 'row', ...hint, key: Object.fromEntries(shape.key.map((name, index) => [name, key[index] ?? ''])),
    })),
  ];
  await store.record({ side, service: service.name, table, ...profile }, clock.now() - KEPT_MS);
  return { profiles: past.length, rows: profile.rows, hints };
}
