import type { JournalEntry } from './journal-entry.ts';

/** Something acknowledged that is not there, or not as it was acknowledged. */
export interface Loss {
  /** What is lost: two findings about one write have the same. */
  readonly what: string;
  readonly side: 'monolith' | 'service';
  readonly expected: string;
  readonly found: string;
  readonly entry?: JournalEntry;
}

/** One write to one value, in the order of the journal. */
export interface ValueWrite {
  readonly value: string;
  readonly acknowledged: boolean;
  /** Of unknown fate at first, but seen to have happened by a later read: `settledAt` is that read's place in the journal. */
  readonly settledAt?: number;
  /** Its place in the journal. */
  readonly at: number;
  readonly entry: JournalEntry;
}

/**
 * Which values a column may have in the end: the last acknowledged one, or one whose write is of unknown fate and may
 * have happened after it. A request without an answer can still take effect long after it was given up, unless a
 * read has shown its effect before the last acknowledged write. Undefined when nothing was acknowledged.
 */
export function possibleValues(writes: readonly ValueWrite[]): { readonly last: ValueWrite; readonly values: Set<string> } | undefined {
  const last = writes.findLast((write) => write.acknowledged);
  if (last === undefined) return undefined;
  const open = writes.filter((write) => !write.acknowledged && (write.settledAt === undefined || write.settledAt > last.at));
  return { last, values: new Set([last.value, ...open.map((write) => write.value)]) };
}

export const show = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));
