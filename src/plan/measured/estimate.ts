import type { Survey, SurveyedIndex, SurveyedTable } from '../../model/survey.ts';
import type { Convergence, MeasuredEstimate, MeasuredTable } from './document.ts';
import { bytesText, estimate, plain, secondsText, type Estimate } from './range.ts';

/*
 * What a survey comes to. Pure; every figure carries its arithmetic.
 */

/** Where nothing could be read: a slow disk, and a fast one. */
const STATED_READ = { low: 20 * 1024 ** 2, likely: 60 * 1024 ** 2, high: 400 * 1024 ** 2 };

/** How much slower or faster the rest may be than the slices that were read: it may lie in no cache. */
const READ_SPREAD = { fast: 0.7, slow: 1.5 };

/** COPY into a table with its key took 0.6 to 13 times as long as reading it, on a machine that was busy with other work. */
const WRITE_FACTOR = { low: 1, likely: 3, high: 13 };

/** docs/performance.md: rows applied a second, in transactions of one row and of a hundred. */
const APPLY_RATE = { low: 8900, likely: 20_000, high: 51_500 };

/** Statistics reach the counters up to a second late, at both ends of the window. */
const LATE_SECONDS = 1;

/** Several processes may build an index, or its sorting spills to disk; the probe sorts no more than memory holds. Reading and writing it come on top. */
const BUILD = { sorting: { low: 0.5, likely: 1, high: 3 }, reading: { low: 0.15, likely: 0.5, high: 2 } };

export function measuredEstimate(survey: Survey): MeasuredEstimate {
  const tables = survey.tables.map((table) => measuredTable(table, survey));
  const writes = sumOf(tables.flatMap(({ write_rate: rate }) => (rate ? [rate] : [])));
  const copy = sumOf(tables.map((table) => table.copy)) ?? nothing('seconds');
  const apply = estimate('rows/s', APPLY_RATE, { basis: 'stated', arithmetic: `${plain(APPLY_RATE.low)} rows/s in transactions of a few rows, ${plain(APPLY_RATE.high)} in large ones: docs/performance.md, on two cores; measure it here with banyan sync status once it runs` });
  const { convergence, catchUp } = catchUpOf({ copy, writes, apply });
  const wal = walGrowth(survey);
  const unread = survey.tables.flatMap(({ name, notRead }) => (notRead === undefined ? [] : [{ what: `read rate of ${name}`, why: notRead }]));
  return {
    measured_at: survey.at, database: survey.database, server_version: survey.version, watched_seconds: Math.round(survey.watchedSeconds * 1000) / 1000,
    tables,
    totals: {
      rows: total(tables.map(({ rows }) => rows)), bytes: total(tables.map(({ total_bytes: bytes }) => bytes)), copy,
      index_build: sumOf(tables.flatMap(({ indexes }) => indexes.map(({ build }) => build))) ?? nothing('seconds'),
      ...(writes ? { write_rate: writes } : {}), apply_rate: apply, ...(catchUp ? { catch_up: catchUp } : {}), convergence,
      ...(wal ? { wal_growth: wal, slot_wal: slotWal({ wal, copy, ...(catchUp ? { catchUp } : {}), ...(convergence === 'unknown' ? {} : { convergence }) }) } : {}),
    },
    not_measured: [...survey.gaps, ...unread],
  };
}

function measuredTable(table: SurveyedTable, survey: Survey): MeasuredTable {
  const read = readTime(table, survey);
  const writes = writeRate(table, survey);
  return {
    table: table.name, rows: table.rows, rows_from: table.rowsFrom, table_bytes: table.tableBytes, index_bytes: Math.max(0, table.totalBytes - table.tableBytes), total_bytes: table.totalBytes,
    ...(writes ? { write_rate: writes } : {}), read,
    copy: estimate('seconds', { low: read.low * WRITE_FACTOR.low, likely: read.likely * WRITE_FACTOR.likely, high: (read.high ?? 0) * WRITE_FACTOR.high }, {
      basis: read.basis, arithmetic: `reading (${secondsText(read.likely)}) × ${WRITE_FACTOR.low} to ${WRITE_FACTOR.high}, likely ${WRITE_FACTOR.likely}: what writing adds, a stated figure, since nothing is written to try it`,
    }),
    indexes: table.indexes.map((index) => ({ index: index.name, bytes: index.bytes, build: buildTime(table, { index, read }) })),
  };
}

function readTime(table: SurveyedTable, survey: Survey): Estimate {
  if (table.read) {
    const rates = table.read.slices.map(({ rows, seconds }) => rows / seconds);
    const [slowest, fastest] = [Math.min(...rates), Math.max(...rates)];
    const rate = total(table.read.slices.map(({ rows }) => rows)) / total(table.read.slices.map(({ seconds }) => seconds));
    return estimate('seconds', { low: (table.rows / fastest) * READ_SPREAD.fast, likely: table.rows / rate, high: (table.rows / slowest) * READ_SPREAD.slow }, {
      basis: 'measured', arithmetic: `${plain(table.rows)} rows ÷ ${plain(rate)} rows/s (${plain(slowest)} to ${plain(fastest)} in ${rates.length} slices through COPY); the fastest × ${READ_SPREAD.fast}, the slowest × ${READ_SPREAD.slow}`,
    });
  }
  const { rate, basis, said } = bytesRate(survey);
  return estimate('seconds', { low: table.tableBytes / rate.high, likely: table.tableBytes / rate.likely, high: table.tableBytes / rate.low }, {
    basis, arithmetic: `${bytesText(table.tableBytes)} ÷ ${bytesText(rate.likely)}/s (${bytesText(rate.low)} to ${bytesText(rate.high)}/s, ${said})`,
  });
}

/** For tables that were not read: by those that were. */
function bytesRate({ tables }: Survey): { readonly rate: typeof STATED_READ; readonly basis: 'measured' | 'stated'; readonly said: string } {
  const rates = tables.flatMap(({ read, rows, tableBytes }) => {
    const [seen, seconds] = [total((read?.slices ?? []).map((slice) => slice.rows)), total((read?.slices ?? []).map((slice) => slice.seconds))];
    return seen === 0 || seconds === 0 || rows === 0 ? [] : [((seen / seconds) * tableBytes) / rows];
  });
  if (rates.length === 0) return { rate: STATED_READ, basis: 'stated', said: 'a stated figure: no table could be read to measure by' };
  return { rate: { low: Math.min(...rates) / 3, likely: total(rates) / rates.length, high: Math.max(...rates) * 2 }, basis: 'measured', said: `by the ${rates.length} tables that were read, a third of the slowest to twice the fastest` };
}

function writeRate({ writes }: SurveyedTable, { watchedSeconds }: Survey): Estimate | undefined {
  if (writes === undefined || watchedSeconds <= 0) return undefined;
  // Writes that come by chance: so many more or fewer would have been no surprise.
  const chance = 2 * Math.sqrt(writes);
  const low = Math.max(0, writes - chance) / (watchedSeconds + LATE_SECONDS);
  const high = (writes + chance + (writes === 0 ? 3 : 0)) / Math.max(watchedSeconds - LATE_SECONDS, watchedSeconds / 2);
  return estimate('rows/s', { low, likely: writes / watchedSeconds, high }, {
    basis: 'measured', arithmetic: `${plain(writes)} rows in ${plain(watchedSeconds)} s; ± 2√${plain(writes)} for chance, and ${LATE_SECONDS} s by which counters are late at either end. A look of seconds: ask again at the busiest hour`,
  });
}

function buildTime(table: SurveyedTable, { index: { sort }, read }: { readonly index: SurveyedIndex; readonly read: Estimate }): Estimate {
  if (!sort) {
    return estimate('seconds', { low: read.low * 0.3, likely: read.likely * 2, high: (read.high ?? 0) * 6 }, { basis: 'stated', arithmetic: `reading (${secondsText(read.likely)}) × 0.3 to 6, likely 2: its columns were not sorted to measure by. CONCURRENTLY reads the table twice` });
  }
  const growth = (table.rows * Math.log2(table.rows + 1)) / (sort.rows * Math.log2(sort.rows));
  const sorting = sort.seconds * growth;
  const part = (which: 'low' | 'likely' | 'high', reading: number): number => BUILD.sorting[which] * sorting + BUILD.reading[which] * reading;
  return estimate('seconds', { low: part('low', read.low), likely: part('likely', read.likely), high: part('high', read.high ?? 0) }, {
    basis: 'measured',
    arithmetic: `${plain(sort.rows)} rows were sorted by its columns in ${secondsText(sort.seconds)}; × ${plain(growth)} (n log n, for ${plain(table.rows)} rows) × ${BUILD.sorting.low} to ${BUILD.sorting.high}, and reading (${secondsText(read.likely)}) × ${BUILD.reading.low} to ${BUILD.reading.high} for what is read and written. CONCURRENTLY reads the table twice`,
  });
}

/** What was written during the copy is carried over afterwards, while more is written. */
function catchUpOf({ copy, writes, apply }: { readonly copy: Estimate; readonly writes: Estimate | undefined; readonly apply: Estimate }): { readonly convergence: Convergence; readonly catchUp?: Estimate } {
  if (!writes) return { convergence: 'unknown' };
  const never = Number.POSITIVE_INFINITY;
  const seconds = (copied: number, write: number, applied: number): number => (applied > write ? (copied * write) / (applied - write) : never);
  const [copyHigh, writeHigh, applyHigh] = [copy.high ?? never, writes.high ?? never, apply.high ?? never];
  const low = seconds(copy.low, writes.low, applyHigh);
  const likely = seconds(copy.likely, writes.likely, apply.likely);
  const high = seconds(copyHigh, writeHigh, apply.low);
  const convergence: Convergence = low === never || likely === never ? 'does not converge' : high === never ? 'may not converge' : 'converges';
  const how = {
    basis: 'stated' as const,
    arithmetic: `(${secondsText(copy.likely)} of copy × ${plain(writes.likely)} rows/s written) ÷ (${plain(apply.likely)} rows/s applied − ${plain(writes.likely)} rows/s written); ${convergence === 'converges' ? 'it converges, since more is applied than written' : 'it converges only if more is applied than written'}`,
  };
  if (low === never) return { convergence };
  return { convergence, catchUp: estimate('seconds', { low, likely: likely === never ? low : likely, high: high === never ? null : high }, how) };
}

function walGrowth({ walBytes, watchedSeconds }: Survey): Estimate | undefined {
  if (walBytes === undefined || watchedSeconds <= 0) return undefined;
  const rate = walBytes / watchedSeconds;
  return estimate('bytes/s', { low: rate * 0.5, likely: rate, high: rate * 3 }, {
    basis: 'measured', arithmetic: `${bytesText(walBytes)} in ${plain(watchedSeconds)} s, of the whole server; half to three times of it, since checkpoints and the hour of the day change it`,
  });
}

function slotWal({ wal, copy, catchUp, convergence }: { readonly wal: Estimate; readonly copy: Estimate; readonly catchUp?: Estimate; readonly convergence?: Convergence }): Estimate {
  const ends = copy.high !== null && wal.high !== null && (catchUp === undefined ? convergence !== 'does not converge' : catchUp.high !== null);
  return estimate('bytes', {
    low: wal.low * (copy.low + (catchUp?.low ?? 0)), likely: wal.likely * (copy.likely + (catchUp?.likely ?? 0)),
    high: ends ? (wal.high ?? 0) * ((copy.high ?? 0) + (catchUp?.high ?? 0)) : null,
  }, { basis: 'measured', arithmetic: `${bytesText(wal.likely)}/s × (${secondsText(copy.likely)} of copy${catchUp ? ` + ${secondsText(catchUp.likely)} of catching up` : ''}): a slot holds the log back from the beginning of the copy on` });
}

/** Of figures that come one after the other. */
function sumOf(each: readonly Estimate[]): Estimate | undefined {
  const [first] = each;
  if (!first) return undefined;
  const basis = (['stated', 'statistics', 'measured'] as const).find((name) => each.some((one) => one.basis === name)) ?? 'stated';
  const high = each.some((one) => one.high === null) ? null : total(each.map((one) => one.high ?? 0));
  return estimate(first.unit, { low: total(each.map(({ low }) => low)), likely: total(each.map(({ likely }) => likely)), high }, { basis, arithmetic: each.length === 1 ? first.arithmetic : `the sum of ${each.length}` });
}

function nothing(unit: Estimate['unit']): Estimate {
  return estimate(unit, { low: 0, likely: 0, high: 0 }, { basis: 'measured', arithmetic: 'nothing to do' });
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
