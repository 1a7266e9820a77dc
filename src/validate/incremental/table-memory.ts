import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { TableName } from '../../model/names.ts';
import type { RowIdentity, TableShape } from '../../ports/checksummer.ts';
import type { Baseline, Mark, MarkStore } from '../../ports/mark-store.ts';
import type { TableProgress } from '../../ports/progress-store.ts';
import type { TablePair } from '../pair.ts';
import { LEAF_SHIFT, touchedLeaves, type TouchedLeaves } from './touched-leaves.ts';

/** Rows of each side. */
interface Rows {
  readonly source: number;
  readonly target: number;
}

/** The part of a table that has to be compared. */
export type Part =
  | { readonly kind: 'whole'; readonly reason: string }
  | { readonly kind: 'touched'; readonly baseline: Baseline; readonly leaves: readonly TouchedLeaves[]; readonly keys: readonly RowIdentity[] };

export interface TableMemoryOptions {
  readonly store: MarkStore;
  readonly service: string;
  readonly pair: TablePair;
  readonly shapes: { readonly source: TableShape; readonly target: TableShape };
  /** The key is not the tables' own. */
  readonly keyGiven: boolean;
  readonly resumed: boolean;
  readonly held: (table: TableName) => Promise<readonly Mark[]>;
  readonly question: string;
  readonly generation: bigint;
  readonly since: string;
  readonly only: boolean;
  readonly logger: Logger;
}

/** Where so many rows are touched, looking each up costs more than reading on. */
const SHARE_WORTH_SCANNING = 0.3;
/** Leaves that are coarser than this are no part of a table that is worth looking for. */
const COARSEST = 40n;

/** What is known of one table from earlier runs and from the streams, and what of it stands after this one. */
export class TableMemory {
  readonly #options: TableMemoryOptions;
  /** The columns of the key, in the source's words. */
  readonly #key: readonly string[];
  #held: readonly Mark[] = [];
  #baseline: Baseline | undefined;

  constructor(options: TableMemoryOptions) {
    this.#options = options;
    this.#key = options.pair.columns.slice(0, options.pair.keyLength).map(({ source }) => source);
  }

  /** Whether this run says which part of the table it looked at. */
  get only(): boolean {
    return this.#options.only;
  }

  /**
   * What has to be compared. To be asked behind a fence that was placed after the run had begun, and before the first
   * snapshot: then every change whose mark is read here is applied, or in quarantine.
   *
   * @param density How many rows there are for each place between the lowest and the highest.
   */
  async part(density: (rows: number) => Promise<number>): Promise<Part> {
    const { store, service, pair, question, generation, only } = this.#options;
    this.#held = await this.#options.held(pair.targetTable);
    const { marks: found, baseline } = await store.read(service, pair.targetTable);
    this.#baseline = baseline;
    if (!only) return whole('all of it was asked for');
    if (!baseline) return whole('it was never compared as a whole since marks are kept');
    if (baseline.question !== question) return whole('it was compared as a whole for another question last');
    if (baseline.generation > generation) return whole('a later run has compared it');
    const marks = [...found, ...this.#held];
    const all = marks.find((mark) => mark.kind === 'whole');
    if (all) return whole(all.reason);
    const rows = Math.max(baseline.rows.source, baseline.rows.target, pair.estimatedRows);
    return pair.source.placedByKey && !this.#options.keyGiven ? this.#leaves(marks, { baseline, rows, density }) : this.#keys(marks, { baseline, rows });
  }

  /** What stands after all of it was compared, or what `part` said. `kept`: what differs, and how much does beyond that. */
  async answer(part: Part | undefined, rows: Rows, kept: Pick<TableProgress, 'differing' | 'beyond'>): Promise<void> {
    const { store, service, pair, question, generation, since, resumed, only, logger } = this.#options;
    const table = pair.targetTable;
    const left = [...this.#left(kept), ...this.#held];
    const others = this.#baseline !== undefined && this.#baseline.question !== question;
    try {
      // What another question's runs count on stays; that rows differ, they may know.
      if (resumed || (!only && others)) await store.add(service, table, left);
      else {
        const baseline = part?.kind === 'touched' ? { ...part.baseline, generation } : { question, generation, since, rows };
        await store.answer(service, table, { baseline, left });
      }
    } catch (error) {
      if (only) throw error;
      logger.warn('what this validation has found is not kept for incremental ones', { service, table: pair.table, reason: messageOf(error) });
    }
  }

  async #leaves(marks: readonly Mark[], known: { readonly baseline: Baseline; readonly rows: number; readonly density: (rows: number) => Promise<number> }): Promise<Part> {
    const { baseline, rows, density } = known;
    const [column] = this.#key;
    const touched: { shift: number; leaf: bigint }[] = [];
    for (const mark of marks) {
      if (mark.kind === 'leaf' && mark.column === column && BigInt(mark.shift) <= COARSEST) touched.push(mark);
      else if (mark.kind === 'key' && mark.columns.length === 1 && mark.columns[0] === column && WHOLE_NUMBER.test(mark.key[0] ?? '')) {
        touched.push({ shift: LEAF_SHIFT, leaf: BigInt(mark.key[0] ?? 0) >> BigInt(LEAF_SHIFT) });
      } else return whole('what was written of it is not known by this key');
    }
    const leaves = touchedLeaves(touched);
    const places = leaves.reduce((sum, each) => sum + each.leaves.length * 2 ** each.shift, 0);
    if (places > 0 && places * (await density(rows)) > SHARE_WORTH_SCANNING * rows) return whole('much of it was written');
    return { kind: 'touched', baseline, leaves, keys: [] };
  }

  #keys(marks: readonly Mark[], { baseline, rows }: { readonly baseline: Baseline; readonly rows: number }): Part {
    if (marks.length === 0) return { kind: 'touched', baseline, leaves: [], keys: [] };
    if (!this.#isExact()) return whole('its rows are not looked up one by one');
    const keys: RowIdentity[] = [];
    for (const mark of marks) {
      if (mark.kind !== 'key' || mark.columns.length !== this.#key.length) return whole('what was written of it is not known by this key');
      const { columns, key } = mark;
      const texts = this.#key.map((name) => key[columns.indexOf(name)]);
      if (!texts.every((text) => text !== undefined)) return whole('what was written of it is not known by this key');
      keys.push({ place: 0n, key: texts });
    }
    return keys.length > SHARE_WORTH_SCANNING * rows ? whole('much of it was written') : { kind: 'touched', baseline, leaves: [], keys };
  }

  /** Whether a key's text, as a stream brings it, finds the row. A type that writes one value in several ways may not. */
  #isExact(): boolean {
    const { pair, shapes, keyGiven } = this.#options;
    if (keyGiven || pair.keyLength === 0) return false;
    return pair.columns.slice(0, pair.keyLength).every(({ source, sameType, judgedAs, form, values }) => {
      const type = shapes.source.columns.find(({ name }) => name === source)?.type ?? '';
      return sameType && judgedAs === undefined && values === undefined && (form !== 'text' || ONE_TEXT.has(type));
    });
  }

  #left({ differing, beyond }: Pick<TableProgress, 'differing' | 'beyond'>): readonly Mark[] {
    if (beyond.missing + beyond.extra + beyond.different + beyond.unsettled > 0) return [{ kind: 'whole', reason: 'many rows differed' }];
    if (differing.length === 0) return [];
    const [column] = this.#key;
    if (this.#options.pair.source.placedByKey && column !== undefined) {
      const leaves = new Set(differing.map(({ place }) => place >> BigInt(LEAF_SHIFT)));
      return [...leaves].map((leaf): Mark => ({ kind: 'leaf', column, shift: LEAF_SHIFT, leaf }));
    }
    if (!this.#isExact()) return [{ kind: 'whole', reason: 'rows of it differed' }];
    return differing.map(({ key }): Mark => ({ kind: 'key', columns: this.#key, key }));
  }
}

const whole = (reason: string): Part => ({ kind: 'whole', reason });

const WHOLE_NUMBER = /^-?\d{1,19}$/;

/** Of what is compared by its text: types that write a value in one way only, whatever the session's settings. */
const ONE_TEXT: ReadonlySet<string> = new Set(['text', 'character varying', 'uuid', 'smallint', 'integer', 'bigint']);
