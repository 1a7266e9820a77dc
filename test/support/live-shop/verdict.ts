import { rowsOf } from '../sync-engine.ts';
import { bothOf, type LiveShop } from './live-shop.ts';
import { TABLES } from './tables.ts';

/** What the clients' journal says of a shop that everybody has left. Empty lists are right. */
export interface ShopVerdict {
  readonly requests: number;
  readonly acknowledged: number;
  /** Acknowledged, and not on both sides. */
  readonly lost: readonly string[];
  readonly stale: readonly string[];
  readonly movedBack: readonly string[];
  readonly failedOutsideFaults: readonly string[];
  readonly failedWithinFaults: number;
  /** Orders that were charged more than once, or not what they cost. */
  readonly wrongCharges: readonly string[];
  /** Items of which not exactly the promised pieces are gone, on both sides. */
  readonly wrongStock: readonly string[];
  /** Rows that the sides do not share. */
  readonly differing: readonly string[];
  readonly conflicts: readonly { readonly table: string; readonly key: string }[];
  readonly quarantined: number;
}

/** Whether the product has kept every promise. */
export function isClean(verdict: ShopVerdict): boolean {
  const { lost, stale, movedBack, failedOutsideFaults, wrongCharges, wrongStock, differing, conflicts, quarantined } = verdict;
  return [lost, stale, movedBack, failedOutsideFaults, wrongCharges, wrongStock, differing, conflicts].every(({ length }) => length === 0) && quarantined === 0;
}

/** Lets everybody leave and everything drain, and compares the databases with the journal. */
export async function judgeShop(shop: LiveShop): Promise<ShopVerdict> {
  await shop.leave();
  shop.noteRollbacks();
  await shop.drain();
  const { journal, charges } = shop;
  const lost: string[] = [];
  const differing: string[] = [];
  const conflicts: { readonly table: string; readonly key: string }[] = [];
  let quarantined = 0;
  for (const [service, { database }] of shop.extracted) {
    for (const table of TABLES[service]) {
      const ours = await rowsOf(shop.monolith.database, `public.${table}`);
      const theirs = new Set(await rowsOf(database, `public.${table}`));
      for (const row of ours) if (!theirs.delete(row)) differing.push(`${table} ${row} on the monolith only`);
      differing.push(...[...theirs].map((row) => `${table} ${row} on the service only`));
    }
    for (const end of Object.values(bothOf(shop, service))) {
      quarantined += (await end.query(`SELECT FROM banyan.quarantine WHERE state = 'held' AND service = '${service}'`)).length;
    }
  }
  for (const row of await shop.monolith.database.query("SELECT table_name, key FROM banyan.conflict WHERE strategy NOT IN ('superseded', 'sent-again') ORDER BY id")) {
    conflicts.push({ table: row['table_name'] ?? '', key: row['key'] ?? '' });
  }
  // Both sides are compared above, so what is on one of them is on both.
  lost.push(...(await missing(shop)));
  return {
    requests: journal.requests, acknowledged: journal.acknowledged, lost, stale: journal.stale, movedBack: journal.movedBack(),
    failedOutsideFaults: journal.failedOutsideFaults(), failedWithinFaults: journal.failedWithinFaults().length,
    wrongCharges: wrongCharges(journal.payments, charges), wrongStock: await wrongStock(shop), differing, conflicts, quarantined,
  };
}

async function missing(shop: LiveShop): Promise<readonly string[]> {
  const { journal } = shop;
  const table = async (name: string, key: string, value: string): Promise<ReadonlyMap<string, string | null>> =>
    new Map((await shop.monolith.database.query(`SELECT ${key}::text AS key, ${value}::text AS value FROM public.${name}`)).map((row) => [row['key'] ?? '', row['value'] ?? null]));
  const lost: string[] = [];
  const expect = (what: string, told: ReadonlyMap<string, string>, found: ReadonlyMap<string, string | null>): void => {
    for (const [key, value] of told) if (found.get(key) !== value) lost.push(`${what} ${key}: told ${value}, found ${String(found.get(key))}`);
  };
  expect('password of', journal.passwords, await table('users', 'id', 'password'));
  const sessions = await table('sessions', 'token', 'user_id');
  expect('session', journal.sessions, sessions);
  for (const token of journal.ended) if (sessions.has(token)) lost.push(`the end of session ${token}`);
  expect('order', journal.orders, await table('orders', 'id', 'total'));
  expect('payment', journal.payments, await table('payments', 'order_id', 'amount'));
  const reservations = new Map([...journal.reservations].map(([id, { sku, quantity }]) => [id, `${sku} ${quantity}`]));
  expect('reservation', reservations, await table('reservations', 'id', "sku || ' ' || quantity"));
  return lost;
}

function wrongCharges(payments: ReadonlyMap<string, string>, charges: LiveShop['charges']): readonly string[] {
  const byOrder = new Map<string, string[]>();
  for (const { order, amount } of charges) byOrder.set(order, [...(byOrder.get(order) ?? []), amount]);
  const cents = (amount: string): bigint => BigInt(amount.replace('.', ''));
  const sum = (amounts: Iterable<string>): bigint => [...amounts].reduce((total, amount) => total + cents(amount), 0n);
  return [
    ...[...payments].filter(([order, amount]) => byOrder.get(order)?.join() !== amount).map(([order, amount]) => `order ${order} of ${amount}, charged ${byOrder.get(order)?.join(' and ') ?? 'never'}`),
    ...(sum(payments.values()) === sum(charges.map(({ amount }) => amount)) ? [] : [`charged ${sum(charges.map(({ amount }) => amount))} cents in all, told of ${sum(payments.values())}`]),
  ];
}

async function wrongStock(shop: LiveShop): Promise<readonly string[]> {
  const rows = await shop.monolith.database.query('SELECT sku, on_hand FROM public.stock ORDER BY sku');
  return rows
    .filter((row) => Number(row['on_hand']) !== shop.ledger.most(row['sku'] ?? ''))
    .map((row) => `${row['sku']}: ${row['on_hand']} instead of ${shop.ledger.most(row['sku'] ?? '')}`);
}
