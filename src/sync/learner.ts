import type { Change, Transaction } from '../model/change.ts';
import { parseTableName } from '../model/names.ts';
import { ORIGIN_OF_TIME, type Position } from '../model/position.ts';
import type { DecidedRow } from './knowledge.ts';
import type { Mapping } from './mapping.ts';
import { OfferReader } from './offers.ts';
import { discardAll, inParts, parseNamed, textsOf, Unfit, type InMemory, type Reading } from './reading.ts';
import type { SchemaGate } from './schema-gate.ts';
import type { DirectionStreamOptions } from './stream-options.ts';
import { type Decided, type Step, type Work } from './work.ts';

export interface LearnerOptions extends Pick<DirectionStreamOptions, 'service' | 'sourceKnowledge' | 'echoOrigin' | 'ownTables' | 'marks'> {
  /** As the tables are known now. */
  readonly mapping: () => Mapping;
  /** Absent: the tables' forms are not watched. */
  readonly gate: SchemaGate | undefined;
}

/** Reads one side's transactions: notes what they tell of that side, and makes works of what is to be applied on the other. */
export class Learner {
  readonly #options: LearnerOptions;
  readonly #offerReader = new OfferReader();

  constructor(options: LearnerOptions) {
    this.#options = options;
  }

  /** Notes what a transaction, or a unit of several, tells of its side, and translates it into one work. */
  learn(parts: readonly InMemory[], position: Position): Work {
    const steps: Step[] = [];
    let urgent = false;
    let counts = false;
    let bytes = 0;
    const unfit = new Unfit();
    const decided = new Map<string, DecidedRow>();
    const readings: { readonly part: InMemory; readonly reading: Reading }[] = [];
    for (const part of parts) {
      const reading = this.#learnCommit(part, { unfit, decided });
      const before = steps.length;
      this.#translate(part.changes, reading, steps);
      urgent ||= reading.marked;
      if (!reading.echo && steps.length > before) counts = true;
      bytes += part.bytes ?? 0;
      readings.push({ part, reading: { ...reading, learning: false } });
    }
    this.#options.sourceKnowledge.placeDecisions(decided);
    const again = (): readonly Step[] => readings.flatMap(({ part, reading }) => this.#translate(part.changes, { ...reading, unfit: new Unfit() }, []));
    return {
      position, seen: this.#options.sourceKnowledge.seenOfOther, committedAt: parts.at(-1)?.committedAt ?? 0n,
      steps, bytes, urgent: urgent || steps.length > 0, counts, ...this.#formOf(unfit), ...(unfit.size > 0 ? { again } : {}),
    };
  }

  /** With what a work was translated, where the tables' forms may change. */
  #formOf(unfit: Unfit): Pick<Work, 'mapping' | 'unfit'> {
    return this.#options.gate ? { mapping: this.#options.mapping(), ...(unfit.size > 0 ? { unfit } : {}) } : {};
  }

  /** Reads all of it once, to learn from it; to be applied, it is read again. */
  async learnSpooled(parts: readonly Transaction[], position: Position): Promise<Work> {
    const readings: { readonly part: Transaction; readonly reading: Reading }[] = [];
    let count = 0;
    let urgent = false;
    let counts = false;
    const unfit = new Unfit();
    const decided = new Map<string, DecidedRow>();
    for (const part of parts) {
      const reading = this.#learnCommit(part, { unfit, decided });
      const before = count;
      for await (const changes of inParts(part)) count += this.#translate(changes, reading, []).length;
      urgent ||= reading.marked;
      if (!reading.echo && count > before) counts = true;
      readings.push({ part, reading: { ...reading, learning: false } });
    }
    // Only when all of it has been read: this worker may know the last decision about a row already.
    this.#options.sourceKnowledge.placeDecisions(decided);
    const translate = (changes: readonly Change[], reading: Reading): readonly Step[] => this.#translate(changes, reading, []);
    return {
      position, seen: this.#options.sourceKnowledge.seenOfOther, committedAt: parts.at(-1)?.committedAt ?? 0n,
      urgent: urgent || count > 0, counts, ...this.#formOf(unfit),
      steps: {
        count,
        async *parts() {
          for (const { part, reading } of readings) for await (const changes of inParts(part)) yield translate(changes, reading);
        },
        discard: () => discardAll(parts),
      },
    };
  }

  #learnCommit(transaction: Transaction, noted: Pick<Reading, 'unfit' | 'decided'>): Reading {
    const { sourceKnowledge, echoOrigin } = this.#options;
    const { position, committedAt, origin } = transaction;
    const echo = origin !== undefined && origin.name === echoOrigin;
    if (echo) sourceKnowledge.sawOther(origin.position);
    else sourceKnowledge.recordCommit(transaction);
    return { position, committedAt, seen: sourceKnowledge.seenOfOther, batch: origin?.position ?? ORIGIN_OF_TIME, echo, learning: true, marked: false, ...noted };
  }

  #translate(changes: readonly Change[], reading: Reading, steps: Step[]): readonly Step[] {
    const { marks } = this.#options;
    for (const change of changes) {
      const before = steps.length;
      const own = this.#ownTable(change);
      if (own === 'mark') reading.marked = true;
      else if (own === 'conflict' && reading.echo) this.#decision(change, reading, steps);
      else if (own === 'request' && reading.echo) this.#request(change, reading, steps);
      else if (own === 'request' && isMark(change)) reading.marked = true;
      else if (own === 'request') this.#offered(change, reading, steps);
      else if (own === undefined && !reading.echo) this.#step(change, reading, steps);
      // Before anything is decided of them: what is lost from here on is what a validation is there to find.
      if (marks && reading.learning && steps.length > before) marks.note(steps, before, change);
    }
    return steps;
  }

  #ownTable(change: Change): 'mark' | 'conflict' | 'request' | 'other' | undefined {
    const name: string = change.kind === 'truncate' ? (change.relations[0]?.table ?? '') : change.relation.table;
    if (!name.startsWith('banyan.')) return undefined;
    const { ownTables } = this.#options;
    if (name === ownTables.mark) return 'mark';
    if (name === ownTables.request) return 'request';
    return name === ownTables.conflict ? 'conflict' : 'other';
  }

  #step(change: Change, reading: Reading, steps: Step[]): void {
    const { sourceKnowledge } = this.#options;
    const mapping = this.#options.mapping();
    const { position, committedAt, seen } = reading;
    if (change.kind === 'truncate') {
      const tables = change.relations.flatMap((relation) => mapping.targetsOf(relation));
      if (reading.learning) for (const { name } of tables) sourceKnowledge.recordEmptied(name, reading);
      if (tables.length > 0) steps.push({ kind: 'truncate', tables, restartIdentity: change.restartIdentity, position, committedAt, seen });
      return;
    }
    if (this.#options.gate) for (const name of mapping.misfits(change.relation)) reading.unfit.add(name, change.relation);
    for (const write of mapping.writesOf(change, { position, committedAt, seen })) {
      steps.push(write);
      // Rows without a key have no history to remember.
      if (!reading.learning || write.table.key.length === 0) continue;
      if (write.kind === 'delete' || write.newKeyText !== undefined) sourceKnowledge.recordDelete(write.keyText, reading);
      if (write.kind === 'insert') sourceKnowledge.recordInsert(write.keyText);
      if (write.newKeyText !== undefined) sourceKnowledge.recordInsert(write.newKeyText);
    }
  }

  /** A conflict's record in an echo carries what was decided; the row itself may lack unchanged values there. */
  #decision(change: Change, reading: Reading, steps: Step[]): void {
    if (change.kind !== 'insert') return;
    const text = textsOf(change);
    if (text('service') !== this.#options.service || text('decided') !== 't') return;
    const row = text('decision');
    const about = this.#options.mapping().rowOf(parseTableName(text('table_name') ?? ''), parseNamed(text('key') ?? '{}'), parseNamed(row ?? '{}'));
    if (!about) return;
    const winner = text('standing');
    // Of a row whose key is not known there is nothing to remember.
    if (reading.learning && !about.former) {
      reading.decided.set(about.keyText, {
        position: reading.position, batch: reading.batch,
        winner: winner === 'service' || winner === 'merged' ? winner : 'monolith',
        committedAt: BigInt(text('standing_at') ?? '0'),
      });
    }
    const unknown = row === undefined ? undefined : this.#options.gate?.unknownIn(about.table, parseNamed(row));
    if (unknown) reading.unfit.add(about.table.name, unknown);
    const decided: Decided = {
      kind: 'decided', ...about,
      row: row === undefined ? null : this.#options.mapping().wholeRow(about.table, parseNamed(row)),
      seen: reading.seen, position: reading.position, committedAt: reading.committedAt,
    };
    steps.push(decided);
  }

  /** Rows that the source offers by names. */
  #offered(change: Change, reading: Reading, steps: Step[]): void {
    for (const step of this.#offerReader.read(change, reading, { service: this.#options.service, mapping: this.#options.mapping() })) {
      const { fault, of, table } = step.write;
      if (fault && this.#options.gate) reading.unfit.add(of ?? table.name, { table: table.name, replicaIdentity: 'nothing', columns: table.columns.map((name) => ({ name, identity: false, typeId: 0 })) });
      steps.push(step);
    }
  }

  /** The applier at this stream's source could not write a row, and asks for it. */
  #request(change: Change, { position, committedAt, seen }: Reading, steps: Step[]): void {
    if (change.kind !== 'insert') return;
    const text = textsOf(change);
    if (text('service') !== this.#options.service) return;
    const row = this.#options.mapping().rowOf(parseTableName(text('table_name') ?? ''), parseNamed(text('key') ?? '{}'));
    if (row) steps.push({ kind: 'requested', ...row, position, committedAt, seen, evenIfGone: text('even_if_gone') === 't' });
  }
}

/** Where a mark's own row was locked, a request for nothing stands in its place. */
const isMark = (change: Change): boolean => change.kind === 'insert' && textsOf(change)('table_name') === '';
