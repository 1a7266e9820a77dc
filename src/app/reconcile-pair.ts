import type pg from 'pg';
import type { ServiceConfig } from '../config/config.ts';
import { BanyanError } from '../core/errors.ts';
import { parseTableName, type TableName } from '../model/names.ts';
import type { Side } from '../model/side.ts';
import type { TableMapping } from '../model/table-mapping.ts';
import { PostgresChecksummer } from '../postgres/checksum/checksummer.ts';
import { createPool } from '../postgres/connect.ts';
import { PostgresRowRepairer } from '../postgres/repair/row-repairer.ts';
import { PostgresMarkStore } from '../state/mark-store.ts';
import { PostgresReconcileStore } from '../state/reconcile-store.ts';
import type { TableToValidate } from '../validate/pair.ts';
import type { TablePolicy } from '../validate/reconcile/policy.ts';
import { Reconciler, type ReconcilerOptions, type TableToReconcile } from '../validate/reconcile/reconciler.ts';
import { ReviewQueue } from '../validate/reconcile/review-queue.ts';
import type { ApplicationContext } from './application.ts';
import { MarkingReconcileStore } from './mark-repairs.ts';
import type { PairOptions } from './reconcile-types.ts';
import { askStrategy } from './reconcile-strategy.ts';
import type { Session } from './session.ts';
import { connection } from './reconcile-streams.ts';
import { loadMappings } from './table-mappings.ts';
import { fenceOf, tablesToValidate } from './validate.ts';
import { asConfigured } from './validate-settings.ts';

/** A pair of databases that can be reconciled: a configured service, or two URLs. */
export interface ReconciledPair {
  readonly scope: string;
  readonly store: PostgresReconcileStore;
  readonly reconciler: Reconciler;
  readonly queue: ReviewQueue;
  /** How its tables are compared and repaired; absent: all, as they are. */
  readonly tables: readonly TableToReconcile[] | undefined;
  /** @throws BANYAN_RECONCILE_STREAMS if streams connect the two, so that nothing may be written past them. */
  readonly refuseStreams: () => Promise<void>;
}

/** Whether two databases are given by URL; else the configuration says which there are. */
export function byUrl(options: PairOptions): options is PairOptions & { readonly source: string; readonly target: string } {
  return options.source !== undefined && options.target !== undefined;
}

/** Runs `work` with the two databases that the URLs name. */
export async function withUrls<T>(context: ApplicationContext, { source, target, state = source }: PairOptions & { readonly source: string; readonly target: string }, work: (pair: ReconciledPair) => Promise<T>): Promise<T> {
  const open: Readonly<Record<Side | 'state', pg.Pool>> = { monolith: createPool({ url: source, max: 5 }), service: createPool({ url: target, max: 5 }), state: createPool({ url: state, max: 2 }) };
  try {
    const names = await Promise.all([open.monolith, open.service].map(async (pool) => (await pool.query<{ name: string }>('SELECT current_database() AS name')).rows[0]?.name));
    const scope = names.join('>');
    const refuseStreams = (): Promise<void> => refuseConnected([open.monolith, open.service], scope);
    return await work({ ...pairOf({ pools: open, state: open.state, options: { scope, clock: context.clock, guard: refuseStreams } }), tables: undefined, refuseStreams });
  } finally {
    await Promise.all(Object.values(open).map((pool) => pool.end()));
  }
}

/** A configured service. @throws BANYAN_MAPPING */
export async function pairOfService(session: Session, service: ServiceConfig): Promise<ReconciledPair> {
  const { config, context, logger } = session;
  const pools = session.pools(service);
  const strategy = await askStrategy({ sync: config.sync, clock: context.clock, repairer: new PostgresRowRepairer({ pool: pools.monolith }) });
  const fenced = await fenceOf(session, service);
  const streams = await connection(session, service, fenced.fence);
  const refuseStreams = async (): Promise<void> => {
    if (streams.refusal !== undefined) throw streamsConnect(service.name, streams.refusal);
  };
  const options = { scope: service.name, clock: context.clock, logger, strategy, guard: refuseStreams, ...fenced, ...(streams.way ? { way: streams.way } : {}), ...(streams.closed ? { closed: streams.closed } : {}) };
  const { mappings } = await loadMappings({ config, service, monolith: pools.monolith });
  const policies = new Map(Object.entries(config.validate.reconcile.tables).map(([name, policy]): [TableName, TablePolicy] => [parseTableName(name), policy]));
  return {
    ...pairOf({ pools, state: session.statePool, options, ...(config.validate.incremental ? { store: new MarkingReconcileStore({ pool: session.statePool, marks: new PostgresMarkStore({ pool: session.statePool }), service }) } : {}) }),
    tables: tablesToValidate(service, undefined).map((spec) => withMapping(asConfigured(spec, config.validate, { level: 'full' }), { mappings, policies })),
    refuseStreams,
  };
}

function pairOf({ pools, state, options, store = new PostgresReconcileStore({ pool: state }) }: {
  readonly pools: Readonly<Record<Side, pg.Pool>>;
  readonly state: pg.Pool;
  readonly options: Omit<ReconcilerOptions, 'store'>;
  readonly store?: PostgresReconcileStore;
}): Pick<ReconciledPair, 'scope' | 'store' | 'reconciler' | 'queue'> {
  const side = (pool: pg.Pool) => ({ checksummer: new PostgresChecksummer({ pool }), repairer: new PostgresRowRepairer({ pool }) });
  const reconciler = new Reconciler(side(pools.monolith), side(pools.service), { ...options, store });
  return { scope: options.scope, store, reconciler, queue: new ReviewQueue({ store, reconciler, scope: options.scope }) };
}

function withMapping(spec: TableToValidate, { mappings, policies }: { readonly mappings: readonly TableMapping[]; readonly policies: ReadonlyMap<TableName, TablePolicy> }): TableToReconcile {
  const table = parseTableName(spec.table);
  const mapping = mappings.find(({ monolith, service }) => monolith === table && service === spec.as);
  const joined = mappings.some((other) => other !== mapping && (other.monolith === table || other.service === mapping?.service));
  const policy = policies.get(table);
  return {
    ...spec,
    ...(policy ? { policy } : {}),
    ...(mapping ? { mapping } : {}),
    ...(joined ? { noWayBack: 'it is not one table on both sides, so one row there is not one row here' } : {}),
  };
}

/** @throws BANYAN_RECONCILE_STREAMS if a stream writes to one of the databases. */
export async function refuseConnected(pools: readonly pg.Pool[], scope: string): Promise<void> {
  for (const pool of pools) if (await hasStreams(pool)) throw streamsConnect(scope);
}

async function hasStreams(pool: pg.Pool): Promise<boolean> {
  const there = await pool.query<{ there: string | null }>("SELECT to_regclass('banyan.stream')::text AS there");
  if (!there.rows[0]?.there) return false;
  return (await pool.query('SELECT FROM banyan.stream LIMIT 1')).rows.length > 0;
}

function streamsConnect(scope: string, why = 'only a reconciliation of the configured service can write beside them'): BanyanError {
  return new BanyanError('BANYAN_RECONCILE_STREAMS', { message: `Streams connect the two databases of ${scope}, and ${why}.` });
}
