import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { BanyanError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { TableName } from '../../model/names.ts';
import { directionFrom } from '../../model/side.ts';
import type { TableShape } from '../../ports/checksummer.ts';
import type { FenceOptions } from '../../ports/fence.ts';
import type { Mark, MarkStore } from '../../ports/mark-store.ts';
import type { TablePair } from '../pair.ts';
import type { Level } from '../report.ts';
import { TableMemory } from './table-memory.ts';

/** What the streams of a service have noted of the rows they read, and where it is kept what of it has been compared. */
export interface IncrementalOptions {
  readonly store: MarkStore;
  /** As the streams name it. */
  readonly service: string;
  /** What is compared with what, such as both databases' names: other databases have another baseline. */
  readonly of: string;
  /** Rows of a table of the service of which a change is in quarantine: it may be written later, and nothing will tell of it then. Default: none. */
  readonly held?: (table: TableName) => Promise<readonly Mark[]>;
}

/** How often it is asked whether marks are stored, in milliseconds. */
const ASK_MS = 50;
/** A stream that has just begun to run says within this time that it keeps marks, in milliseconds. */
const FIRST_WORD_MS = 10_000;

/**
 * One run's part in incremental validation (ADR 13). It begins a generation of marks, and answers for all before it,
 * table by table.
 */
export class IncrementalRun {
  readonly #options: IncrementalOptions;
  readonly #generation: bigint;
  readonly #since: string;
  /** Whether it looks only at what was touched, where it can. */
  readonly #only: boolean;
  readonly #logger: Logger;

  private constructor(options: IncrementalOptions, parts: { readonly generation: bigint; readonly since: string; readonly only: boolean; readonly logger: Logger }) {
    this.#options = options;
    this.#generation = parts.generation;
    this.#since = parts.since;
    this.#only = parts.only;
    this.#logger = parts.logger;
  }

  /**
   * A run that compares everything needs no marks: it is told of what it can not keep, and goes on without.
   * @param run.only Compare only what was touched.
   * @throws BANYAN_VALIDATE_INCREMENTAL if only what was touched is to be compared, and nobody knows what that is.
   */
  static async open(
    options: IncrementalOptions,
    run: { readonly only: boolean; readonly fence: FenceOptions | undefined; readonly clock: Clock; readonly logger: Logger; readonly signal?: AbortSignal },
  ): Promise<IncrementalRun | undefined> {
    const { store, service } = options;
    const { only, clock, logger } = run;
    try {
      await store.install();
      if (only) await marksStored(options, run);
      // Read off before: what is written from here on is this run's or the next one's.
      const since = new Date(clock.now()).toISOString();
      return new IncrementalRun(options, { generation: await store.advance(service), since, only, logger });
    } catch (error) {
      if (only) throw error;
      logger.warn('what this validation finds is not kept for incremental ones', { service, reason: messageOf(error) });
      return undefined;
    }
  }

  /** @param table.resumed Part of it was compared by a run before this one: then it is no baseline. */
  table(table: { readonly pair: TablePair; readonly shapes: { readonly source: TableShape; readonly target: TableShape }; readonly keyGiven: boolean; readonly resumed: boolean }): TableMemory {
    const { store, service, of, held } = this.#options;
    return new TableMemory({
      store, service, ...table, held: held ?? (() => Promise.resolve([])), question: questionOf(of, table),
      generation: this.#generation, since: this.#since, only: this.#only, logger: this.#logger,
    });
  }
}

/** Resolves when the marks of everything are stored that was committed on either side before the call. */
async function marksStored(
  { store, service }: IncrementalOptions,
  { fence: fenced, clock, signal }: { readonly fence: FenceOptions | undefined; readonly clock: Clock; readonly signal?: AbortSignal },
): Promise<void> {
  if (!fenced) throw noMarks(service, 'its streams do not run');
  const { fence, sides = ['monolith', 'service'], timeoutMs = 60_000 } = fenced;
  const begun = clock.monotonic();
  await Promise.all(sides.map(async (side) => {
    const position = await fence.place({ service: fenced.service, side, ...(signal ? { signal } : {}) });
    // In this order: a stream that has begun to read another history has said so before it applies anything of it.
    if (!(await fence.passed({ service: fenced.service, side, position, timeoutMs, ...(signal ? { signal } : {}) }))) {
      throw noMarks(service, `the stream ${directionFrom(side)} did not pass a fence in ${timeoutMs} ms`);
    }
    for (;;) {
      const stored = (await store.stored(service)).get(directionFrom(side));
      if (stored !== undefined && stored >= position) return;
      const waitedMs = clock.monotonic() - begun;
      if (stored === undefined && waitedMs > Math.min(FIRST_WORD_MS, timeoutMs)) throw noMarks(service, `the stream ${directionFrom(side)} keeps no marks`);
      if (waitedMs > timeoutMs) throw noMarks(service, `the marks of the stream ${directionFrom(side)} were not stored in ${timeoutMs} ms`);
      await clock.sleep(ASK_MS, signal);
    }
  }));
}

function noMarks(service: string, why: string): BanyanError {
  return new BanyanError('BANYAN_VALIDATE_INCREMENTAL', { message: `Nobody knows which rows of ${service} were written since the last validation: ${why}.` });
}

/** @throws BANYAN_VALIDATE_INCREMENTAL if that is asked of a run which can not be made so. */
export function refuseIncremental(
  { incremental, resume }: { readonly incremental?: boolean; readonly resume?: boolean },
  { level, marked }: { readonly level: Level; readonly marked: boolean },
): void {
  if (incremental !== true) return;
  const refuse = (message: string): never => {
    throw new BanyanError('BANYAN_VALIDATE_INCREMENTAL', { message });
  };
  if (!marked) refuse('Nobody notes which rows are written, so it is not known which to compare.');
  if (level !== 'checksum' && level !== 'full') refuse(`Level ${level} does not compare rows one by one, so no run can go on from it.`);
  if (resume === true) refuse('An incremental run is not resumed: one that was cut off has left to the next what it had not compared.');
}

/** All that decides what is found in a table. How closely it is told is not part of it. */
function questionOf(of: string, { pair, shapes }: { readonly pair: TablePair; readonly shapes: { readonly source: TableShape; readonly target: TableShape } }): string {
  const { source, target, columns, keyLength } = pair;
  const types = [shapes.source, shapes.target].map((shape) => shape.columns.map(({ name, type }) => [name, type]));
  const text = JSON.stringify([of, source, target, columns, keyLength, types], (_, value: unknown) =>
    value instanceof Map ? [...(value as ReadonlyMap<unknown, unknown>)] : typeof value === 'bigint' ? String(value) : value);
  return createHash('sha256').update(text).digest('hex');
}
