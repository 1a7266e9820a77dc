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

/** Reads that show less than what the same visitor had been acknowledged or had read before. */
export function staleReads(entries: readonly JournalEntry[]): StaleRead[] {
  return [...staleProfiles(entries), ...staleAddresses(entries)].sort((a, b) => a.entry.t - b.entry.t);
}

/** One state for each visitor and user, made when it is first asked for. */
function perVisitor<State>(create: () => State): (entry: JournalEntry, userId: string) => State {
  const states = new Map<string, State>();
  return (entry, userId) => {
    const key = `${entry.visitor} ${userId}`;
    const state = states.get(key) ?? create();
    states.set(key, state);
    return state;
  };
}

/**
 * Profiles of an older version than known; and profiles of an acknowledged version that do not have its content,
 * unless a write of unknown fate may explain it.
 */
function staleProfiles(entries: readonly JournalEntry[]): StaleRead[] {
  const of = perVisitor(() => ({ version: 0, names: new Map<number, string>(), unknown: false }));
  const stale: StaleRead[] = [];
  for (const entry of entries) {
    const { write, attempt, read } = entry;
    if (attempt?.kind === 'profile') of(entry, attempt.userId).unknown = true;
    if (write?.kind === 'profile' && write.version !== undefined) {
      const state = of(entry, write.userId);
      state.version = Math.max(state.version, write.version);
      state.names.set(write.version, write.displayName);
    }
    if (read?.kind !== 'profile') continue;
    const state = of(entry, read.userId);
    const name = state.names.get(read.version);
    if (read.version < state.version) {
      stale.push({ entry, expected: `version ${state.version} or later`, found: `version ${read.version}` });
    } else if (name !== undefined && name !== read.displayName && !state.unknown) {
      stale.push({ entry, expected: `"${name}" at version ${read.version}`, found: `"${read.displayName}"` });
    }
    state.version = Math.max(state.version, read.version);
  }
  return stale;
}

/** Lists of addresses in which an acknowledged one is missing or older, unless a write of unknown fate may explain it. */
function staleAddresses(entries: readonly JournalEntry[]): StaleRead[] {
  const of = perVisitor(() => ({ lines: new Map<string, string>(), unknown: new Set<string>() }));
  const stale: StaleRead[] = [];
  for (const entry of entries) {
    const { write, attempt, read } = entry;
    if (attempt?.kind === 'address' && attempt.addressId !== undefined) of(entry, attempt.userId).unknown.add(attempt.addressId);
    if (write?.kind === 'address' && write.addressId !== undefined) of(entry, write.userId).lines.set(write.addressId, write.line1);
    if (read?.kind !== 'addresses') continue;
    const state = of(entry, read.userId);
    for (const [id, line1] of state.lines) {
      const found = read.lines[id];
      if (found === line1 || (found !== undefined && state.unknown.has(id))) continue;
      stale.push({ entry, expected: `address ${id}: "${line1}"`, found: found === undefined ? 'nothing' : `"${found}"` });
    }
    for (const [id, line1] of Object.entries(read.lines)) state.lines.set(id, line1);
  }
  return stale;
}
