import { accountHandler } from './accounts/handlers.ts';
import { isUnknown, type JournalEntry } from './journal-entry.ts';

/** A span in which a fault was on purpose, in milliseconds since 1970. */
export interface FaultWindow {
  readonly from: number;
  readonly to: number;
}

export interface FailedRequest {
  readonly entry: JournalEntry;
  readonly inFault: boolean;
}

export interface Move {
  readonly visitor: string;
  readonly from: JournalEntry;
  readonly to: JournalEntry;
}

export interface StaleRead {
  readonly entry: JournalEntry;
  readonly expected: string;
  readonly found: string;
}

const overlaps = (windows: readonly FaultWindow[], from: number, to: number): boolean =>
  windows.some((window) => from <= window.to && to >= window.from);

/** Requests without an answer, with 5xx, or with a refusal that was not provoked. */
export function failedRequests(entries: readonly JournalEntry[], windows: readonly FaultWindow[]): FailedRequest[] {
  return entries
    .filter((entry) => isUnknown(entry.status) || (entry.status !== null && entry.status >= 400 && !entry.may?.includes(entry.status)))
    .map((entry) => ({ entry, inFault: overlaps(windows, entry.t, entry.t + entry.ms) }));
}

/**
 * Visitors who were answered by the service and later by the monolith again, on account paths, with no fault between
 * the two answers. Coming forward again after a fault is no move back.
 */
export function movesBack(entries: readonly JournalEntry[], windows: readonly FaultWindow[]): Move[] {
  const last = new Map<string, JournalEntry>();
  const moves: Move[] = [];
  for (const entry of entries) {
    if (entry.visitor === '' || entry.side === undefined || !accountHandler(entry.method, pathOf(entry))) continue;
    const before = last.get(entry.visitor);
    if (before?.side === 'service' && entry.side === 'monolith' && !overlaps(windows, before.t, entry.t + entry.ms)) {
      moves.push({ visitor: entry.visitor, from: before, to: entry });
    }
    last.set(entry.visitor, entry);
  }
  return moves;
}

const pathOf = (entry: JournalEntry): string => entry.path.split('?')[0] ?? entry.path;

/**
 * Profile reads that are older than what the same visitor had been acknowledged or had read before; and reads of an
 * acknowledged version that do not have its content, unless a write of unknown fate may explain it.
 */
export function staleReads(entries: readonly JournalEntry[]): StaleRead[] {
  const seen = new Map<string, { version: number; names: Map<number, string>; unknown: boolean }>();
  const stale: StaleRead[] = [];
  const of = (entry: JournalEntry, userId: string) => {
    const key = `${entry.visitor} ${userId}`;
    const state = seen.get(key) ?? { version: 0, names: new Map<number, string>(), unknown: false };
    seen.set(key, state);
    return state;
  };
  for (const entry of entries) {
    if (entry.attempt?.kind === 'profile') of(entry, entry.attempt.userId).unknown = true;
    if (entry.write?.kind === 'profile' && entry.write.version !== undefined) {
      const state = of(entry, entry.write.userId);
      state.version = Math.max(state.version, entry.write.version);
      state.names.set(entry.write.version, entry.write.displayName);
    }
    if (entry.read) {
      const state = of(entry, entry.read.userId);
      const name = state.names.get(entry.read.version);
      if (entry.read.version < state.version) {
        stale.push({ entry, expected: `version ${state.version} or later`, found: `version ${entry.read.version}` });
      } else if (name !== undefined && name !== entry.read.displayName && !state.unknown) {
        stale.push({ entry, expected: `"${name}" at version ${entry.read.version}`, found: `"${entry.read.displayName}"` });
      }
      state.version = Math.max(state.version, entry.read.version);
    }
  }
  return stale;
}
