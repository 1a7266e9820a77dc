import type pg from 'pg';
import type { JournalEntry, Write } from './journal-entry.ts';
import { possibleValues, show, type Loss, type ValueWrite } from './journal-findings.ts';

/** What one database has of the accounts that the journal speaks of. A table that is not there is undefined. */
export interface AccountsState {
  readonly users?: ReadonlyMap<string, UserRow>;
  readonly sessions?: ReadonlyMap<string, { readonly userId: string; readonly revoked: boolean }>;
  readonly addresses?: ReadonlyMap<string, { readonly userId: string; readonly line1: string }>;
  /** By `userId/key`. */
  readonly preferences?: ReadonlyMap<string, string>;
  /** See eventKey. */
  readonly events?: ReadonlySet<string>;
}

interface UserRow {
  readonly email: string;
  readonly displayName: string;
  /** SHA-256, in hex. */
  readonly biography: string | null;
  readonly version: number;
  readonly orderCount: number;
}

export const eventKey = (userId: string, kind: string, token: string): string => `${userId} ${kind} ${token}`;

/** The accounts that the journal speaks of: everything else in the tables is none of its business. */
function usersOf(entries: readonly JournalEntry[]): string[] {
  const users = new Set<string>();
  for (const { write, attempt } of entries) {
    for (const each of [write, attempt]) if (each && 'userId' in each && each.userId !== undefined) users.add(each.userId);
  }
  return [...users];
}

/** Reads the state in a few statements. `tables` are those the database has, or undefined for all. */
export async function loadAccounts(pool: pg.Pool, entries: readonly JournalEntry[], tables?: readonly string[]): Promise<AccountsState> {
  const users = usersOf(entries);
  const names = tables?.map((table) => table.replace(/^public\./, ''));
  const read = async (table: string, sql: string): Promise<Record<string, string | null>[] | undefined> =>
    names && !names.includes(table) ? undefined : (await pool.query<Record<string, string | null>>(sql, [users])).rows;
  const map = <Value>(
    rows: Record<string, string | null>[] | undefined,
    value: (row: Record<string, string | null>) => Value,
  ): Map<string, Value> | undefined => rows && new Map(rows.map((row) => [String(row['key']), value(row)]));

  const found = {
    users: map(
      await read(
        'users',
        `select id::text as key, email, display_name, encode(sha256(convert_to(biography, 'UTF8')), 'hex') as biography,
           version::text, order_count::text from users where id = any($1::bigint[])`,
      ),
      (row) => ({
        email: String(row['email']),
        displayName: String(row['display_name']),
        biography: row['biography'] ?? null,
        version: Number(row['version']),
        orderCount: Number(row['order_count']),
      }),
    ),
    sessions: map(
      await read(
        'sessions',
        `select id::text as key, user_id::text, case when revoked_at is null then 'open' else 'revoked' end as state
         from sessions where user_id = any($1::bigint[])`,
      ),
      (row) => ({ userId: String(row['user_id']), revoked: row['state'] === 'revoked' }),
    ),
    addresses: map(
      await read('addresses', 'select id::text as key, user_id::text, line1 from addresses where user_id = any($1::bigint[])'),
      (row) => ({ userId: String(row['user_id']), line1: String(row['line1']) }),
    ),
    preferences: map(
      await read(
        'user_preferences',
        `select user_id || '/' || key as key, value #>> '{}' as value from user_preferences where user_id = any($1::bigint[])`,
      ),
      (row) => String(row['value']),
    ),
  };
  const events = await read(
    'account_events',
    `select user_id::text as key, kind, coalesce(details ->> 'displayName', details ->> 'line1', details ->> 'session', details ->> 'email', '') as token
     from account_events where user_id = any($1::bigint[])`,
  );
  return {
    ...(found.users && { users: found.users }),
    ...(found.sessions && { sessions: found.sessions }),
    ...(found.addresses && { addresses: found.addresses }),
    ...(found.preferences && { preferences: found.preferences }),
    ...(events && { events: new Set(events.map((row) => eventKey(String(row['key']), String(row['kind']), String(row['token'])))) }),
  };
}

/** Compares one database with what was acknowledged of registrations, sessions, profiles and addresses. */
export function judgeAccounts(side: Loss['side'], entries: readonly JournalEntry[], state: AccountsState): Loss[] {
  const losses: Loss[] = [];
  entries.forEach((entry, at) => {
    if (entry.write) losses.push(...judgeWrite(side, entry, entry.write, at, state));
  });
  for (const [column, writes] of valueWrites(entries)) {
    const possible = possibleValues(writes);
    const found = possible && currentValue(state, column);
    if (possible === undefined || found === undefined || (found.value !== undefined && possible.values.has(found.value))) continue;
    losses.push({
      what: `line ${possible.last.at}`,
      side,
      expected: `${column} is ${[...possible.values].map(show).join(' or ')}`,
      found: show(found.value),
      entry: possible.last.entry,
    });
  }
  return [...losses, ...judgeVersions(side, entries, state)];
}

/** What must be there for one acknowledged write, whatever was written later. */
function judgeWrite(side: Loss['side'], entry: JournalEntry, write: Write, at: number, state: AccountsState): Loss[] {
  const losses: Loss[] = [];
  const lose = (expected: string, found: unknown): void => {
    losses.push({ what: `line ${at}`, side, expected, found: show(found), entry });
  };
  const event = (userId: string | undefined, kind: string, token: string | undefined): void => {
    const key = eventKey(userId ?? '', kind, token ?? '');
    if (state.events && !state.events.has(key)) lose(`an account event "${key}"`, undefined);
  };
  if (write.kind === 'register') {
    const user = state.users?.get(write.userId ?? '');
    if (state.users && user?.email !== write.email) lose(`user ${write.userId} with ${write.email}`, user);
    event(write.userId, 'registered', write.email);
  } else if (write.kind === 'login') {
    const session = state.sessions?.get(write.sessionId ?? '');
    if (state.sessions && session?.userId !== write.userId) lose(`session ${write.sessionId} of user ${write.userId}`, session);
    event(write.userId, 'login', write.sessionId);
  } else if (write.kind === 'logout') {
    const session = state.sessions?.get(write.sessionId);
    if (state.sessions && session?.revoked !== true) lose(`session ${write.sessionId} revoked`, session);
  } else if (write.kind === 'profile') {
    event(write.userId, 'profile_changed', write.displayName);
  } else if (write.kind === 'address') {
    event(write.userId, entry.method === 'POST' ? 'address_added' : 'address_changed', write.line1);
    const address = state.addresses?.get(write.addressId ?? '');
    if (state.addresses && address?.userId !== write.userId) lose(`address ${write.addressId} of user ${write.userId}`, address);
  }
  return losses;
}

/** Every value that was written more than once over time, by where it is stored, with all its writes. */
function valueWrites(entries: readonly JournalEntry[]): Map<string, ValueWrite[]> {
  const settled = settledProfiles(entries);
  const columns = new Map<string, ValueWrite[]>();
  const add = (column: string, write: ValueWrite): void => {
    columns.set(column, [...(columns.get(column) ?? []), write]);
  };
  entries.forEach((entry, at) => {
    const write = entry.write ?? entry.attempt;
    const acknowledged = entry.write !== undefined;
    if (write?.kind === 'register' && write.userId !== undefined) {
      add(`users/${write.userId}/display_name`, { value: write.displayName, acknowledged, at, entry });
    } else if (write?.kind === 'profile') {
      const settledAt = settled.get(write.displayName);
      const common = { acknowledged, at, entry, ...(settledAt === undefined ? {} : { settledAt }) };
      add(`users/${write.userId}/display_name`, { value: write.displayName, ...common });
      if (write.biography !== undefined) add(`users/${write.userId}/biography`, { value: write.biography, ...common });
      if (write.preference) add(`user_preferences/${write.userId}/${write.preference.key}`, { value: write.preference.value, ...common });
    } else if (write?.kind === 'address' && write.addressId !== undefined) {
      add(`addresses/${write.addressId}/line1`, { value: write.line1, acknowledged, at, entry });
    }
  });
  return columns;
}

/** When a read showed the name that a write had set, by that name. */
function settledProfiles(entries: readonly JournalEntry[]): Map<string, number> {
  const settled = new Map<string, number>();
  entries.forEach((entry, at) => {
    const name = entry.read?.kind === 'profile' ? entry.read.displayName : undefined;
    if (name !== undefined && !settled.has(name)) settled.set(name, at);
  });
  return settled;
}

/** Undefined when the table is not there; a value of undefined when the row or value is not. */
function currentValue(state: AccountsState, column: string): { readonly value: string | undefined } | undefined {
  const [table, key = '', name = ''] = column.split('/');
  if (table === 'users') {
    const user = state.users?.get(key);
    return state.users && { value: name === 'biography' ? (user?.biography ?? undefined) : user?.displayName };
  }
  if (table === 'addresses') return state.addresses && { value: state.addresses.get(key)?.line1 };
  return state.preferences && { value: state.preferences.get(`${key}/${name}`) };
}

/** A version never falls behind an acknowledged one, unless a write of unknown fate raced with it. */
function judgeVersions(side: Loss['side'], entries: readonly JournalEntry[], state: AccountsState): Loss[] {
  const latest = new Map<string, { version: number; at: number; entry: JournalEntry }>();
  const unknown = new Set<string>();
  entries.forEach((entry, at) => {
    if (entry.attempt?.kind === 'profile') unknown.add(entry.attempt.userId);
    if (entry.write?.kind !== 'profile' || entry.write.version === undefined) return;
    const before = latest.get(entry.write.userId);
    if (before === undefined || before.version < entry.write.version) latest.set(entry.write.userId, { version: entry.write.version, at, entry });
  });
  return [...latest].flatMap(([userId, { version, at, entry }]) => {
    const found = state.users?.get(userId)?.version;
    if (!state.users || unknown.has(userId) || (found !== undefined && found >= version)) return [];
    return [{ what: `line ${at}`, side, expected: `user ${userId} at version ${version} or later`, found: show(found), entry }];
  });
}
