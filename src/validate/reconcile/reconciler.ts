import { systemClock, type Clock } from '../../core/clock.ts';
import { BanyanError, invariant, messageOf } from '../../core/errors.ts';
import { noMetrics, type Metrics } from '../../core/metrics.ts';
import { parseTableName, type TableName } from '../../model/names.ts';
import type { Side } from '../../model/side.ts';
import type { TableMapping } from '../../model/table-mapping.ts';
import type { Checksummer } from '../../ports/checksummer.ts';
import type { ReconcileStore, Repair, RepairKind, StoredRepair } from '../../ports/reconcile-store.ts';
import type { RowRepairer } from '../../ports/row-repairer.ts';
import { pairTables, type TablePair, type TableToValidate } from '../pair.ts';
import type { Progress } from '../progress.ts';
import type { TableReport } from '../report.ts';
import { ConsistencyValidator, type ValidateOptions, type ValidatorOptions } from '../validator.ts';
import { applyRepairs } from './apply-repairs.ts';
import { DirectWay } from './direct-way.ts';
import { caseOf, planDifferences } from './plan-differences.ts';
import type { AskStrategy, TablePolicy } from './policy.ts';
import { reconciledTable, type ReconciledTable } from './reconciled-table.ts';
import { emptyTally, WRITTEN, type PlannedCase, type PlannedRepair, type ReconcileReport, type Tally, type UndoReport } from './report.ts';
import type { RepairWay } from './way.ts';

/** One of the two databases. */
export interface ReconcilerSide {
  readonly checksummer: Checksummer;
  readonly repairer: RowRepairer;
}

/** A table, how it is compared, and who wins. */
export interface TableToReconcile extends TableToValidate {
  /** Absent: the run's. */
  readonly policy?: TablePolicy;
  /** How rows of one side become rows of the other, where that is more than names and values. */
  readonly mapping?: TableMapping;
  /** Why its differences can only be queued. */
  readonly noWayBack?: string;
}

export interface ReconcilerOptions extends ValidatorOptions {
  readonly store: ReconcileStore;
  /** Which pair of databases this is: queued cases of another pair are none of its own. */
  readonly scope: string;
  /** How repairs are written. Default: straight into the databases, which no stream may connect. */
  readonly way?: RepairWay;
  /** The side to which nothing is written, as with one-way streams. Default: none. */
  readonly closed?: Side;
  /** Asked before anything is written; throws if it may not be. */
  readonly guard?: () => Promise<void>;
  /** Of the policy `conflict-strategy`. */
  readonly strategy?: AskStrategy;
}

export interface ReconcileOptions {
  /** Default: every table that either side has. */
  readonly tables?: readonly (string | TableToReconcile)[];
  /** Of tables without their own. Default: every difference is queued for a person. */
  readonly policy?: TablePolicy;
  /** The tables, by the monolith's names, of which rows may be deleted. Default: none. */
  readonly allowDeletes?: readonly string[];
  /** Say what would be done, and write nothing at all. Default false. */
  readonly dryRun?: boolean;
  /** Who asks; kept in the record. */
  readonly by: string;
  /** As a validation's. */
  readonly tolerance?: ValidateOptions['tolerance'];
  readonly exact?: boolean;
  /** Repairs and cases that a dry run lists. Default 100. */
  readonly maxListed?: number;
  readonly onProgress?: (progress: Progress) => void;
  /** Told of rows as they are repaired. */
  readonly onRepaired?: (table: TableName, rows: number) => void;
  readonly signal?: AbortSignal;
}

export interface UndoOptions extends Pick<ReconcileOptions, 'tables' | 'by' | 'dryRun' | 'onRepaired' | 'signal'> {
  readonly reason?: string;
}

const INVERSE: Readonly<Record<RepairKind, RepairKind>> = { insert: 'delete', update: 'update', delete: 'insert' };

/** Repairs that are read at once. */
const READ_AT_ONCE = 500;

/**
 * Repairs what a validation finds, each row by its table's policy; what no policy decides waits for a person. Each
 * repair is noted with the whole old row before it is done, and done only if both rows are what they were when it was
 * decided. What was done can be undone as long as nobody has written the rows since.
 */
export class Reconciler {
  readonly #sides: Readonly<Record<Side, ReconcilerSide>>;
  readonly #options: ReconcilerOptions;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #way: RepairWay;

  constructor(monolith: ReconcilerSide, service: ReconcilerSide, options: ReconcilerOptions) {
    this.#sides = { monolith, service };
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#metrics = options.metrics ?? noMetrics;
    this.#way = options.way ?? new DirectWay({ monolith: monolith.repairer, service: service.repairer });
  }

  /**
   * Finds every difference and repairs what the policies allow. Memory does not grow with their number.
   * @throws as `ConsistencyValidator.validate`
   * @throws BANYAN_RECONCILE_RIGHTS if a role may not write as a stream does.
   */
  async reconcile(options: ReconcileOptions): Promise<ReconcileReport> {
    const { dryRun = false } = options;
    const { store, scope } = this.#options;
    const startedMs = this.#clock.monotonic();
    if (dryRun) return this.#reconcile(options, { startedMs, run: undefined });
    await this.#options.guard?.();
    await store.install();
    const run = await store.begin({ scope, kind: 'reconcile', by: options.by });
    return this.#ended(run, () => this.#reconcile(options, { startedMs, run }));
  }

  /**
   * Gives rows that a run has written what they held before, as far as they still hold what the run left there.
   * @throws BANYAN_RECONCILE_UNKNOWN if there is no such run of this pair of databases.
   */
  async undo(of: string, options: UndoOptions): Promise<UndoReport> {
    const { store, scope } = this.#options;
    const { dryRun = false, by, reason } = options;
    await store.install();
    const found = await store.run(of);
    if (found?.scope !== scope) throw new BanyanError('BANYAN_RECONCILE_UNKNOWN', { message: `There is no run ${of} of ${scope}${found ? `; it was of ${found.scope}` : ''}.` });
    const batches = this.#written(of);
    if (dryRun) {
      let undone = 0;
      for await (const batch of batches) undone += batch.length;
      return { of, dryRun, undone, left: 0, refused: 0 };
    }
    await this.#options.guard?.();
    const run = await store.begin({ scope, kind: 'undo', by, of, ...(reason === undefined ? {} : { reason }) });
    return this.#ended(run, async () => {
      const names = new Set<TableName>();
      for await (const batch of batches) {
        await store.plan(run, batch.map(({ id, table, side, identity, kind, before, after }): Repair => ({ table, side, identity, kind: INVERSE[kind], before: after, after: before, undoes: id })));
        for (const { table } of batch) names.add(table);
      }
      await this.#apply(run, [...(await this.#tables([...names], options)).values()], { ...options, onRefused: () => Promise.resolve('refused') });
      await store.markUndone(run);
      const counts = await store.count(run);
      const rowsThat = (wanted: string): number => counts.reduce((sum, { state, repairs }) => sum + (state === wanted ? repairs : 0), 0);
      return { run, of, dryRun, undone: rowsThat('applied'), left: rowsThat('left'), refused: rowsThat('refused') };
    });
  }

  /** The table as it is on both sides now. For decisions about single rows. @throws BANYAN_TABLE_UNKNOWN, BANYAN_VALIDATE_COLUMN */
  async table(name: TableName, options: Pick<ReconcileOptions, 'tables'> = {}): Promise<ReconciledTable> {
    const table = (await this.#tables([name], options)).get(name);
    invariant(table, 'a table that was asked for');
    return table;
  }

  /** Carries out repairs that a person has decided, in a run of their own. */
  async carryOut(repairs: readonly Repair[], options: { readonly table: ReconciledTable; readonly by: string; readonly reason?: string }): Promise<{ readonly run: string; readonly repairs: readonly StoredRepair[] }> {
    const { store, scope } = this.#options;
    const { table, by, reason } = options;
    await this.#options.guard?.();
    const run = await store.begin({ scope, kind: 'approval', by, ...(reason === undefined ? {} : { reason }) });
    return this.#ended(run, async () => {
      await store.plan(run, repairs);
      await this.#apply(run, [table], { onRefused: () => Promise.resolve('refused') });
      return { run, repairs: await store.repairs(run, { after: '0', limit: READ_AT_ONCE }) };
    });
  }

  async #ended<T>(run: string, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      await this.#options.store.end(run, 'done');
      return result;
    } catch (error) {
      // The first error is the one to tell.
      await this.#options.store.end(run, 'failed').catch((second: unknown) => this.#options.logger?.warn('the end of a run could not be noted', { run, reason: messageOf(second) }));
      throw error;
    }
  }

  async #reconcile(options: ReconcileOptions, { startedMs, run }: { readonly startedMs: number; readonly run: string | undefined }): Promise<ReconcileReport> {
    const { maxListed = 100 } = options;
    const { store, scope } = this.#options;
    const specs = (options.tables ?? (await this.#allTables())).map((table): TableToReconcile => ({ ...(typeof table === 'string' ? { table } : table), level: 'full' }));
    const open = new Map<TableName, ReconciledTable>();
    const tallies = new Map<TableName, Tally>();
    const tallyOf = (name: TableName): Tally => {
      let tally = tallies.get(name);
      if (!tally) tallies.set(name, (tally = emptyTally(name, policyOf(specs, name, options).policy)));
      return tally;
    };
    const listed = { repairs: [] as PlannedRepair[], cases: [] as PlannedCase[], limit: maxListed };
    const { repairers } = this;
    const report = await new ConsistencyValidator(this.#sides.monolith, this.#sides.service, this.#options).validate({
      tables: specs, level: 'full', maxDifferences: 0, ...(options.tolerance === undefined ? {} : { tolerance: options.tolerance }), ...(options.exact === undefined ? {} : { exact: options.exact }),
      ...(options.onProgress ? { onProgress: options.onProgress } : {}), ...(options.signal ? { signal: options.signal } : {}),
      onDifferences: async (found) => {
        const name = found.pair.table;
        let table = open.get(name);
        if (!table) open.set(name, (table = await this.#open(found.pair, { specs, options })));
        await planDifferences(found, { table, repairers, strategy: this.#options.strategy, tally: tallyOf(name), kept: run === undefined ? undefined : { run, scope, store }, listed });
      },
    });
    for (const compared of report.tables) noteCompared(tallyOf(compared.table), compared);
    if (run !== undefined) {
      await this.#apply(run, [...open.values()], {
        ...options,
        onRefused: async (table, refused) => {
          const { rejected } = await store.queue(run, scope, refused.map((repair) => refusedCase(table, repair)));
          tallyOf(table.table).rejected += rejected;
          tallyOf(table.table).queued -= rejected;
          return 'queued';
        },
      });
      await this.#count(run, tallyOf);
      // A row that could not be judged this time may be one that is queued.
      const judged = [...tallies.values()].filter(({ left, unsettled, absentOn }) => left + unsettled === 0 && absentOn === undefined);
      await store.closeUnseen(run, scope, judged.map(({ table }) => table));
    }
    const tables = report.tables.map(({ table }) => tallyOf(table));
    const found = tables.some(({ missing, extra, different }) => missing + extra + different > 0);
    const remains = tables.some((table) => table.left + table.queued + table.rejected + table.unsettled > 0 || table.drift !== undefined || table.absentOn !== undefined);
    return {
      consistent: !remains && (run !== undefined || !found), dryRun: run === undefined, ...(run === undefined ? {} : { run }),
      seconds: (this.#clock.monotonic() - startedMs) / 1000, tables,
      ...(run === undefined ? { repairs: listed.repairs, cases: listed.cases } : {}),
    };
  }

  get repairers(): Readonly<Record<Side, RowRepairer>> {
    return { monolith: this.#sides.monolith.repairer, service: this.#sides.service.repairer };
  }

  #apply(
    run: string,
    tables: readonly ReconciledTable[],
    { onRefused, onRepaired, signal }: Pick<Parameters<typeof applyRepairs>[0], 'onRefused'> & Pick<ReconcileOptions, 'onRepaired' | 'signal'>,
  ): Promise<void> {
    return applyRepairs({
      run, tables, onRefused, store: this.#options.store, way: this.#way, metrics: this.#metrics,
      ...(onRepaired ? { onApplied: onRepaired } : {}), ...(signal ? { signal } : {}),
    });
  }

  async #count(run: string, tallyOf: (table: TableName) => Tally): Promise<void> {
    for (const { table, kind, state, repairs } of await this.#options.store.count(run)) {
      const tally = tallyOf(table);
      if (state === 'applied') tally[WRITTEN[kind]] += repairs;
      else if (state === 'queued') tally.queued += repairs;
      else tally.left += repairs;
    }
  }

  async *#repairs(run: string, states?: readonly StoredRepair['state'][]): AsyncGenerator<readonly StoredRepair[]> {
    for (let after = '0'; ; ) {
      const batch = await this.#options.store.repairs(run, { after, limit: READ_AT_ONCE, ...(states ? { states } : {}) });
      const last = batch.at(-1);
      if (!last) return;
      yield batch;
      after = last.id;
    }
  }

  /** What a run has done, or may have done without living to note it. */
  #written(run: string): AsyncGenerator<readonly StoredRepair[]> {
    return this.#repairs(run, ['applied', 'planned', 'interrupted']);
  }

  async #allTables(): Promise<readonly TableName[]> {
    return [...new Set((await Promise.all(Object.values(this.#sides).map(({ checksummer }) => checksummer.listTables()))).flat())];
  }

  async #open(pair: TablePair, { specs, options }: { readonly specs: readonly TableToReconcile[]; readonly options: Pick<ReconcileOptions, 'policy' | 'allowDeletes'> }): Promise<ReconciledTable> {
    const spec = specOf(specs, pair.table);
    const [monolith, service] = await Promise.all([this.repairers.monolith.describe(pair.table), this.repairers.service.describe(pair.targetTable)]);
    return reconciledTable({
      pair, policy: policyOf(specs, pair.table, options), deletes: (options.allowDeletes ?? []).some((name) => parseTableName(name) === pair.table), sides: { monolith, service }, closed: this.#options.closed,
      ...(spec?.mapping ? { mapping: spec.mapping } : {}), ...(spec?.noWayBack === undefined ? {} : { noWayBack: spec.noWayBack }),
    });
  }

  /** Tables that were not compared now, as the specifications describe them. */
  async #tables(names: readonly TableName[], options: Pick<ReconcileOptions, 'tables'>): Promise<ReadonlyMap<TableName, ReconciledTable>> {
    const specs = (options.tables ?? names).map((table) => (typeof table === 'string' ? { table } : table));
    const { monolith, service } = this.#sides;
    const [ours, theirs] = await Promise.all([monolith.checksummer.testVector(), service.checksummer.testVector()]);
    const tables = new Map<TableName, ReconciledTable>();
    for (const name of names) {
      const spec: TableToReconcile = specOf(specs, name) ?? { table: name };
      const target = spec.as === undefined ? name : parseTableName(spec.as);
      const [a, b] = await Promise.all([monolith.checksummer.describe(name), service.checksummer.describe(target)]);
      const pair = pairTables({ spec, source: a, target: b, hash: ours === theirs && ours !== '' ? 'record' : 'canonical', exact: false });
      tables.set(name, await this.#open(pair, { specs, options: {} }));
    }
    return tables;
  }
}

const specOf = (specs: readonly TableToReconcile[], table: TableName): TableToReconcile | undefined => specs.find((spec) => parseTableName(spec.table) === table);

const policyOf = (specs: readonly TableToReconcile[], table: TableName, { policy }: Pick<ReconcileOptions, 'policy'>): TablePolicy =>
  specOf(specs, table)?.policy ?? policy ?? { policy: 'review' };

function noteCompared(tally: Tally, { counts, drift, absentOn }: TableReport): void {
  Object.assign(tally, { missing: counts.missing, extra: counts.extra, different: counts.different, unsettled: counts.unsettled, ...(drift ? { drift } : {}), ...(absentOn ? { absentOn } : {}) });
}

function refusedCase(table: ReconciledTable, repair: StoredRepair & { readonly reason: string }): ReturnType<typeof caseOf> {
  const { side, identity, before, other = [], reason } = repair;
  const [monolith, service] = side === 'monolith' ? [before, other] : [other, before];
  const type = service.length < monolith.length && (service.length === 0 || table.pair.keyLength === 0) ? 'missing' : monolith.length < service.length ? 'extra' : 'different';
  return caseOf(table, { difference: { type, identity, monolith: { rows: monolith }, service: { rows: service } }, columns: [], why: reason });
}
