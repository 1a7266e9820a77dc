import { PostgresRowRepairer } from '../../postgres/repair/row-repairer.ts';
import { PostgresReconcileStore } from '../../state/reconcile-store.ts';
import { Reconciler as Engine, type ReconcilerOptions as EngineOptions } from '../../validate/reconcile/reconciler.ts';
import { ReviewQueue } from '../../validate/reconcile/review-queue.ts';
import { refuseConnected } from '../reconcile-pair.ts';
import { databaseOf, type Database, type DatabaseLike } from './database.ts';

export type { ReconcileOptions, TableToReconcile, UndoOptions } from '../../validate/reconcile/reconciler.ts';
export type { ReconcilePolicy, TablePolicy } from '../../validate/reconcile/policy.ts';
export type { ReconcileReport, UndoReport } from '../../validate/reconcile/report.ts';
export type { ApproveOptions, ApproveResult, ReviewQueue } from '../../validate/reconcile/review-queue.ts';

export interface ReconcilerOptions extends Omit<EngineOptions, 'store' | 'scope' | 'guard'> {
  /** Where the record and the queue are kept, in a schema `banyan`. Default: the monolith. */
  readonly record?: DatabaseLike;
  /** What this pair of databases is called in the record. Default: `reconcile`. */
  readonly scope?: string;
}

/**
 * Repairs what a validation finds between two databases that no stream connects; beside streams, `banyan reconcile`
 * does.
 * @throws BANYAN_RECONCILE_STREAMS before it writes, if streams do.
 */
export class Reconciler extends Engine {
  /** Differences that no policy decides. */
  readonly queue: ReviewQueue;

  constructor(monolith: DatabaseLike, service: DatabaseLike, options: ReconcilerOptions = {}) {
    const { record, scope = 'reconcile', ...rest } = options;
    const [ours, theirs] = [databaseOf(monolith), databaseOf(service)];
    const store = new PostgresReconcileStore({ pool: record === undefined ? ours.pool : databaseOf(record).pool });
    super(sideOf(ours), sideOf(theirs), { ...rest, scope, store, ...(rest.way ? {} : { guard: () => refuseConnected([ours.pool, theirs.pool], scope) }) });
    this.queue = new ReviewQueue({ store, scope, reconciler: this });
  }
}

const sideOf = ({ checksummer, pool }: Database) => ({ checksummer, repairer: new PostgresRowRepairer({ pool }) });
