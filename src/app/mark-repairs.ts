import type pg from 'pg';
import type { ServiceConfig } from '../config/config.ts';
import type { TableName } from '../model/names.ts';
import type { Repair, RepairOutcome } from '../ports/reconcile-store.ts';
import type { MarkStore } from '../ports/mark-store.ts';
import { PostgresReconcileStore } from '../state/reconcile-store.ts';

/**
 * Repairs are written with an origin of Banyan's own, of which streams tell nobody. So whoever keeps them marks their
 * tables for incremental validation: before they are written, and after, for a run in between may have taken the mark.
 */
export class MarkingReconcileStore extends PostgresReconcileStore {
  readonly #marks: MarkStore;
  readonly #service: ServiceConfig;
  #repaired: ReadonlySet<TableName> = new Set();
  #installed: Promise<void> | undefined;

  constructor(options: { readonly pool: pg.Pool; readonly marks: MarkStore; readonly service: ServiceConfig }) {
    super(options);
    this.#marks = options.marks;
    this.#service = options.service;
  }

  override async plan(run: string, repairs: readonly Repair[]): Promise<void> {
    const tables = new Set(repairs.map(({ table }) => table));
    await this.#mark(tables);
    this.#repaired = new Set([...this.#repaired, ...tables]);
    await super.plan(run, repairs);
  }

  override async settle(outcomes: readonly RepairOutcome[]): Promise<void> {
    await this.#mark(this.#repaired);
    await super.settle(outcomes);
  }

  async #mark(tables: ReadonlySet<TableName>): Promise<void> {
    await (this.#installed ??= this.#marks.install());
    for (const { table, as } of this.#service.tables) {
      if (tables.has(table)) await this.#marks.add(this.#service.name, as, [{ kind: 'whole', reason: 'rows of it were repaired' }]);
    }
  }
}
