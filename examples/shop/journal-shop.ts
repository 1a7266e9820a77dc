import type pg from 'pg';
import type { JournalEntry, OrderItem, OrderWrite } from './journal-entry.ts';
import { show, type Loss } from './journal-findings.ts';
import { homeWarehouse, openingStock } from './stock.ts';

/** What the monolith has of the orders, payments, carts and tickets that the journal speaks of. */
export interface ShopState {
  readonly orders: ReadonlyMap<string, OrderRow>;
  readonly tickets: ReadonlyMap<string, string>;
  /** Quantity by `visitor/variant`. */
  readonly cart: ReadonlyMap<string, number>;
  /** By `warehouse/variant`: the level, and what others than the journal's orders have moved. */
  readonly stock: ReadonlyMap<string, { readonly onHand: number; readonly movedByOthers: number }>;
  /** How many orders a user has, by user. */
  readonly orderCounts: ReadonlyMap<string, number>;
}

interface OrderRow {
  readonly id: string;
  readonly userId: string;
  readonly total: string;
  readonly status: string;
  readonly items: readonly OrderItem[];
  readonly payments: readonly { readonly id: string; readonly amount: string; readonly status: string; readonly token: string | null }[];
}

const ordersOf = (entries: readonly JournalEntry[]): { write: OrderWrite; acknowledged: boolean; at: number; entry: JournalEntry }[] =>
  entries.flatMap((entry, at) => {
    const write = entry.write ?? entry.attempt;
    return write?.kind === 'order' ? [{ write, acknowledged: entry.write !== undefined, at, entry }] : [];
  });

async function jsonByKey(pool: pg.Pool, sql: string, values: unknown[]): Promise<[string, string][]> {
  return (await pool.query<{ key: string; value: string }>(sql, values)).rows.map((row) => [row.key, row.value]);
}

export async function loadShop(pool: pg.Pool, entries: readonly JournalEntry[]): Promise<ShopState> {
  const references = ordersOf(entries).map((order) => order.write.reference);
  const users = [...new Set(ordersOf(entries).map((order) => order.write.userId))];
  const variants = [...new Set(ordersOf(entries).flatMap((order) => order.write.items.map((item) => item.variantId)))];
  const subjects = entries.flatMap((entry) => (entry.write?.kind === 'ticket' ? [entry.write.subject] : []));
  const visitors = [...new Set(entries.flatMap((entry) => (entry.write?.kind === 'cart' ? [entry.visitor] : [])))];
  const orders = await jsonByKey(
    pool,
    `select o.reference as key, json_build_object('id', o.id::text, 'userId', o.user_id::text, 'total', o.total::text, 'status', o.status,
       'items', coalesce((select json_agg(json_build_object('variantId', i.variant_id, 'quantity', i.quantity, 'unitPrice', i.unit_price::text)
                          order by i.variant_id) from order_items i where i.order_id = o.id), '[]'),
       'payments', coalesce((select json_agg(json_build_object('id', p.id::text, 'amount', p.amount::text, 'status', p.status, 'token', p.provider_reference)
                             order by p.id) from payments p where p.order_id = o.id), '[]'))::text as value
     from orders o where o.reference = any($1)`,
    [references],
  );
  const tickets = await jsonByKey(pool, 'select id::text as key, subject as value from support_tickets where subject = any($1)', [subjects]);
  const cart = await jsonByKey(
    pool,
    `select c.visitor_key || '/' || i.variant_id as key, i.quantity::text as value
     from carts c join cart_items i on i.cart_id = c.id where c.visitor_key = any($1)`,
    [visitors],
  );
  const stock = await jsonByKey(
    pool,
    `select l.warehouse_id || '/' || l.variant_id as key, json_build_object('onHand', l.on_hand, 'movedByOthers',
       (select coalesce(sum(m.quantity), 0) from stock_movements m left join orders o on o.id = m.order_id
        where m.warehouse_id = l.warehouse_id and m.variant_id = l.variant_id and m.reason <> 'opening'
          and (o.reference is null or o.reference <> all ($2))))::text as value
     from stock_levels l where l.variant_id = any($1)`,
    [variants, references],
  );
  const counts = await jsonByKey(pool, 'select user_id::text as key, count(*)::text as value from orders where user_id = any($1::bigint[]) group by 1', [users]);
  return {
    orders: new Map(orders.map(([key, value]) => [key, JSON.parse(value)])),
    tickets: new Map(tickets),
    cart: new Map(cart.map(([key, value]) => [key, Number(value)])),
    stock: new Map(stock.map(([key, value]) => [key, JSON.parse(value)])),
    orderCounts: new Map(counts.map(([key, value]) => [key, Number(value)])),
  };
}

export function judgeShop(entries: readonly JournalEntry[], state: ShopState): Loss[] {
  return [
    ...judgeOrders(entries, state),
    ...judgePayments(entries, state),
    ...judgeTickets(entries, state),
    ...judgeCarts(entries, state),
    ...judgeStock(entries, state),
  ];
}

const sorted = (items: readonly OrderItem[]): OrderItem[] => [...items].sort((a, b) => a.variantId - b.variantId);

function judgeOrders(entries: readonly JournalEntry[], state: ShopState): Loss[] {
  return ordersOf(entries).flatMap(({ write, acknowledged, at, entry }): Loss[] => {
    const row = state.orders.get(write.reference);
    if (!acknowledged) return [];
    const payment = row?.payments.find((each) => each.id === write.paymentId);
    const whole =
      row?.id === write.orderId &&
      row?.userId === write.userId &&
      row?.total === write.total &&
      JSON.stringify(row?.items) === JSON.stringify(sorted(write.items)) &&
      payment?.amount === write.total;
    return whole ? [] : [{ what: `line ${at}`, side: 'monolith', expected: show(write), found: show(row), entry }];
  });
}

function judgePayments(entries: readonly JournalEntry[], state: ShopState): Loss[] {
  const orders = new Map([...state.orders.values()].map((order) => [order.id, order]));
  const tokens = new Map<string, Set<string>>();
  for (const { write, attempt } of entries) {
    const each = write ?? attempt;
    if (each?.kind === 'payment') tokens.set(each.orderId, (tokens.get(each.orderId) ?? new Set()).add(each.token));
  }
  return entries.flatMap((entry, at): Loss[] => {
    const { write } = entry;
    if (write?.kind !== 'payment') return [];
    const order = orders.get(write.orderId);
    const payment = order?.payments.find((each) => each.id === write.paymentId);
    const whole =
      order !== undefined &&
      order.status !== 'placed' &&
      payment?.status === 'captured' &&
      payment.amount === write.amount &&
      tokens.get(write.orderId)?.has(payment.token ?? '') === true;
    return whole ? [] : [{ what: `line ${at}`, side: 'monolith', expected: show(write), found: show(order), entry }];
  });
}

function judgeTickets(entries: readonly JournalEntry[], state: ShopState): Loss[] {
  return entries.flatMap((entry, at): Loss[] => {
    const { write } = entry;
    if (write?.kind !== 'ticket' || state.tickets.get(write.ticketId ?? '') === write.subject) return [];
    return [{ what: `line ${at}`, side: 'monolith', expected: show(write), found: show(state.tickets.get(write.ticketId ?? '')), entry }];
  });
}

/** A cart line keeps its last quantity until an order takes it out. */
function judgeCarts(entries: readonly JournalEntry[], state: ShopState): Loss[] {
  const open = new Map<string, { values: Set<number | undefined>; at: number; entry: JournalEntry }>();
  entries.forEach((entry, at) => {
    const write = entry.write ?? entry.attempt;
    if (write?.kind === 'cart') {
      const key = `${entry.visitor}/${write.variantId}`;
      if (entry.write) open.set(key, { values: new Set([write.quantity]), at, entry });
      else open.get(key)?.values.add(write.quantity);
    } else if (write?.kind === 'order') {
      for (const { variantId } of write.items) {
        const key = `${entry.visitor}/${variantId}`;
        if (entry.write) open.delete(key);
        else open.get(key)?.values.add(undefined);
      }
    }
  });
  return [...open].flatMap(([key, { values, at, entry }]): Loss[] =>
    values.has(state.cart.get(key))
      ? []
      : [{ what: `line ${at}`, side: 'monolith', expected: `cart ${key} has ${[...values].map(show).join(' or ')}`, found: show(state.cart.get(key)), entry }],
  );
}

/**
 * Opening level minus what was sold is the level. An order of unknown fate counts when it is there: it was one
 * transaction, so its stock must have moved if, and only if, its row exists.
 */
function judgeStock(entries: readonly JournalEntry[], state: ShopState): Loss[] {
  const sold = new Map<string, number>();
  for (const { write, acknowledged } of ordersOf(entries)) {
    for (const { variantId, quantity } of write.items) {
      const key = `${homeWarehouse(variantId)}/${variantId}`;
      const counts = acknowledged || state.orders.has(write.reference);
      sold.set(key, (sold.get(key) ?? 0) + (counts ? quantity : 0));
    }
  }
  return [...sold].flatMap(([key, quantity]): Loss[] => {
    const [warehouse, variant] = key.split('/').map(Number);
    const level = state.stock.get(key);
    const expected = openingStock(warehouse ?? 0, variant ?? 0) + (level?.movedByOthers ?? 0) - quantity;
    if (level?.onHand === expected) return [];
    return [{ what: `stock ${key}`, side: 'monolith', expected: `level ${expected} after ${quantity} sold`, found: show(level?.onHand) }];
  });
}

/** The counters on the users' rows, on one side, against the orders there are. */
export function judgeOrderCounts(
  side: Loss['side'],
  state: ShopState,
  users: ReadonlyMap<string, { readonly orderCount: number }> | undefined,
): Loss[] {
  return [...state.orderCounts].flatMap(([userId, count]): Loss[] => {
    const found = users?.get(userId)?.orderCount;
    if (!users || found === count) return [];
    return [{ what: `order count of user ${userId}`, side, expected: `order_count ${count}`, found: show(found) }];
  });
}
