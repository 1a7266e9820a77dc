import { bytesText, estimate, plain, secondsText, type Basis, type Estimate } from '../measured/range.ts';

/** A dump of sample rows, and its restore with indexes, carried out some times over. */
export interface RestoreProbe {
  /** As the plan names it. */
  readonly table: string;
  /** `bytes` as the restored table takes them, with its indexes. */
  readonly rounds: readonly { readonly rows: number; readonly bytes: number; readonly seconds: number }[];
}

/** How large a table is that would be restored, and how that is known. */
export interface RestoredSize {
  readonly rows: number;
  readonly bytes: number;
  readonly basis: Basis;
}

/** Either way: what one probe differs from the next, and from a fuller cache. */
const SPREAD = 1.5;

/** The throw-away server does not wait for its disk; a real one does. */
const DISK = 2;

/**
 * How long restoring a table takes. Rows may be wider than the sample's: then their number says too little, and their
 * bytes say too much, so the range reaches from the one to the other.
 */
export function restoreTime({ table, rounds }: RestoreProbe, { rows, bytes, basis }: RestoredSize): Estimate {
  const each = rounds.flatMap((round) => [{ by: rows / round.rows, seconds: round.seconds }, { by: bytes / round.bytes, seconds: round.seconds }]).map(({ by, seconds }) => by * seconds);
  const [fastest, slowest] = [Math.min(...each), Math.max(...each)];
  const sample = Math.max(...rounds.map((round) => round.rows));
  // An index is sorted: n log n.
  const sorted = rows > sample ? Math.log(rows) / Math.log(sample) : 1;
  const took = rounds.map(({ seconds }) => seconds);
  return estimate('seconds', { low: fastest / SPREAD, likely: Math.sqrt(fastest * slowest * DISK), high: slowest * SPREAD * sorted * DISK }, {
    basis,
    arithmetic: `${table}: ${plain(sample)} sample rows (${bytesText(Math.max(...rounds.map((round) => round.bytes)))} with indexes) were restored ${rounds.length} times in ${secondsText(Math.min(...took))} to ${secondsText(Math.max(...took))}; ` +
      `${plain(rows)} rows are ${plain(rows / sample)} times as many, ${bytesText(bytes)} ${plain(bytes / Math.max(...rounds.map((round) => round.bytes)))} times as much: ${secondsText(fastest)} to ${secondsText(slowest)}; ` +
      `low / ${SPREAD}, high × ${SPREAD} for what differs from run to run × ${plain(sorted)} for sorting larger indexes × ${DISK} for a disk that is waited for`,
  });
}

/** One table after the other. */
export function sumOf(times: readonly Estimate[]): Estimate {
  const sum = (of: (time: Estimate) => number): number => times.reduce((total, time) => total + of(time), 0);
  return estimate('seconds', { low: sum(({ low }) => low), likely: sum(({ likely }) => likely), high: sum(({ high, likely }) => high ?? likely) }, {
    basis: times.every(({ basis }) => basis === 'measured') ? 'measured' : times.some(({ basis }) => basis === 'stated') ? 'stated' : 'statistics',
    arithmetic: times.map(({ arithmetic }) => arithmetic).join('. '),
  });
}
