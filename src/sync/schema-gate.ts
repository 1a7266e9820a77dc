import type { Relation } from '../model/change.ts';
import type { NamedRow } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';
import type { TargetTable } from '../ports/applier.ts';
import type { Mapping } from './mapping.ts';
import type { SchemaWatch } from './schema-watch.ts';
import type { Fault } from './set-aside.ts';
import { asWrite, isSpooledSteps, named, namedKey, type Step, type Work } from './work.ts';

/**
 * Where works pass on their way from the queue to the target: each leaves in the form that the tables have now,
 * and none whose tables' forms are new passes before somebody has looked at them.
 */
export class SchemaGate {
  readonly #watch: SchemaWatch;
  readonly #mapping: () => Mapping;
  readonly #describe: () => Promise<void>;
  #stale = false;
  /** Tables that the target has refused at some time. */
  readonly #refused = new Set<TableName>();
  #nextLookAt = Number.NEGATIVE_INFINITY;

  constructor(options: {
    readonly watch: SchemaWatch;
    /** As the tables are known now. */
    readonly mapping: () => Mapping;
    /** Reads the target's tables anew. */
    readonly describe: () => Promise<void>;
  }) {
    this.#watch = options.watch;
    this.#mapping = options.mapping;
    this.#describe = options.describe;
  }

  /** Those that can go, in the present form, and those that wait for {@link fit}. */
  split(works: readonly Work[]): { readonly first: readonly Work[]; readonly rest: readonly Work[] } {
    const at = works.findIndex((work) => this.#news(work).length > 0);
    if (at < 0) return { first: this.current(works), rest: [] };
    return { first: this.current(works.slice(0, at)), rest: works.slice(at) };
  }

  /** Looks at the new forms of a work's tables. Afterwards each fits, or is paused. */
  async fit(work: Work | undefined): Promise<void> {
    for (const [table, relation] of work ? this.#news(work) : []) await this.#watch.examine(table, relation);
    await this.#describe();
  }

  /** Looks at every table of some works, which the target has refused for what one of them is. */
  async examine(works: readonly Work[]): Promise<void> {
    const tables = new Set<TableName>();
    for (const { steps } of works) {
      if (isSpooledSteps(steps)) continue;
      for (const step of steps) if (step.kind !== 'truncate') tables.add(nameOf(step));
    }
    for (const table of tables) await this.#watch.examine(table);
    await this.#describe();
  }

  lookDue(now: number): boolean {
    return this.#watch.hasResumed || (this.#watch.paused.length > 0 && now >= this.#nextLookAt);
  }

  /**
   * A look may wait for a table's lock, and meanwhile no other table of the stream goes on, nor does anybody who
   * wants that table: most of the time is theirs.
   */
  looked({ began, ended, everyMs }: { readonly began: number; readonly ended: number; readonly everyMs: number }): void {
    this.#nextLookAt = Math.max(began + everyMs, ended + REST * (ended - began));
  }

  /** Looks at what is paused; gives whether a table goes on, and what waited for it is due. */
  async look(): Promise<boolean> {
    for (const { table } of this.#watch.paused) await this.#watch.examine(table);
    if (!this.#watch.hasResumed) return false;
    await this.#describe();
    return this.#watch.takeResumed();
  }

  /** Its changes are in quarantine by now. */
  refused(table: TableName, fault: Fault): void {
    this.#watch.refused(table, fault);
    if (this.#refused.has(table)) return;
    this.#refused.add(table);
    // What is known of the target may be out of date, and all of it fit.
    this.#nextLookAt = Number.NEGATIVE_INFINITY;
  }

  markStale(): void {
    this.#stale = true;
  }

  /** Reads the target's tables anew if they may have changed. */
  async refresh(): Promise<void> {
    if (!this.#stale) return;
    this.#stale = false;
    try {
      await this.#watch.examineAll();
      await this.#describe();
    } catch (error) {
      this.#stale = true;
      throw error;
    }
  }

  assertFresh(): void {
    if (this.#stale) throw new OutOfDate();
  }

  /** Works in the form that the tables have now; the same list if they are. */
  current(works: readonly Work[]): readonly Work[] {
    const mapping = this.#mapping();
    return works.every((work) => work.mapping === undefined || work.mapping === mapping) ? works : works.map((work) => this.#current(work, mapping));
  }

  /** A row's names as the form of a table, if some of them are new. */
  unknownIn({ name, columns, formerly }: TargetTable, row: NamedRow): Relation | undefined {
    const names = Object.keys(row);
    if (names.every((each) => columns.includes(each) || formerly?.has(each))) return undefined;
    return { table: name, columns: names.map((each) => ({ name: each, identity: false, typeId: -1 })), replicaIdentity: 'nothing' };
  }

  #news({ unfit }: Work): readonly (readonly [TableName, Relation])[] {
    if (!unfit) return [];
    return [...unfit].filter(([table, relation]) => this.#watch.pauseOf(table) === undefined && !this.#watch.knows(table, relation));
  }

  #current(work: Work, mapping: Mapping): Work {
    const { steps } = work;
    if (work.mapping === undefined || work.mapping === mapping || isSpooledSteps(steps)) return work;
    // Of what is paused nothing may be left out.
    const waits = (step: Step): boolean => step.kind !== 'truncate' && this.#watch.pauseOf(nameOf(step)) !== undefined;
    return { ...work, mapping, steps: work.again?.() ?? steps.map((step) => (waits(step) ? step : reshaped(step, mapping))) };
  }
}

/** How much longer than a look took none follows it. */
const REST = 5;

/** The other side's log tells that a table has changed here; it is read again before anything is decided. */
class OutOfDate extends Error {
  constructor() {
    super("the target's tables have changed");
    // What was stopped half way was not at fault: see Applier.isTransient.
    this.name = 'AbortError';
  }
}

function nameOf(step: Exclude<Step, { kind: 'truncate' }>): TableName {
  const { of, table } = asWrite(step);
  return of ?? table.name;
}

function reshaped(step: Step, mapping: Mapping): Step {
  if (step.kind === 'truncate') return { ...step, tables: step.tables.map((table) => mapping.tableNamed(table.name) ?? table) };
  if (step.kind === 'offered') {
    const write = mapping.reshaped(step.write);
    return { ...step, write, table: write.table };
  }
  if (step.kind !== 'decided' && step.kind !== 'requested') return mapping.reshaped(step);
  const { table, row = null } = mapping.reshaped(asWrite(step));
  // The key may be another one by now as well.
  const about = mapping.rowOf(step.table.name, step.former ?? namedKey(step.table, step.key), step.kind === 'decided' && step.row ? named(step.table, step.row) : {});
  if (step.kind === 'requested') return { ...step, table, ...about };
  // What a decision does not name is not left to a default: see followDecision.
  return { ...step, ...about, table: mapping.tableNamed(table.name) ?? table, row: step.row && row };
}
