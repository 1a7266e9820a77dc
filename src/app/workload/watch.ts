import { randomBytes } from 'node:crypto';
import { Kinds } from '../../analyze/workload/kinds.ts';
import type { Workload } from '../../model/workload.ts';
import { watchCommits } from '../../postgres/workload/watch-commits.ts';
import type { ApplicationContext } from '../application.ts';

const MOST_KINDS = 50_000;
const MOST_NAMES = 5;

/** What commits together, read from the WAL for so many seconds. */
export async function watchWorkload({ context, url, seconds }: { readonly context: ApplicationContext; readonly url: string; readonly seconds: number }): Promise<Workload> {
  const kinds = new Kinds({ limit: MOST_KINDS });
  const note = (text: string): void => context.progress.note(text);
  let transactions = 0;
  const from = (): string => new Date(context.clock.now()).toISOString();
  let began = from();
  const watched = await watchCommits({
    url, seconds, clock: context.clock, signal: context.signal, suffix: randomBytes(6).toString('hex'), note,
    onReady: () => {
      began = from();
      note(`reading for ${seconds} s what commits together`);
    },
    onCommit: (operations) => {
      transactions += 1;
      const accesses = operations.map((operation) => kinds.numberOf({ kind: 'access', reads: [], writes: [operation.table], operations: [operation] }));
      kinds.count(new Set(accesses), { committed: true, line: 0 });
    },
  });
  if (watched.insertsOnly.length > 0) note(`only new rows were seen of tables without a key, ${watched.insertsOnly.length} in number: ${some(watched.insertsOnly)}`);
  if (watched.unseen.length > 0) note(`tables of other owners could not be watched, ${watched.unseen.length} in number: ${some(watched.unseen)}`);
  if (kinds.dropped > 0) note(`${kinds.dropped} transactions were of kinds too many to keep, seen least.`);
  const source = {
    name: 'WAL', format: 'PostgreSQL WAL, what commits together', transactions, rolledBack: 0, unfinished: 0, statements: 0, forms: 0, formsForgotten: 0, unread: 0, unreadExamples: [],
    from: began, to: from(),
  };
  return { seconds: watched.seconds, transactions: kinds.transactions().map(({ line: _line, ...transaction }) => transaction), sources: [source] };
}

function some(tables: readonly string[]): string {
  return `${tables.slice(0, MOST_NAMES).join(', ')}${tables.length > MOST_NAMES ? ' …' : ''}`;
}
