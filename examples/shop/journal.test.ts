import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readJournal } from './journal.ts';
import { eventKey, judgeAccounts, type AccountsState } from './journal-accounts.ts';
import type { JournalEntry } from './journal-entry.ts';
import { failedRequests, movesBack, staleReads } from './journal-requests.ts';
import { judgeOrderCounts, judgeShop, type ShopState } from './journal-shop.ts';
import { homeWarehouse, openingStock } from './stock.ts';

let clock = 1000;
const line = (entry: Partial<JournalEntry>): JournalEntry => {
  clock += 100;
  return { t: clock, visitor: 'v1', method: 'GET', path: '/api/users/me', status: 200, ms: 5, ...entry };
};
const profile = (version: number, displayName: string, entry: Partial<JournalEntry> = {}): JournalEntry =>
  line({ method: 'PATCH', write: { kind: 'profile', userId: '7', version, displayName }, ...entry });
const unanswered = (displayName: string): JournalEntry =>
  line({ method: 'PATCH', status: null, attempt: { kind: 'profile', userId: '7', displayName } });
const read = (version: number, displayName: string, entry: Partial<JournalEntry> = {}): JournalEntry =>
  line({ read: { kind: 'profile', userId: '7', version, displayName }, ...entry });

describe('the file', () => {
  it('may end in a line that was cut off, and nowhere else', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'journal-'));
    const file = path.join(folder, 'journal.jsonl');
    const whole = JSON.stringify(line({}));
    await writeFile(file, `${whole}\n${whole}\n${whole.slice(0, 20)}`);
    expect(await readJournal(file)).toHaveLength(2);
    await writeFile(file, `${whole.slice(0, 20)}\n${whole}\n`);
    await expect(readJournal(file)).rejects.toThrow(SyntaxError);
    await rm(folder, { recursive: true });
  });
});

describe('failed requests', () => {
  it('are those without an answer, with 5xx, and with a refusal that nobody provoked', () => {
    const entries = [
      line({}),
      line({ status: null }),
      line({ status: 502 }),
      line({ status: 401, session: 's' }),
      line({ status: 404, path: '/api/orders/5' }),
      line({ status: 404, may: [404] }),
    ];
    expect(failedRequests(entries, []).map(({ entry }) => entry.status)).toEqual([null, 502, 401, 404]);
  });

  it('are told apart by the fault windows they overlap', () => {
    const entry = line({ status: 503, ms: 50 });
    const inFault = (from: number, to: number): boolean | undefined => failedRequests([entry], [{ from, to }])[0]?.inFault;
    expect(inFault(entry.t + 50, entry.t + 90)).toBe(true);
    expect(inFault(entry.t + 51, entry.t + 90)).toBe(false);
    expect(inFault(entry.t - 10, entry.t - 1)).toBe(false);
  });
});

describe('moves back', () => {
  const at = (side: string, entry: Partial<JournalEntry> = {}): JournalEntry => line({ side, ...entry });

  it('are found on account paths, per visitor', () => {
    const entries = [at('service'), at('monolith', { visitor: 'v2' }), at('service', { visitor: 'v2' }), at('monolith')];
    expect(movesBack(entries, []).map((move) => move.visitor)).toEqual(['v1']);
  });

  it('are none when the monolith answers a path that stays there', () => {
    expect(movesBack([at('service'), at('monolith', { path: '/api/orders' }), at('service')], [])).toEqual([]);
  });

  it('are none when a fault lies between, however late the visitor comes again; and he may return', () => {
    const entries = [at('service'), at('monolith', { t: clock + 9000 }), at('service', { t: clock + 9100 })];
    const window = { from: entries[0]!.t + 50, to: entries[0]!.t + 60 };
    expect(movesBack(entries, [window])).toEqual([]);
    expect(movesBack([...entries, at('monolith', { t: clock + 9200 })], [window])).toHaveLength(1);
  });
});

describe('stale reads', () => {
  it('are older than an acknowledged write or an earlier read of the same visitor', () => {
    expect(staleReads([profile(3, 'c'), read(3, 'c'), read(4, 'd')])).toEqual([]);
    expect(staleReads([profile(3, 'c'), read(2, 'b')])[0]).toMatchObject({ found: 'version 2' });
    expect(staleReads([read(5, 'e'), read(4, 'd')])).toHaveLength(1);
    expect(staleReads([read(5, 'e'), read(4, 'd', { visitor: 'v2' })])).toEqual([]);
  });

  it('are also those of the right version with other content, unless a write of unknown fate explains it', () => {
    expect(staleReads([profile(3, 'c'), read(3, 'x')])).toHaveLength(1);
    expect(staleReads([unanswered('x'), profile(3, 'c'), read(3, 'x')])).toEqual([]);
  });
});

describe('stale lists of addresses', () => {
  const saved = (addressId: string, line1: string): JournalEntry =>
    line({ method: 'PUT', write: { kind: 'address', userId: '7', addressId, line1 } });
  const listed = (lines: Record<string, string>): JournalEntry => line({ read: { kind: 'addresses', userId: '7', lines } });

  it('lack one that was acknowledged or read before, or show what it was before', () => {
    expect(staleReads([saved('9', 'a'), listed({ 8: 'z', 9: 'a' }), saved('9', 'b'), listed({ 8: 'z', 9: 'b' })])).toEqual([]);
    expect(staleReads([saved('9', 'a'), listed({})])).toMatchObject([{ expected: 'address 9: "a"', found: 'nothing' }]);
    expect(staleReads([listed({ 9: 'a' }), listed({})])).toHaveLength(1);
    expect(staleReads([saved('9', 'a'), saved('9', 'b'), listed({ 9: 'a' })])).toMatchObject([{ found: '"a"' }]);
  });

  it('may show another line when a write of unknown fate explains it, but must have the address', () => {
    const attempt = line({ method: 'PUT', status: 502, attempt: { kind: 'address', userId: '7', addressId: '9', line1: 'c' } });
    expect(staleReads([saved('9', 'a'), attempt, listed({ 9: 'c' })])).toEqual([]);
    expect(staleReads([saved('9', 'a'), attempt, listed({})])).toHaveLength(1);
  });
});

describe('accounts', () => {
  const entries = (): JournalEntry[] => [
    line({ method: 'POST', write: { kind: 'register', userId: '7', email: 'a@b', displayName: 'first' } }),
    line({ method: 'POST', write: { kind: 'login', userId: '7', sessionId: 's1' } }),
    profile(2, 'second', {
      write: { kind: 'profile', userId: '7', version: 2, displayName: 'second', biography: 'sha', preference: { key: 'k', value: 'p' } },
    }),
    profile(3, 'third'),
    line({ method: 'POST', write: { kind: 'address', userId: '7', addressId: '9', line1: 'old' } }),
    line({ method: 'PUT', write: { kind: 'address', userId: '7', addressId: '9', line1: 'new' } }),
    line({ method: 'POST', write: { kind: 'logout', sessionId: 's1' } }),
  ];
  const user = { email: 'a@b', displayName: 'third', biography: 'sha', version: 3, orderCount: 0 };
  const state = (): Required<AccountsState> => ({
    users: new Map([['7', user]]),
    sessions: new Map([['s1', { userId: '7', revoked: true }]]),
    addresses: new Map([['9', { userId: '7', line1: 'new' }]]),
    preferences: new Map([['7/k', 'p']]),
    events: new Set([
      eventKey('7', 'registered', 'a@b'),
      eventKey('7', 'login', 's1'),
      eventKey('7', 'profile_changed', 'second'),
      eventKey('7', 'profile_changed', 'third'),
      eventKey('7', 'address_added', 'old'),
      eventKey('7', 'address_changed', 'new'),
    ]),
  });
  const losses = (changed: Partial<AccountsState>, list = entries()): string[] => [
    ...new Set(judgeAccounts('service', list, { ...state(), ...changed }).map((loss) => loss.what)),
  ];

  it('that hold everything acknowledged have lost nothing', () => {
    expect(losses({})).toEqual([]);
  });

  it.each<[string, Partial<AccountsState>, string[]]>([
    ['a user', { users: new Map() }, ['line 0', 'line 3', 'line 2']],
    ['an email', { users: new Map([['7', { ...user, email: 'x@y' }]]) }, ['line 0']],
    ['a session', { sessions: new Map() }, ['line 1', 'line 6']],
    ['a logout', { sessions: new Map([['s1', { userId: '7', revoked: false }]]) }, ['line 6']],
    ['the last name', { users: new Map([['7', { ...user, displayName: 'second' }]]) }, ['line 3']],
    ['a version', { users: new Map([['7', { ...user, version: 2 }]]) }, ['line 3']],
    ['a long text (null for unchanged)', { users: new Map([['7', { ...user, biography: null }]]) }, ['line 2']],
    ['a preference', { preferences: new Map() }, ['line 2']],
    ['an address', { addresses: new Map() }, ['line 4', 'line 5']],
    ['the last address', { addresses: new Map([['9', { userId: '7', line1: 'old' }]]) }, ['line 5']],
    ['an overwritten edit, by its event', { events: new Set([...state().events].filter((key) => !key.endsWith('second'))) }, ['line 2']],
  ])('that lost %s are found out', (_, changed, expected) => {
    expect(losses(changed)).toEqual(expected);
  });

  it('may hold a later write of unknown fate instead of the last acknowledged one', () => {
    const changed = { users: new Map([['7', { ...user, displayName: 'late' }]]) };
    expect(losses(changed, [...entries(), unanswered('late')])).toEqual([]);
    expect(losses(changed, [unanswered('late'), ...entries()])).toEqual([]);
  });

  it('may not hold one that a read had shown before the last acknowledged write', () => {
    const changed = { users: new Map([['7', { ...user, displayName: 'late' }]]) };
    expect(losses(changed, [unanswered('late'), read(1, 'late'), ...entries()])).toEqual(['line 5']);
  });

  it('are not asked for tables that the service does not have', () => {
    expect(judgeAccounts('service', entries(), {})).toEqual([]);
  });
});

describe('orders', () => {
  const items = [
    { variantId: 3, quantity: 1, unitPrice: '1.00' },
    { variantId: 5, quantity: 2, unitPrice: '2.50' },
  ];
  const entries: JournalEntry[] = [
    line({ method: 'POST', write: { kind: 'cart', variantId: 3, quantity: 1 } }),
    line({ method: 'POST', write: { kind: 'cart', variantId: 11, quantity: 2 } }),
    line({ method: 'POST', write: { kind: 'order', userId: '7', reference: 'r1', orderId: '1', total: '6.00', paymentId: '2', items } }),
    line({ method: 'POST', write: { kind: 'payment', orderId: '1', paymentId: '2', amount: '6.00', token: 't' } }),
    line({ method: 'POST', write: { kind: 'ticket', userId: '7', ticketId: '4', subject: 'q' } }),
    line({ method: 'POST', status: 503, attempt: { kind: 'order', userId: '7', reference: 'r2', items: [{ variantId: 5, quantity: 9 }] } }),
  ];
  const order = { id: '1', userId: '7', total: '6.00', status: 'paid', items, payments: [{ id: '2', amount: '6.00', status: 'captured', token: 't' }] };
  const level = (variantId: number, sold: number, movedByOthers = 0): [string, { onHand: number; movedByOthers: number }] => [
    `${homeWarehouse(variantId)}/${variantId}`,
    { onHand: openingStock(homeWarehouse(variantId), variantId) + movedByOthers - sold, movedByOthers },
  ];
  const state: ShopState = {
    orders: new Map([['r1', order]]),
    tickets: new Map([['4', 'q']]),
    cart: new Map([['v1/11', 2]]),
    stock: new Map([level(3, 1, 20), level(5, 2)]),
    orderCounts: new Map([['7', 1]]),
  };
  const losses = (changed: Partial<ShopState>): string[] => judgeShop(entries, { ...state, ...changed }).map((loss) => loss.what);

  it('that are all there have lost nothing', () => {
    expect(losses({})).toEqual([]);
  });

  it('of unknown fate count when they are there, with their stock', () => {
    const orders = new Map([['r1', order], ['r2', { ...order, id: '9', payments: [] }]]);
    expect(losses({ orders, stock: new Map([level(3, 1, 20), level(5, 11)]) })).toEqual([]);
    expect(losses({ orders })).toEqual(['stock 2/5']);
  });

  it.each<[string, Partial<ShopState>, string[]]>([
    ['an order', { orders: new Map() }, ['line 2', 'line 3']],
    ['a total', { orders: new Map([['r1', { ...order, total: '6.01' }]]) }, ['line 2']],
    ['an item', { orders: new Map([['r1', { ...order, items: items.slice(1) }]]) }, ['line 2']],
    ['a payment', { orders: new Map([['r1', { ...order, payments: [] }]]) }, ['line 2', 'line 3']],
    ['a capture', { orders: new Map([['r1', { ...order, payments: [{ ...order.payments[0]!, status: 'pending', token: null }] }]]) }, ['line 3']],
    ['a ticket', { tickets: new Map() }, ['line 4']],
    ['a cart line', { cart: new Map() }, ['line 1']],
    ['a sale', { stock: new Map([level(3, 0), level(5, 2)]) }, ['stock 4/3']],
  ])('that lost %s are found out', (_, changed, expected) => {
    expect(losses(changed)).toEqual(expected);
  });

  it('are counted on the users of both sides', () => {
    expect(judgeOrderCounts('monolith', state, new Map([['7', { orderCount: 1 }]]))).toEqual([]);
    expect(judgeOrderCounts('service', state, new Map([['7', { orderCount: 0 }]]))).toMatchObject([{ side: 'service', found: '0' }]);
    expect(judgeOrderCounts('service', state, undefined)).toEqual([]);
  });
});
