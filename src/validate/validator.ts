import { systemClock, type Clock } from '../core/clock.ts';
import { BanyanError, isBanyanError } from '../core/errors.ts';
import { silentLogger, type Logger } from '../core/logger.ts';
import { noMetrics, type Metrics } from '../core/metrics.ts';
import type { Checksummer, HashMethod, TableShape } from '../ports/checksummer.ts';
import type { ReferenceFinder } from '../ports/references.ts';
import type { Replica } from '../ports/replica.ts';
import type { RuleReader } from '../ports/rule-reader.ts';
import type { StructureComparer } from '../ports/structure.ts';
import { STRUCTURE_CHECKS, type StructureCheck } from '../model/structure-finding.ts';
import type { TableName } from '../model/names.ts';
import { Attempts } from './attempts.ts';
import { FenceBarrier, PauseBarrier, type Barrier, type FenceOptions } from './barrier.ts';
import { rangesOf } from './compare-ranges.ts';
import { compareTable, type FoundDifferences } from './compare-table.ts';
import { IncrementalRun, refuseIncremental, type IncrementalOptions } from './incremental/incremental.ts';
import { pairNames, pairTables, type TableToValidate } from './pair.ts';
import { Pace, type PaceOptions } from './pace.ts';
import { ReplicaBarrier, replicasCaughtUp, type ReplicaOptions } from './replica-barrier.ts';
import type { Progress } from './progress.ts';
import { RunJournal, type JournalOptions } from './run-journal.ts';
import { scoreOfTables, type Level, type TableReport, type ValidationReport } from './report.ts';
import { SEVERITY_OF } from './severity.ts';
import { checkReferences } from './structure/check-references.ts';
import { checkStructure } from './structure/check-structure.ts';
import { measureStructure } from './structure/measure-structure.ts';
import { refuseNullKeys } from './refuse-null-keys.ts';
import type { Rule } from './rules/rule.ts';
import type { RuleReport } from './rules/rule-report.ts';
import type { TimedTable } from './rules/check-times.ts';
import { runRules } from './rules/run-rules.ts';
import { tableTolerance, type Tolerance } from './tolerance.ts';
import { Watch, type WatchOptions } from './watch.ts';

/** One of the two databases. */
export interface ValidationSide {
  readonly checksummer: Checksummer;
  /** Needed for rules. */
  readonly rules?: RuleReader;
}

export interface ValidatorOptions {
  /** With it, both sides may be written: rows in flight are told from differences by position. Default: by a pause. */
  readonly fence?: FenceOptions;
  /** The standbys among what the sides read: each is awaited at every fence. Default: both sides read their primaries. */
  readonly replicas?: readonly Replica[];
  /** With it, tables are compared as they are defined, too. Default: only their rows. */
  readonly structure?: StructureComparer;
  /** With it, rows that refer to nothing are looked for, at levels `checksum` and `full`. Default: they are not. */
  readonly references?: ReferenceFinder;
  /** Where a run keeps how far it is, so that it can be resumed. Default: nowhere. */
  readonly journal?: JournalOptions;
  /** What the streams have noted of the rows they read. With it, runs of the levels `checksum` and `full` keep what incremental ones go on from. Default: nothing is known. */
  readonly marks?: IncrementalOptions;
  /** Spares the servers: ranges that end in time, and rests. Tables with another key than one whole number are not paced. Default: as fast as it goes. */
  readonly pace?: PaceOptions;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** A number in [0, 1), for samples. Default: 0.5, which draws the same sample each time. */
  readonly random?: () => number;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

export interface ValidateOptions {
  /** Default: every table that either side has. */
  readonly tables?: readonly (string | TableToValidate)[];
  /**
   * `count` counts rows, and finds which are missing if the numbers differ. `sample` compares rows drawn
   * at random. `checksum` finds every differing row in one scan of each side. `full` (default) also
   * reads the differing columns' values; it costs more only where rows differ.
   */
  readonly level?: Level;
  /** What is looked at beside the rows. Default: all there is. Costs a few dozen statements on each side. */
  readonly checks?: readonly StructureCheck[];
  /** SQL condition for tables that have none of their own. */
  readonly where?: string;
  /** Compare every value's text: 1.10 is not 1.1, and the order of jsonb keys counts as written. Default false. */
  readonly exact?: boolean;
  /** How far floating-point numbers and decimals may be apart. Default 0: not at all. */
  readonly tolerance?: Tolerance;
  /** Business rules; the tables' temporal rules are checked beside them. */
  readonly rules?: readonly Rule[];
  /** Check the rules, and compare no rows. Default false. */
  readonly rulesOnly?: boolean;
  /**
   * A table or rule that can not be checked does not keep the others from it: it is among the report's `unchecked`,
   * which is not consistent then. The run fails all the same if nothing could be checked. Default false: it fails at the first.
   */
  readonly keepGoing?: boolean;
  /** Columns (the source's names, or those of columns that only the target has) that are not compared in any table that has them. */
  readonly exclude?: readonly string[];
  /** Keys of each kind listed for a table; all are counted. Default 100. */
  readonly maxDifferences?: number;
  /** Rows drawn from each side at level `sample`. Default 1000. */
  readonly sampleRows?: number;
  /** Confidence of a sample's bound. Default 0.95. */
  readonly confidence?: number;
  /** Looks at a differing row before it is given up as unsettled. Default 20. */
  readonly rounds?: number;
  /**
   * The longest that an application takes between writing the two ends of a reference in two databases, in
   * milliseconds. Where references look broken, the run takes three times as long more. Default 1000.
   */
  readonly referenceGraceMs?: number;
  /** Pause between two looks where there is no fence, in milliseconds. Default 200. */
  readonly pauseMs?: number;
  /**
   * Rows of one range of a table whose key is one whole number, each range with a snapshot of its own.
   * Default: 2,097,152 where the rows lie in the order of that key, else the table is scanned as a whole in
   * one snapshot; where they do not, ranges cost the server reads all over the table.
   */
  readonly rangeRows?: number;
  /** Hash of the rows. Default: the servers' record hash if both hash alike, else the canonical one, at about half the speed. */
  readonly hash?: HashMethod;
  /**
   * Go on where a run of the same options was cut off: tables and ranges that it had finished are not
   * scanned again, and what differed there is looked at again. Default false. Only with a journal, and
   * of the levels `checksum` and `full`.
   */
  readonly resume?: boolean;
  /**
   * Compare only rows that the streams have touched since they were last compared, and those that differed then: it
   * finds what a run over all rows would find, but for what was written behind the streams' back. A table of which
   * that is not known is compared as a whole, and the report says so. Of the levels `checksum` and `full`, with
   * `marks` and a fence, and without `resume`: a run that is cut off leaves its marks to the next. Default false.
   */
  readonly incremental?: boolean;
  readonly onProgress?: (progress: Progress) => void;
  /** Told of every difference, a batch at a time, and waited for. The report's lists stay bounded. Not at level `sample`. */
  readonly onDifferences?: (found: FoundDifferences) => Promise<void>;
  /** Stops; what runs on the servers is cancelled. */
  readonly signal?: AbortSignal;
}

/**
 * Finds every difference between two databases, and blames no row that is only on its way.
 *
 * Rows are hashed in the databases, one scan for each table and side; only leaves that differ are
 * read row by row, and only rows that still differ at a later fence are reported.
 */
export class ConsistencyValidator {
  readonly #rules: { readonly source: RuleReader | undefined; readonly target: RuleReader | undefined };
  readonly #source: Checksummer;
  readonly #target: Checksummer;
  readonly #fence: FenceOptions | undefined;
  readonly #replicas: readonly Replica[];
  readonly #structure: StructureComparer | undefined;
  readonly #references: ReferenceFinder | undefined;
  readonly #pace: Pace | undefined;
  readonly #journal: JournalOptions | undefined;
  readonly #marks: IncrementalOptions | undefined;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #logger: Logger;
  readonly #metrics: Metrics;

  /** @param source the monolith, where there is one. */
  constructor(source: ValidationSide, target: ValidationSide, options: ValidatorOptions = {}) {
    this.#rules = { source: source.rules, target: target.rules };
    this.#source = source.checksummer;
    this.#target = target.checksummer;
    this.#fence = options.fence;
    this.#replicas = options.replicas ?? [];
    this.#structure = options.structure;
    this.#references = options.references;
    this.#journal = options.journal;
    this.#marks = options.marks;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? (() => 0.5);
    this.#logger = options.logger ?? silentLogger;
    this.#metrics = options.metrics ?? noMetrics;
    this.#pace = options.pace && new Pace(options.pace, { clock: this.#clock, logger: this.#logger });
  }

  /**
   * Compares tables, one after the other.
   * @throws BANYAN_TABLE_UNKNOWN if neither side has a named table.
   * @throws BANYAN_VALIDATE_COLUMN if a named column does not exist.
   * @throws BANYAN_VALIDATE_KEY if rows have nulls in the key by which they are compared.
   * @throws BANYAN_VALIDATE_QUERY if a database refuses to read a table.
   * @throws BANYAN_VALIDATE_RULE if a rule can not be checked.
   * @throws BANYAN_VALIDATE_INCREMENTAL if only what was touched is to be compared, and nobody knows what that is.
   * @throws BANYAN_VALIDATE_FENCE if the streams do not pass a fence in time, or a replica does not replay it.
   * @throws BANYAN_VALIDATE_REPLICA if a replica can not stand for its primary any more.
   * @throws the signal's reason when stopped.
   */
  async validate(options: ValidateOptions = {}): Promise<ValidationReport> {
    const { level = 'full', signal } = options;
    const startedMs = this.#clock.monotonic();
    refuseIncremental(options, { level, marked: this.#marks !== undefined });
    // A table that a standby does not have yet is not absent.
    await replicasCaughtUp(this.#awaited(options));
    const specs = await this.#excluding(options.exclude ?? [], await this.#specs(options));
    const hash = options.hash ?? (await this.#commonHash());
    const barrier = this.#barrier(options);
    const journal = options.incremental === true ? undefined : await this.#openJournal(options, { specs, level, hash });
    const incremental = await this.#openIncremental(options, level);
    const attempts = new Attempts(options);
    const compared: TableReport[] = [];
    for (const spec of options.rulesOnly === true ? [] : specs) {
      signal?.throwIfAborted();
      const report = await attempts.make({ check: 'rows', name: pairNames(spec).source }, () => this.#validateTable({ spec, level, hash, barrier, options, journal, incremental }));
      if (!report) continue;
      this.#measure(report);
      compared.push(report);
    }
    const checks = new Set(options.checks ?? STRUCTURE_CHECKS);
    // Where no rows are compared, there is no report of a table to join it to.
    const comparer = compared.length > 0 ? this.#structure : undefined;
    const defined = (comparer && (await attempts.make({ check: 'structure' }, () => checkStructure({ comparer, tables: compared, specs, checks })))) ?? compared;
    const finder = compared.length > 0 && checks.has('references') && (level === 'checksum' || level === 'full') ? this.#references : undefined;
    const tables = (finder && (await attempts.make({ check: 'references' }, () => checkReferences({
      finder, tables: defined, specs: specs.filter((spec) => compared.some(({ table }) => table === pairNames(spec).source)), barrier, clock: this.#clock,
      rounds: options.rounds ?? 20, graceMs: options.referenceGraceMs ?? 1000, maxDifferences: options.maxDifferences ?? 100,
      ...(signal ? { signal } : {}),
    })))) ?? defined;
    await journal?.close();
    measureStructure(tables, this.#metrics);
    const rules = await this.#checkRules(specs, { barrier, options, attempts });
    attempts.refuseNothing();
    const { unchecked } = attempts;
    const rows = sum(tables, (table) => table.source);
    const seconds = (this.#clock.monotonic() - startedMs) / 1000;
    this.#metrics.observe('reconciliation_duration_seconds', seconds, { job_type: level });
    return {
      consistent: unchecked.length === 0 && tables.every((table) => table.consistent) && (rules ?? []).every((rule) => rule.ok),
      level,
      rows,
      seconds,
      score: scoreOfTables(tables),
      tables,
      ...(rules ? { rules } : {}),
      ...(unchecked.length > 0 ? { unchecked } : {}),
    };
  }

  /** Validates again and again until stopped. The first run starts at once. */
  watch(options: WatchOptions): Watch {
    return new Watch({ validate: (run) => this.validate(run), clock: this.#clock, logger: this.#logger, options });
  }

  async #specs(options: ValidateOptions): Promise<readonly TableToValidate[]> {
    const wanted = options.tables ?? [...new Set((await Promise.all([this.#source.listTables(), this.#target.listTables()])).flat())];
    if (wanted.length === 0 && options.tables === undefined) throw new BanyanError('BANYAN_TABLE_UNKNOWN', { message: 'Neither side has a table, so there is nothing to compare.' });
    return wanted.map((table) => {
      const spec = typeof table === 'string' ? { table } : table;
      return options.where === undefined || spec.where !== undefined ? spec : { ...spec, where: options.where };
    });
  }

  /** @throws BANYAN_VALIDATE_COLUMN if no table has a column of that name: it was mistyped. */
  async #excluding(exclude: readonly string[], specs: readonly TableToValidate[]): Promise<readonly TableToValidate[]> {
    if (exclude.length === 0) return specs;
    const seen = new Set<string>();
    const compared = new Set<string>();
    const result: TableToValidate[] = [];
    for (const spec of specs) {
      const names = pairNames(spec);
      const { shape } = await shapeOf(this.#source, names.source);
      const has = (columns: readonly { readonly name: string }[] = []) => (name: string) => columns.some((column) => column.name === name);
      // Where columns are chosen, what else the target has is not compared anyhow.
      const there = spec.columns === undefined && !exclude.every(has(shape?.columns)) ? (await shapeOf(this.#target, names.target)).shape?.columns : [];
      const here = exclude.filter((name) => has(shape?.columns)(name) || has(there)(name));
      const key = spec.key ?? shape?.key ?? [];
      for (const name of here) (key.includes(name) ? compared : seen).add(name);
      result.push(here.length === 0 ? spec : { ...spec, exclude: [...(spec.exclude ?? []), ...here] });
    }
    const keys = exclude.filter((name) => compared.has(name) && !seen.has(name));
    if (keys.length > 0) throw new BanyanError('BANYAN_VALIDATE_COLUMN', { message: `"${keys.join('", "')}" can not be excluded: rows are told apart by it.`, details: { columns: keys } });
    const unknown = exclude.filter((name) => !seen.has(name));
    if (unknown.length === 0) return result;
    throw new BanyanError('BANYAN_VALIDATE_COLUMN', { message: `No table has a column "${unknown.join('", "')}" to exclude.`, details: { columns: unknown } });
  }

  /** Undefined: there are none to check. */
  async #checkRules(
    specs: readonly TableToValidate[],
    run: { readonly barrier: Barrier; readonly options: ValidateOptions; readonly attempts: Attempts },
  ): Promise<readonly RuleReport[] | undefined> {
    const { barrier, options, attempts } = run;
    const { rules = [], rounds = 20, maxDifferences = 100, signal } = options;
    const timed = specs.flatMap((spec) => (spec.temporal ? [{ spec, rules: spec.temporal }] : []));
    if (rules.length === 0 && timed.length === 0) return undefined;
    const { source, target } = this.#rules;
    if (!source || !target) throw new BanyanError('BANYAN_USAGE', { message: 'Rules need both sides to be able to run queries: give the validator their `rules`.' });
    const tables: TimedTable[] = [];
    for (const { spec, rules: temporal } of timed) {
      const names = pairNames(spec);
      const of = { check: 'rule', name: `temporal:${names.source}` } as const;
      const [here, there] = await Promise.all([shapeOf(this.#source, names.source), shapeOf(this.#target, names.target)]);
      if (here.shape && there.shape) {
        const shapes = { source: here.shape, target: there.shape };
        const pair = await attempts.make(of, () => Promise.resolve().then(() => pairTables({ spec, ...shapes, hash: 'record', exact: false })));
        if (pair) tables.push({ pair, shapes, rules: temporal });
        continue;
      }
      // Where rows are compared, the table's own report says so.
      const [absent] = [here, there].filter((side) => side.shape === undefined);
      if (options.rulesOnly === true && absent) await attempts.make(of, () => Promise.reject(absent.error));
    }
    return runRules({ rules, tables }, { sides: { source, target }, attempts, barrier, rounds, limit: maxDifferences, clock: this.#clock, metrics: this.#metrics, ...(signal ? { signal } : {}) });
  }

  async #commonHash(): Promise<HashMethod> {
    const [source, target] = await Promise.all([this.#source.testVector(), this.#target.testVector()]);
    if (source === target && source !== '') return 'record';
    this.#logger.info('the servers do not hash rows alike; comparing canonical texts, which is slower');
    return 'canonical';
  }

  #openJournal(options: ValidateOptions, run: { readonly specs: readonly TableToValidate[]; readonly level: Level; readonly hash: HashMethod }): Promise<RunJournal | undefined> {
    if (!this.#journal) return Promise.resolve(undefined);
    const { exact = false, tolerance = 0 } = options;
    const question = { ...run, specs: run.specs.map(plain), exact, tolerance };
    return RunJournal.open(this.#journal, { question, resume: options.resume ?? false, clock: this.#clock, logger: this.#logger });
  }

  #openIncremental({ incremental: only = false, rulesOnly, signal }: ValidateOptions, level: Level): Promise<IncrementalRun | undefined> {
    // Tables of their own level do not count: a run over all rows of one is only not kept then.
    if (!this.#marks || rulesOnly === true || (level !== 'checksum' && level !== 'full')) return Promise.resolve(undefined);
    return IncrementalRun.open(this.#marks, { only, fence: this.#fence, clock: this.#clock, logger: this.#logger, ...(signal ? { signal } : {}) });
  }

  #barrier(options: ValidateOptions): Barrier {
    const { signal } = options;
    const primaries = this.#fence ? new FenceBarrier(this.#fence, signal) : new PauseBarrier({ clock: this.#clock, pauseMs: options.pauseMs ?? 200, ...(signal ? { signal } : {}) });
    return this.#replicas.length === 0 ? primaries : new ReplicaBarrier(primaries, this.#awaited(options));
  }

  #awaited({ signal }: ValidateOptions): ReplicaOptions {
    return {
      replicas: this.#replicas,
      ...(this.#fence?.timeoutMs === undefined ? {} : { timeoutMs: this.#fence.timeoutMs }),
      ...(signal ? { signal } : {}),
    };
  }

  async #validateTable(run: {
    readonly spec: TableToValidate;
    readonly level: Level;
    readonly hash: HashMethod;
    readonly barrier: Barrier;
    readonly options: ValidateOptions;
    readonly journal: RunJournal | undefined;
    readonly incremental: IncrementalRun | undefined;
  }): Promise<TableReport> {
    const { spec, hash, barrier, options, journal, incremental } = run;
    const level = spec.level ?? run.level;
    const names = pairNames(spec);
    const [source, target] = await Promise.all([shapeOf(this.#source, names.source), shapeOf(this.#target, names.target)]);
    if (!source.shape && !target.shape) throw source.error;
    if (!source.shape || !target.shape) return absentTable(names, source.shape ? 'target' : 'source');
    const pair = pairTables({ spec, source: source.shape, target: target.shape, hash, exact: spec.exact ?? options.exact ?? false, tolerance: tableTolerance(options.tolerance, spec.tolerance) });
    await refuseNullKeys({ pair, source: { checksummer: this.#source, shape: source.shape }, target: { checksummer: this.#target, shape: target.shape } });
    const closely = level === 'checksum' || level === 'full';
    const memory = closely ? incremental?.table({ pair, shapes: { source: source.shape, target: target.shape }, keyGiven: spec.key !== undefined, resumed: journal?.before(pair.table) !== undefined }) : undefined;
    const report = await compareTable({
      pair,
      level,
      source: this.#source,
      target: this.#target,
      barrier,
      clock: this.#clock,
      rounds: options.rounds ?? 20,
      maxDifferences: options.maxDifferences ?? 100,
      sampleRows: spec.sampleRows ?? options.sampleRows ?? 1000,
      confidence: options.confidence ?? 0.95,
      ...rangesOf({ spec, source: source.shape, target: target.shape, rows: options.rangeRows, paced: this.#pace !== undefined }),
      ...(this.#pace ? { pace: this.#pace } : {}),
      ...(journal && closely ? { journal } : {}),
      ...(memory ? { memory } : {}),
      random: this.#random,
      ...(options.onProgress ? { onProgress: options.onProgress } : {}),
      ...(options.onDifferences ? { onDifferences: options.onDifferences } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    return level === run.level ? report : { ...report, level };
  }

  #measure(report: TableReport): void {
    const { table, counts, score } = report;
    this.#metrics.gauge('data_drift_percentage', (1 - score) * 100, { table });
    for (const type of ['missing', 'extra', 'different'] as const) {
      if (counts[type] > 0) this.#metrics.count('reconciliation_inconsistencies_total', { table, type, severity: SEVERITY_OF[type] }, counts[type]);
    }
  }
}

/** A specification whose maps are lists, as JSON needs them. */
function plain(spec: TableToValidate): unknown {
  return { ...spec, columns: spec.columns?.map((column) => (typeof column === 'string' || !column.values ? column : { ...column, values: [...column.values] })) };
}

type Described = { readonly shape: TableShape } | { readonly shape?: undefined; readonly error: unknown };

async function shapeOf(checksummer: Checksummer, table: TableName): Promise<Described> {
  try {
    return { shape: await checksummer.describe(table) };
  } catch (error) {
    if (isBanyanError(error, 'BANYAN_TABLE_UNKNOWN')) return { error };
    throw error;
  }
}

function absentTable(names: { readonly source: TableName; readonly target: TableName }, side: 'source' | 'target'): TableReport {
  return {
    table: names.source,
    ...(names.source === names.target ? {} : { targetTable: names.target }),
    consistent: false,
    absentOn: side,
    source: 0,
    target: 0,
    missing: [],
    extra: [],
    different: [],
    counts: { missing: 0, extra: 0, different: 0, unsettled: 0 },
    score: 0,
    seconds: 0,
  };
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
