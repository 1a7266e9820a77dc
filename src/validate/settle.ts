import type { Checksummer, RowIdentity, RowState } from '../ports/checksummer.ts';
import type { Barrier, Moment } from './barrier.ts';
import { judgeColumns, type ColumnDifferences } from './judge.ts';
import type { TablePair } from './pair.ts';
import { agree, byIndex, observe, unchanged, type Observation, type Suspect } from './suspects.ts';

/** A difference that stayed. */
export interface Confirmed {
  readonly kind: 'missing' | 'extra' | 'different';
  readonly identity: RowIdentity;
  readonly source: Observation;
  readonly target: Observation;
  /** Of a row that both sides have once, where it was looked at closely. */
  readonly columns?: ColumnDifferences;
  /** Of a table without a key: the row. */
  readonly values?: RowState['values'];
}

export interface SettleOptions {
  readonly pair: TablePair;
  readonly source: Checksummer;
  readonly target: Checksummer;
  readonly barrier: Barrier;
  /** Looks at a suspect at most. */
  readonly rounds: number;
  /** Compare values, not only that the rows are there. */
  readonly hashed: boolean;
  readonly signal?: AbortSignal;
}

interface Watched extends Suspect {
  /** Barriers in a row over which neither side has changed. */
  readonly held: number;
}

/** Rows whose values are in memory at once. */
const ROWS_WITH_VALUES = 500;

/**
 * Tells differences from rows in flight: reads every suspect again after a barrier, until both sides
 * agree or neither has changed.
 *
 * Why this blames no innocent row: an unchanged version was written before the first look, so it has
 * reached the other side by the first barrier, and if it met a conflict there, the decision has come
 * back by the second. Two rows that are both unchanged after that, and differ, are brought together by
 * no stream. An absent row has no version: it may have come and gone again between two looks, so one
 * barrier more must pass.
 *
 * @param wanted how many differences need their values for the report.
 * @returns what is confirmed, and the suspects that changed at every look.
 */
export async function settle(
  suspects: readonly Suspect[],
  seen: Moment,
  options: SettleOptions,
  wanted: number,
): Promise<{ readonly confirmed: readonly Confirmed[]; readonly unsettled: readonly RowIdentity[] }> {
  const confirmed: Confirmed[] = [];
  let open: readonly Watched[] = suspects.map((suspect) => ({ ...suspect, held: 0 }));
  let moment = seen;
  for (let round = 0; round < options.rounds && open.length > 0; round++) {
    await options.barrier.after(moment);
    const now = await look(open, options);
    moment = options.barrier.moment();
    const stable: Suspect[] = [];
    const next: Watched[] = [];
    for (const [i, before] of open.entries()) {
      const { source, target } = now[i] ?? before;
      if (agree(source, target)) continue;
      const held = unchanged(before.source, source) && unchanged(before.target, target) ? before.held + 1 : 0;
      const suspect = { identity: before.identity, source, target };
      if (held >= barriersNeeded(suspect)) stable.push(suspect);
      else next.push({ ...suspect, held });
    }
    const detailed = confirmed.filter((difference) => difference.columns ?? difference.values).length;
    const closer = await lookCloser(stable, options, wanted - detailed);
    confirmed.push(...closer.confirmed);
    open = [...next, ...closer.moved.map((suspect) => ({ ...suspect, held: 0 }))];
  }
  return { confirmed, unsettled: open.map(({ identity }) => identity) };
}

function barriersNeeded({ source, target }: Suspect): number {
  return source.version === undefined || target.version === undefined ? 3 : 2;
}

async function look(
  suspects: readonly Suspect[],
  options: SettleOptions,
): Promise<readonly { readonly source: Observation; readonly target: Observation }[]> {
  const identities = suspects.map((suspect) => suspect.identity);
  const reading = { values: false, hashed: options.hashed, ...(options.signal ? { signal: options.signal } : {}) };
  const [source, target] = await Promise.all([
    options.source.rowStates(options.pair.source, identities, reading),
    options.target.rowStates(options.pair.target, identities, reading),
  ]);
  const bySource = byIndex(source);
  const byTarget = byIndex(target);
  return identities.map((_, i) => ({ source: observe(bySource.get(i) ?? []), target: observe(byTarget.get(i) ?? []) }));
}

function kindOf({ source, target }: Suspect, keyed: boolean): Confirmed['kind'] {
  if (target.times === 0) return 'missing';
  if (source.times === 0) return 'extra';
  // Without a key a row can not differ, only be there more or less often.
  if (!keyed) return source.times > target.times ? 'missing' : 'extra';
  return 'different';
}

/**
 * Reads the values of stable suspects where they are needed: to judge columns whose equality is the
 * server's, and for the report. A row that has changed since goes back to be watched.
 */
async function lookCloser(
  stable: readonly Suspect[],
  options: SettleOptions,
  wanted: number,
): Promise<{ readonly confirmed: readonly Confirmed[]; readonly moved: readonly Suspect[] }> {
  const { pair } = options;
  const keyed = pair.keyLength > 0;
  const judged = options.hashed && pair.columns.some((column) => column.judgedAs !== undefined || column.tolerance !== undefined);
  const confirmed: Confirmed[] = [];
  const plain: Confirmed[] = [];
  const moved: Suspect[] = [];
  const needed: Suspect[] = [];
  for (const suspect of stable) {
    const kind = kindOf(suspect, keyed);
    const single = suspect.source.times === 1 && suspect.target.times === 1;
    const closer = keyed ? kind === 'different' && single && options.hashed && (judged || needed.length < wanted) : needed.length < wanted;
    if (closer) needed.push(suspect);
    else plain.push({ kind, ...suspect });
  }
  for (let from = 0; from < needed.length; from += ROWS_WITH_VALUES) {
    const part = needed.slice(from, from + ROWS_WITH_VALUES);
    const identities = part.map((suspect) => suspect.identity);
    const reading = { values: true, hashed: true, ...(options.signal ? { signal: options.signal } : {}) };
    const [source, target] = await Promise.all([
      options.source.rowStates(pair.source, identities, reading).then(byIndex),
      options.target.rowStates(pair.target, identities, reading).then(byIndex),
    ]);
    const rows: { readonly suspect: Suspect; readonly identity: RowIdentity; readonly source: RowState; readonly target: RowState }[] = [];
    for (const [i, suspect] of part.entries()) {
      const a = source.get(i) ?? [];
      const b = target.get(i) ?? [];
      const now = { identity: suspect.identity, source: observe(a), target: observe(b) };
      const [first, second] = [a[0], b[0]];
      if (!unchanged(suspect.source, now.source) || !unchanged(suspect.target, now.target)) {
        if (!agree(now.source, now.target)) moved.push(now);
      } else if (!keyed) {
        const values = first?.values ?? second?.values;
        confirmed.push({ kind: kindOf(suspect, keyed), ...suspect, ...(values ? { values } : {}) });
      } else if (first && second && !reportedElsewhere(pair, suspect.identity, first)) rows.push({ suspect, identity: suspect.identity, source: first, target: second });
    }
    const differences = await judgeColumns({ pair, rows, checksummer: options.source });
    for (const [i, { suspect }] of rows.entries()) {
      const columns = differences[i] ?? {};
      if (Object.keys(columns).length > 0) confirmed.push({ kind: 'different', ...suspect, columns });
    }
  }
  // Those with values first: the report keeps the first ones.
  return { confirmed: [...confirmed, ...plain], moved };
}

/**
 * Two texts of one key (`citext`, `numeric[]`) lie at two places, and each finds both rows. The pair belongs
 * to the source's text.
 */
function reportedElsewhere({ columns, keyLength }: TablePair, { key }: RowIdentity, { values }: RowState): boolean {
  return columns.slice(0, keyLength).some(({ judgedAs }, i) => judgedAs !== undefined && values?.[i] !== key[i]);
}
