import type { Clock } from '../core/clock.ts';
import type { Checksummer, ChecksumSnapshot } from '../ports/checksummer.ts';
import type { Barrier } from './barrier.ts';
import { DifferenceCollector } from './collect.ts';
import { differingLeaves } from './leaves.ts';
import type { TablePair } from './pair.ts';
import { ProgressMeter, type Progress } from './progress.ts';
import { scoreOf, type Level, type SampleBound, type TableReport } from './report.ts';
import { boundOf, drawSample } from './sample.ts';
import { settle, type Confirmed, type SettleOptions } from './settle.ts';
import { findSuspects } from './suspects.ts';

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

/** Suspects that are looked at again together: bounds memory, and saves fences. */
const SUSPECTS_AT_ONCE = 20_000;
/** The same where each of them is looked at closely: their differing values are in memory. */
const SUSPECTS_LOOKED_AT = 2000;

interface Rows {
  readonly source: number;
  readonly target: number;
}

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
  return report({ options, collector, meter, rows: await compareAll(options, collector, meter) });
}

/** Compares both sides' snapshots leaf by leaf, and row by row where leaves differ. */
async function compareAll(options: CompareOptions, collector: DifferenceCollector, meter: ProgressMeter): Promise<Rows> {
  const { pair, barrier, level } = options;
  const opening = options.signal ? { signal: options.signal } : {};
  const opened = await Promise.allSettled([options.source.snapshot(opening), options.target.snapshot(opening)]);
  const snapshots = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  try {
    const failed = opened.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    const [source, target] = snapshots as [ChecksumSnapshot, ChecksumSnapshot];
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
      for await (const batch of suspects) {
        meter.found(batch.length);
        const wanted = options.onDifferences ? Number.POSITIVE_INFINITY : collector.wanted;
        const settled = await settle(batch, seen, settleOptions(options, hashed), wanted);
        for (const difference of settled.confirmed) collector.add(difference);
        collector.addUnsettled(settled.unsettled);
        await options.onDifferences?.({ pair, confirmed: settled.confirmed });
        meter.rechecking();
      }
    }
    return rows;
  } finally {
    await Promise.all(snapshots.map((snapshot) => snapshot.close()));
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
}): TableReport {
  const { collector, meter, rows, sample } = options;
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
  };
}
