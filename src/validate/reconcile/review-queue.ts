import { BanyanError } from '../../core/errors.ts';
import type { NamedRow } from '../../model/conflict.ts';
import type { Side } from '../../model/side.ts';
import type { CaseFilter, ReconcileStore, StoredCase } from '../../ports/reconcile-store.ts';
import { holding, towards, type Decision, type Difference } from './decide.ts';
import type { ReconciledTable } from './reconciled-table.ts';
import type { Reconciler, ReconcileOptions } from './reconciler.ts';

export interface ApproveOptions extends Pick<ReconcileOptions, 'tables'> {
  /** Whose row both sides shall hold, or the columns they shall, by the monolith's names; others stay as the monolith has them. */
  readonly decision: { readonly side: Side } | { readonly row: NamedRow };
  readonly by: string;
  readonly reason?: string;
}

export interface ApproveResult {
  readonly id: string;
  /** False: a row has changed since, or the database refused it; the difference still waits. */
  readonly applied: boolean;
  /** The run that keeps what was overwritten; `undo` takes it. */
  readonly run: string;
  /** Why it was not applied. */
  readonly reason?: string;
}

/** The differences that wait for a person, and what persons decide about them. */
export class ReviewQueue {
  readonly #store: ReconcileStore;
  readonly #reconciler: Reconciler;
  readonly #scope: string;

  constructor(options: { readonly store: ReconcileStore; readonly reconciler: Reconciler; readonly scope: string }) {
    this.#store = options.store;
    this.#reconciler = options.reconciler;
    this.#scope = options.scope;
  }

  list(filter: Partial<Omit<CaseFilter, 'scope'>> = {}): ReturnType<ReconcileStore['cases']> {
    return this.#store.cases({ limit: 100, ...filter, scope: this.#scope });
  }

  /** @throws BANYAN_REVIEW_UNKNOWN */
  async show(id: string): Promise<StoredCase> {
    const found = await this.#store.case(id);
    if (found?.scope === this.#scope) return found;
    throw new BanyanError('BANYAN_REVIEW_UNKNOWN', { message: `There is no difference ${id} of ${this.#scope}${found ? `; it is of ${found.scope}` : ''}.` });
  }

  /**
   * Carries out a decision, as far as the rows are still those that were queued. A row that one side does not have is
   * deleted on the other if that side is approved.
   * @throws BANYAN_REVIEW_UNKNOWN, BANYAN_REVIEW_CLOSED, BANYAN_REVIEW_ROW
   */
  async approve(id: string, { decision, by, reason, tables }: ApproveOptions): Promise<ApproveResult> {
    const found = await this.#open(id);
    const table = await this.#reconciler.table(found.table, tables ? { tables } : {});
    const difference: Difference = { type: found.type, identity: found.identity, monolith: { rows: found.monolith }, service: { rows: found.service } };
    const decided: Decision = 'side' in decision
      ? towards(decision.side, { difference, table, deletes: true })
      : holding(checkedRow(decision.row, { found, table }), { difference, table });
    if ('review' in decided) throw new BanyanError('BANYAN_REVIEW_ROW', { message: `${found.table}: ${decided.review}.` });
    const { run, repairs } = await this.#reconciler.carryOut(decided.repairs, { table, by, ...(reason === undefined ? {} : { reason }) });
    const failed = repairs.find(({ state }) => state !== 'applied');
    if (failed) return { id, applied: false, run, reason: failed.reason ?? 'it was not done' };
    await this.#store.decide(id, { state: 'approved', by, run, decision: 'side' in decision ? decision.side : JSON.stringify(decision.row), ...(reason === undefined ? {} : { reason }) });
    return { id, applied: true, run };
  }

  /** Leaves both rows as they are; found again with the same rows, the difference stays rejected. @throws likewise */
  async reject(id: string, { by, reason }: Pick<ApproveOptions, 'by' | 'reason'>): Promise<StoredCase> {
    await this.#open(id);
    if (!(await this.#store.decide(id, { state: 'rejected', by, ...(reason === undefined ? {} : { reason }) }))) throw closed(await this.show(id));
    return this.show(id);
  }

  async #open(id: string): Promise<StoredCase> {
    const found = await this.show(id);
    if (found.state !== 'open') throw closed(found);
    return found;
  }
}

function closed({ id, state, decidedBy, decidedAt }: StoredCase): BanyanError {
  return new BanyanError('BANYAN_REVIEW_CLOSED', { message: `Difference ${id} is ${state}${decidedBy === undefined ? '' : `, by ${decidedBy} at ${decidedAt}`}.` });
}

function checkedRow(row: NamedRow, { found, table }: { readonly found: StoredCase; readonly table: ReconciledTable }): NamedRow {
  const fail = (message: string): BanyanError => new BanyanError('BANYAN_REVIEW_ROW', { message: `${found.table}: ${message}` });
  const unknown = Object.keys(row).filter((name) => !table.columns.monolith.includes(name));
  if (unknown.length > 0) throw fail(`found ${unknown.join(', ')}; expected columns among ${table.columns.monolith.join(', ')}.`);
  if (table.pair.keyLength === 0) throw fail('rows of a table without a key can not be edited; approve a side.');
  const moved = Object.entries(found.key).filter(([name, value]) => Object.hasOwn(row, name) && row[name] !== value);
  if (moved.length > 0) throw fail(`the key can not be changed: ${moved.map(([name, value]) => `${name} is ${value}`).join(', ')}.`);
  return { ...found.key, ...row };
}
