import type { Config } from '../config/config.ts';
import { BanyanError } from '../core/errors.ts';
import { parseTableName } from '../model/names.ts';
import type { StoredCase } from '../ports/reconcile-store.ts';
import { PostgresReconcileStore } from '../state/reconcile-store.ts';
import type { ReconcileReport } from '../validate/reconcile/report.ts';
import type { ApplicationContext } from './application.ts';
import { byUrl, pairOfService, withUrls, type ReconciledPair } from './reconcile-pair.ts';
import type { PairOptions, ReconcileApplication, ReconcileOptions, ReconcileResult, ReviewCaseResult } from './reconcile-types.ts';
import { Session } from './session.ts';
import { refuseUnknown } from './validate.ts';
import { toleranceOf } from './validate-settings.ts';

/** The commands `reconcile` and `review`. */
export function reconcileApplication(context: ApplicationContext): ReconcileApplication {
  const by = (given: string | undefined): string => given ?? context.env['USER'] ?? 'command line';
  const asked = ({ by: given, reason }: { readonly by?: string; readonly reason?: string }) => ({ by: by(given), ...(reason === undefined ? {} : { reason }) });
  return {
    reconcile: (options) =>
      byUrl(options)
        ? withUrls(context, options, (pair) => reconcilePair(context, { pair, options, policies: {} })).then(joined)
        : Session.run(context, (session) => reconcileServices(session, options)),
    reconcileList: ({ limit, ...options }) => withStore(context, options, async (store) => ({ runs: await store.runs(limit) })),
    reconcileShow: ({ run, limit, after = '0', ...options }) =>
      withStore(context, options, async (store) => {
        const found = await store.run(run);
        if (!found) throw new BanyanError('BANYAN_RECONCILE_UNKNOWN', { message: `There is no run ${run}.` });
        const repairs = await store.repairs(run, { after, limit });
        const last = repairs.at(-1);
        const more = last !== undefined && (await store.repairs(run, { after: last.id, limit: 1 })).length > 0;
        return {
          run: found, ...(more ? { next: last.id } : {}),
          repairs: repairs.map(({ id, at, table, side, kind, state, reason, before, after }) => ({ id, at, table, side, kind, state, ...(reason === undefined ? {} : { reason }), before, after })),
        };
      }),
    reconcileUndo: (options) =>
      withPairOf(context, options, async (store) => (await store.run(options.run))?.scope, async ({ reconciler, tables, refuseStreams }) => {
        const { run, dryRun } = options;
        const undoing = { ...asked(options), dryRun, signal: context.signal, ...(tables ? { tables } : {}) };
        if (dryRun) return reconciler.undo(run, undoing);
        await refuseStreams();
        const would = await reconciler.undo(run, { ...undoing, dryRun: true });
        if (!(await context.confirm(`Give ${would.undone} rows back what they held before run ${run}? Rows that somebody has written since stay as they are.`))) return { ...would, dryRun: false, undone: 0 };
        return reconciler.undo(run, undoing);
      }),
    reviewList: (options) =>
      withStore(context, options, async (store) => {
        const { limit, table, type, severity, olderThanSeconds, caseState: state } = options;
        const { cases, counts } = await store.cases({
          limit, ...(table === undefined ? {} : { table: parseTableName(table) }), ...(type === undefined ? {} : { type }), ...(severity === undefined ? {} : { severity }),
          ...(state === undefined ? {} : { state }), ...(olderThanSeconds === undefined ? {} : { olderThanSeconds }),
        });
        return { cases: cases.map(shown), counts };
      }),
    reviewShow: (options) =>
      withStore(context, options, async (store) => {
        const found = await store.case(options.id);
        if (!found) throw unknownCase(options.id);
        return shown(found);
      }),
    reviewApprove: (options) =>
      withCase(context, options, async ({ queue, tables, refuseStreams }) => {
        const { id, side, row } = options;
        await refuseStreams();
        const found = await queue.show(id);
        const what = row ? 'the edited row on both sides' : `the ${side}'s row on both sides${side && found[side].length === 0 ? ', which has none: the other is deleted' : ''}`;
        if (!(await context.confirm(`Have ${what} for ${found.table} ${JSON.stringify(found.key)}?`))) return { id, applied: false, reason: 'nobody agreed' };
        const decision = row ? { row } : { side: side ?? 'monolith' };
        return queue.approve(id, { decision, ...asked(options), ...(tables ? { tables } : {}) });
      }),
    reviewReject: (options) => withCase(context, options, async ({ queue }) => shown(await queue.reject(options.id, asked(options)))),
  };
}

async function reconcileServices(session: Session, options: ReconcileOptions): Promise<ReconcileResult> {
  const { config, context } = session;
  const wanted = options.tables && new Set<string>(options.tables.map(parseTableName));
  const services = [...config.services.values()];
  refuseUnknown(wanted, services);
  refuseUnknown(options.allowDeletes && new Set<string>(options.allowDeletes.map(parseTableName)), services);
  const reports: (readonly [scope: string, report: ReconcileReport | undefined])[] = [];
  for (const service of services) {
    if (wanted && !service.tables.some(({ table }) => wanted.has(table))) continue;
    const pair = await pairOfService(session, service);
    const tables = (pair.tables ?? []).filter(({ table }) => !wanted || wanted.has(table));
    reports.push(...(await reconcilePair(context, { pair: { ...pair, tables }, options, policies: config.validate })));
  }
  return joined(reports);
}

interface Configured {
  readonly tolerance?: Config['validate']['tolerance'];
  readonly exact?: boolean;
  readonly maxDifferences?: number;
  readonly reconcile?: { readonly policy: NonNullable<ReconcileOptions['policy']>; readonly allowDeletes: readonly string[] };
}

async function reconcilePair(
  context: ApplicationContext,
  { pair, options, policies }: { readonly pair: ReconciledPair; readonly options: ReconcileOptions; readonly policies: Configured },
): Promise<(readonly [scope: string, report: ReconcileReport | undefined])[]> {
  const { scope, reconciler, refuseStreams } = pair;
  const { dryRun, policy } = options;
  const allowDeletes = [...(policies.reconcile?.allowDeletes ?? []), ...(options.allowDeletes ?? [])];
  const tables = (pair.tables ?? options.tables)?.map((table) => (policy === undefined || typeof table === 'string' ? table : { ...table, policy: { policy } }));
  if (!dryRun) {
    await refuseStreams();
    const deletes = allowDeletes.length === 0 ? 'No row is deleted' : `Rows of ${allowDeletes.join(', ')} may be deleted`;
    if (!(await context.confirm(`Repair what differs in ${scope}? ${deletes}; every row that is overwritten is kept, and --dry-run shows what would be done.`))) return [[scope, undefined]];
  }
  const comparing = context.progress.begin({ name: `comparing ${scope}`, unit: 'rows' });
  const seen = new Map<string, number>();
  let repaired = 0;
  try {
    const report = await reconciler.reconcile({
      by: context.env['USER'] ?? 'command line', dryRun, allowDeletes, policy: { policy: policy ?? policies.reconcile?.policy ?? 'review' }, signal: context.signal,
      ...(tables ? { tables } : {}), ...(policies.tolerance === undefined ? {} : { tolerance: toleranceOf(policies.tolerance) }), ...(policies.exact === undefined ? {} : { exact: policies.exact }), ...(policies.maxDifferences === undefined ? {} : { maxListed: policies.maxDifferences }),
      onProgress: ({ table, rows }) => {
        comparing.advance(rows - (seen.get(table) ?? 0));
        seen.set(table, rows);
      },
      onRepaired: (_table, rows) => void (repaired += rows),
    });
    comparing.done(dryRun ? undefined : `${repaired} rows repaired`);
    return [[scope, report]];
  } catch (error) {
    comparing.failed(repaired > 0 ? `${repaired} rows had been repaired` : undefined);
    throw error;
  }
}

function joined(reports: readonly (readonly [scope: string, report: ReconcileReport | undefined])[]): ReconcileResult {
  const made = reports.flatMap(([scope, report]) => (report ? [{ scope, report }] : []));
  const dryRun = made.some(({ report }) => report.dryRun);
  return {
    consistent: made.length === reports.length && made.every(({ report }) => report.consistent), dryRun,
    seconds: made.reduce((sum, { report }) => sum + report.seconds, 0),
    runs: made.flatMap(({ scope, report: { run } }) => (run === undefined ? [] : [{ scope, run }])),
    tables: made.flatMap(({ scope, report }) => report.tables.map((table) => ({ ...table, scope }))),
    ...(dryRun ? { repairs: made.flatMap(({ report }) => report.repairs ?? []), cases: made.flatMap(({ report }) => report.cases ?? []) } : {}),
  };
}

/** The record alone, of whatever pairs. */
function withStore<T>(context: ApplicationContext, options: PairOptions, work: (store: PostgresReconcileStore) => Promise<T>): Promise<T> {
  const installed = async (store: PostgresReconcileStore): Promise<T> => {
    await store.install();
    return work(store);
  };
  return byUrl(options) ? withUrls(context, options, ({ store }) => installed(store)) : Session.run(context, (session) => installed(new PostgresReconcileStore({ pool: session.statePool })));
}

/** The pair to which something in the record belongs. */
function withPairOf<T>(context: ApplicationContext, options: PairOptions, scopeOf: (store: PostgresReconcileStore) => Promise<string | undefined>, work: (pair: ReconciledPair) => Promise<T>): Promise<T> {
  if (byUrl(options)) {
    return withUrls(context, options, async (pair) => {
      await pair.store.install();
      return work(pair);
    });
  }
  return Session.run(context, async (session) => {
    const store = new PostgresReconcileStore({ pool: session.statePool });
    await store.install();
    const scope = await scopeOf(store);
    const service = scope === undefined ? undefined : session.config.services.get(scope);
    if (service) return work(await pairOfService(session, service));
    throw new BanyanError('BANYAN_RECONCILE_UNKNOWN', { message: scope === undefined ? 'There is no such run in the record.' : `${scope} is no configured service: give its --source and --target.` });
  });
}

const withCase = <T>(context: ApplicationContext, options: PairOptions & { readonly id: string }, work: (pair: ReconciledPair) => Promise<T>): Promise<T> =>
  withPairOf(context, options, async (store) => {
    const found = await store.case(options.id);
    if (!found) throw unknownCase(options.id);
    return found.scope;
  }, work);

const unknownCase = (id: string): BanyanError => new BanyanError('BANYAN_REVIEW_UNKNOWN', { message: `There is no difference ${id}.` });

const shown = ({ identity: _identity, ...found }: StoredCase): ReviewCaseResult => found;
