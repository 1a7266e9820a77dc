import type { Clock } from '../core/clock.ts';
import type { Checksummer, PlaceRange } from '../ports/checksummer.ts';
import type { TableProgress } from '../ports/progress-store.ts';
import type { Barrier } from './barrier.ts';
import { DifferenceCollector } from './collect.ts';
import { compareRanges, type Rows } from './compare-ranges.ts';
import { compareTouched } from './incremental/compare-touched.ts';
import type { Part, TableMemory } from './incremental/table-memory.ts';
import { differingLeaves, placeRange } from './leaves.ts';
import type { Pace } from './pace.ts';
import type { TablePair } from './pair.ts';
import { ProgressMeter, type Progress } from './progress.ts';
import { scoreOf, type Level, type SampleBound, type TableReport } from './report.ts';
import { boundOf, drawSample } from './sample.ts';
import type { RunJournal } from './run-journal.ts';
import { settle, type Confirmed, type SettleOptions } from './settle.ts';
import { openBoth } from './snapshots.ts';
import { SUSPECTS_AT_ONCE } from './suspect-batch.ts';
import { findSuspects, unseen, type Suspect } from './suspects.ts';

export interface CompareOptions {
  readonly pair: TablePair;
  readonly level: Level;
  readonly source: Checksummer;
  readonly target: Checksummer;
  readonly barrier: Barrier;
  readonly clock: Clock;
  readonly rounds: number;
  /** Differences of each kind in the report. */
  readonly maxDifferences: number;
  readonly sampleRows: number;
  readonly confidence: number;
  /** Rows of a range of a table that is scanned range by range. Absent: it is scanned as a whole. */
  readonly rangeRows?: number;
  /** What is known of the table from before, and kept of it for the next run. Only of the levels `checksum` and `full`. */
  readonly memory?: TableMemory;
  /** Where it is written down how far the table is. Only of the levels `checksum` and `full`. */
  readonly journal?: RunJournal;
  /** Default: as fast as it goes. Only of a table that is scanned range by range. */
  readonly pace?: Pace;
  readonly random: () => number;
  readonly onProgress?: (progress: Progress) => void;
  /** Told of every difference, whatever the report lists, a batch at a time; waited for. */
  readonly onDifferences?: (found: FoundDifferences) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** Differences of one table that stayed, and in which words. */
export interface FoundDifferences {
  readonly pair: TablePair;
  readonly confirmed: readonly Confirmed[];
}

/** {@link SUSPECTS_AT_ONCE}, where each of them is looked at closely: their differing values are in memory. */
const SUSPECTS_LOOKED_AT = 2000;

/** Compares one table at one level. */
export async function compareTable(options: CompareOptions): Promise<TableReport> {
  const { pair, level, clock, onProgress } = options;
  const meter = new ProgressMeter({ table: pair.table, estimatedRows: 2 * pair.estimatedRows, clock, listener: onProgress });
  const collector = new DifferenceCollector({ pair, limit: options.maxDifferences, withColumns: level === 'full' || level === 'sample' });
  // What was committed before now is not a suspect.
  await options.barrier.after(options.barrier.moment());
  if (level === 'sample' && pair.keyLength > 0) {
    const { rows, bound } = await compareSample(options, collector, meter);
    return report({ options, collector, meter, rows, sample: bound });
  }
  const part = await options.memory?.part((rows) => densityOf(options, rows));
  if (part?.kind === 'touched') return compareOnly(part, options, { collector, meter });
  const byRange = options.rangeRows !== undefined && (level === 'checksum' || level === 'full') && pair.source.placedByKey;
  const known = options.journal?.before(pair.table);
  // Of a table that is scanned as a whole, half of the ranges are no use.
  const before = known?.left && !byRange ? undefined : known;
  if (before) await lookAgain(options, collector, before, meter);
  if (before && !before.left) {
    await options.memory?.answer(part, before.rows, collector.kept);
    return report({ options, collector, meter, rows: before.rows });
  }
  const rows = byRange ? await compareByRange(options, options.rangeRows, { collector, meter, before }) : await compareAll(options, collector, meter);
  await options.journal?.save(pair.table, { rows, ...collector.kept });
  await options.memory?.answer(part, rows, collector.kept);
  return report({ options, collector, meter, rows, ...(options.memory?.only === true && part ? { incremental: { whole: part.reason } } : {}) });
}

/** Compares what was touched since the last run, and nothing else. The rest is as it was found then. */
async function compareOnly(
  part: Extract<Part, { kind: 'touched' }>,
  options: CompareOptions,
  { collector, meter }: { readonly collector: DifferenceCollector; readonly meter: ProgressMeter },
): Promise<TableReport> {
  const { pair, source, target, clock, pace, signal, barrier, memory } = options;
  const { baseline: { since, rows: before }, leaves, keys } = part;
  const rows = await compareTouched({
    pair, source, target, leaves, keys, clock,
    ...(pace ? { pace } : {}),
    ...(signal ? { signal } : {}),
    onRows: (scanned) => meter.scanned(scanned),
    onSuspects: (suspects) => settleInto(collector, { suspects, seen: barrier.moment(), options, hashed: true, meter }),
  });
  await memory?.answer(part, before, collector.kept);
  return report({
    options, collector, meter, rows: { source: Math.max(before.source, rows.source), target: Math.max(before.target, rows.target) },
    incremental: { since, leaves: leaves.reduce((sum, each) => sum + each.leaves.length, 0), keys: keys.length, rows },
  });
}

/** How many rows there are for each place between the first and the last, if all of them are `rows`. */
async function densityOf(options: CompareOptions, rows: number): Promise<number> {
  const { from, to } = await placesOf(options);
  return Math.min(1, rows / (Number(to - from) + 1));
}

/** What an earlier run found different is looked at again: it may have been mended since, or have been on its way for long. */
async function lookAgain(options: CompareOptions, collector: DifferenceCollector, before: TableProgress, meter: ProgressMeter): Promise<void> {
  const { barrier } = options;
  meter.scanned(before.rows.source + before.rows.target);
  await settleInto(collector, { suspects: unseen(before.differing), seen: barrier.moment(), options, hashed: true, meter });
  collector.addBeyond(before.beyond);
}

/** Compares range by range, each in short snapshots of its own. */
async function compareByRange(
  options: CompareOptions,
  rangeRows: number,
  parts: { readonly collector: DifferenceCollector; readonly meter: ProgressMeter; readonly before: TableProgress | undefined },
): Promise<Rows> {
  const { pair, source, target, barrier, signal, journal, clock, pace } = options;
  const { collector, meter, before } = parts;
  const within = before?.left?.within ?? (await placesOf(options));
  return compareRanges({
    pair, source, target, within, rangeRows, clock,
    ...(pace ? { pace } : {}),
    ...(signal ? { signal } : {}),
    ...(before?.left ? { from: { next: before.left.next, rows: before.rows } } : {}),
    ...(journal ? { journal: { isDue: () => journal.isDue, note: (next, rows) => journal.save(pair.table, { rows, left: { within, next }, ...collector.kept }) } } : {}),
    onRows: (rows) => meter.scanned(rows),
    onSuspects: (suspects) => settleInto(collector, { suspects, seen: barrier.moment(), options, hashed: true, meter }),
  });
}

/** The places of all rows that are there by now. */
async function placesOf(options: CompareOptions): Promise<PlaceRange> {
  const { pair } = options;
  const [first, second] = await openBoth(options);
  try {
    return await placeRange([{ snapshot: first, selection: pair.source }, { snapshot: second, selection: pair.target }]);
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
}

/** Looks at suspects again until it is known what they are. */
async function settleInto(collector: DifferenceCollector, run: {
  readonly suspects: readonly Suspect[];
  readonly seen: number;
  readonly options: CompareOptions;
  readonly hashed: boolean;
  readonly meter: ProgressMeter;
}): Promise<void> {
  const { suspects, options } = run;
  run.meter.found(suspects.length);
  const [atOnce, mostWanted] = options.onDifferences ? [SUSPECTS_LOOKED_AT, Number.POSITIVE_INFINITY] : [Math.max(1, suspects.length), 0];
  for (let from = 0; from < suspects.length; from += atOnce) {
    const settled = await settle(suspects.slice(from, from + atOnce), run.seen, settleOptions(options, run.hashed), Math.max(mostWanted, collector.wanted));
    for (const difference of settled.confirmed) collector.add(difference);
    collector.addUnsettled(settled.unsettled);
    await options.onDifferences?.({ pair: options.pair, confirmed: settled.confirmed });
  }
  run.meter.rechecking();
}

/** Compares both sides' snapshots leaf by leaf, and row by row where leaves differ. */
async function compareAll(options: CompareOptions, collector: DifferenceCollector, meter: ProgressMeter): Promise<Rows> {
  const { pair, barrier, level } = options;
  const [source, target] = await openBoth(options);
  try {
    const seen = barrier.moment();
    // Without a key a row is its hash; only rows with a key can be told apart without hashing them.
    const hashed = level !== 'count' || pair.keyLength === 0;
    if (level === 'count') {
      const [sourceRows, targetRows] = await counts(source.count(pair.source), target.count(pair.target));
      meter.scanned(sourceRows + targetRows);
      if (sourceRows === targetRows) return { source: sourceRows, target: targetRows };
    }
    const sides = { source: { snapshot: source, selection: pair.source }, target: { snapshot: target, selection: pair.target } };
    const { rows, within } = await differingLeaves({ ...sides, hashed, estimatedRows: pair.estimatedRows, onRows: (n) => meter.scanned(n) });
    if (within.leaves.length > 0) {
      const reading = { within, hashed };
      const suspects = findSuspects({
        source: source.rows(pair.source, reading),
        target: target.rows(pair.target, reading),
        keyed: pair.keyLength > 0,
        batch: options.onDifferences ? SUSPECTS_LOOKED_AT : SUSPECTS_AT_ONCE,
      });
      for await (const batch of suspects) await settleInto(collector, { suspects: batch, seen, options, hashed, meter });
    }
    return rows;
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
}

/** Compares rows drawn from either side. */
async function compareSample(
  options: CompareOptions,
  collector: DifferenceCollector,
  meter: ProgressMeter,
): Promise<{ readonly rows: Rows; readonly bound: SampleBound }> {
  const { pair, barrier, confidence, source, target, random, sampleRows, signal } = options;
  const sample = await drawSample({ pair, source, target, rows: sampleRows, seed: random(), ...(signal ? { signal } : {}) });
  const seen = barrier.moment();
  meter.scanned(sample.rows.source + sample.rows.target);
  const settled = await settle(sample.suspects, seen, settleOptions(options, true), collector.wanted);
  for (const difference of settled.confirmed) collector.add(difference);
  collector.addUnsettled(settled.unsettled);
  const differing = settled.confirmed.map(({ identity }) => identity);
  return { rows: sample.rows, bound: boundOf(sample, differing, confidence) };
}

function settleOptions(options: CompareOptions, hashed: boolean): SettleOptions {
  const { pair, source, target, barrier, rounds, signal } = options;
  return { pair, source, target, barrier, rounds, hashed, ...(signal ? { signal } : {}) };
}

/** Both have ended before an error is passed on: a snapshot must not be closed under a running query. */
async function counts(source: Promise<number>, target: Promise<number>): Promise<[number, number]> {
  await Promise.allSettled([source, target]);
  return Promise.all([source, target]);
}

function report(options: {
  readonly options: CompareOptions;
  readonly collector: DifferenceCollector;
  readonly meter: ProgressMeter;
  readonly rows: Rows;
  readonly sample?: SampleBound;
  readonly incremental?: TableReport['incremental'];
}): TableReport {
  const { collector, meter, rows, sample, incremental } = options;
  const { pair } = options.options;
  const { counts } = collector;
  const differing = counts.missing + counts.extra + counts.different;
  return {
    table: pair.table,
    ...(pair.targetTable === pair.table ? {} : { targetTable: pair.targetTable }),
    consistent: differing === 0 && pair.drift.length === 0,
    source: rows.source,
    target: rows.target,
    missing: collector.missing,
    extra: collector.extra,
    different: collector.different,
    counts,
    score: scoreOf(Math.max(rows.source, rows.target), differing),
    seconds: meter.seconds,
    ...(pair.drift.length > 0 ? { drift: pair.drift } : {}),
    ...(sample ? { sample } : {}),
    ...(incremental ? { incremental } : {}),
  };
}
