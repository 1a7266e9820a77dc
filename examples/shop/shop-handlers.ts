import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { inTransaction, iso, jsonRow, jsonRows, type Json } from './accounts/database.ts';
import { fieldsOf, optionalText, Refusal, rowId, text, wholeNumber, type ShopReply, type ShopRequest } from './accounts/http.ts';
import { awaitSession } from './accounts/sessions.ts';
import { homeWarehouse, variantCount } from './stock.ts';

export interface ShopContext {
  readonly pool: pg.Pool;
  /** How long a session token that is not known yet is looked for before the answer is 401, in milliseconds. */
  readonly sessionGraceMs: number;
}

type ShopHandler = (context: ShopContext, request: ShopRequest, id: string) => Promise<ShopReply>;

/** The paths that stay on the monolith. `:id` is a row's key. */
const routes: readonly { readonly method: string; readonly url: RegExp; readonly handle: ShopHandler }[] = [
  { method: 'GET', url: /^\/$/, handle: showHome },
  { method: 'GET', url: /^\/healthz$/, handle: showHealth },
  { method: 'GET', url: /^\/api\/categories$/, handle: listCategories },
  { method: 'GET', url: /^\/api\/products$/, handle: listProducts },
  { method: 'GET', url: /^\/api\/products\/([^/]+)$/, handle: showProduct },
  { method: 'GET', url: /^\/api\/cart$/, handle: showCart },
  { method: 'POST', url: /^\/api\/cart\/items$/, handle: putIntoCart },
  { method: 'POST', url: /^\/api\/orders$/, handle: placeOrder },
  { method: 'GET', url: /^\/api\/orders$/, handle: listOrders },
  { method: 'GET', url: /^\/api\/orders\/([^/]+)$/, handle: showOrder },
  { method: 'POST', url: /^\/api\/orders\/([^/]+)\/pay$/, handle: payOrder },
  { method: 'POST', url: /^\/api\/support\/tickets$/, handle: openTicket },
  { method: 'GET', url: /^\/api\/support\/tickets$/, handle: listTickets },
];

/** Answers a path that stays on the monolith, or undefined when it knows none such. */
export async function answerShop(context: ShopContext, request: ShopRequest): Promise<ShopReply | undefined> {
  for (const route of routes) {
    const match = route.method === request.method ? route.url.exec(request.path) : null;
    if (match) return route.handle(context, request, match[1] ?? '');
  }
  return undefined;
}

function visitorKey(request: ShopRequest): string {
  const vid = request.cookies.get('vid');
  if (vid === undefined || !/^[\w-]{8,64}$/.test(vid)) throw new Refusal(400, 'no_visitor', 'Visit / first: the cookie vid is missing.');
  return vid;
}

async function showHome({ pool }: ShopContext, request: ShopRequest): Promise<ShopReply> {
  const featured = await jsonRows(
    pool,
    `select json_build_object('id', id::text, 'name', name, 'slug', slug)::text from products where status = 'active' order by id limit 8`,
    [],
  );
  const cookies = request.cookies.has('vid') ? [] : [`vid=${randomUUID()}; Path=/; SameSite=Lax; Max-Age=31536000`];
  return { status: 200, body: { shop: 'Corner shop', featured }, cookies };
}

async function showHealth({ pool }: ShopContext): Promise<ShopReply> {
  await pool.query('select 1');
  return { status: 200, body: { status: 'ok' } };
}

async function listCategories({ pool }: ShopContext): Promise<ShopReply> {
  const categories = await jsonRows(
    pool,
    `select json_build_object('id', id::text, 'parentId', parent_id::text, 'name', name)::text from categories order by position, id`,
    [],
  );
  return { status: 200, body: { categories } };
}

async function listProducts({ pool }: ShopContext, request: ShopRequest): Promise<ShopReply> {
  const page = Number(request.query.get('page') ?? '1');
  const category = request.query.get('category');
  if (!Number.isInteger(page) || page < 1 || page > 1000) throw new Refusal(400, 'bad_field', 'page must be from 1 to 1000.');
  if (category !== null && !/^\d{1,9}$/.test(category)) throw new Refusal(400, 'bad_field', 'category must be a number.');
  const products = await jsonRows(
    pool,
    `select json_build_object('id', p.id::text, 'name', p.name, 'brand', b.name, 'from', min(v.gross_price)::text)::text
     from (select * from products where status = 'active' and ($1::integer is null or category_id = $1) order by id limit 20 offset $2) p
     join brands b on b.id = p.brand_id join product_variants v on v.product_id = p.id
     group by p.id, p.name, b.name order by p.id`,
    [category, (page - 1) * 20],
  );
  return { status: 200, body: { products } };
}

async function showProduct({ pool }: ShopContext, request: ShopRequest, id: string): Promise<ShopReply> {
  const product = await jsonRow(
    pool,
    `select json_build_object('id', p.id::text, 'name', p.name, 'description', p.description, 'attributes', p.attributes,
       'brand', b.name, 'category', c.name,
       'variants', (select json_agg(json_build_object('id', v.id::text, 'sku', v.sku, 'price', v.gross_price::text, 'stock', s.on_hand) order by v.id)
                    from product_variants v join variant_stock s on s.variant_id = v.id where v.product_id = p.id),
       'reviews', (select json_build_object('count', count(*), 'rating', round(avg(rating), 2)::text) from reviews r where r.product_id = p.id))::text
     from products p join brands b on b.id = p.brand_id join categories c on c.id = p.category_id where p.id = $1`,
    [rowId(id)],
  );
  if (product === undefined) throw new Refusal(404, 'not_found', 'There is no such product.');
  await pool.query(`insert into analytics_events (visitor_key, kind, product_id) values ($1, 'view', $2)`, [
    request.cookies.get('vid') ?? 'unknown',
    id,
  ]);
  return { status: 200, body: product };
}

async function showCart({ pool }: ShopContext, request: ShopRequest): Promise<ShopReply> {
  const items = await jsonRows(
    pool,
    `select json_build_object('variantId', i.variant_id, 'quantity', i.quantity, 'price', v.gross_price::text)::text
     from carts c join cart_items i on i.cart_id = c.id join product_variants v on v.id = i.variant_id
     where c.visitor_key = $1 order by i.variant_id`,
    [visitorKey(request)],
  );
  return { status: 200, body: { items } };
}

interface Item {
  readonly variantId: number;
  readonly quantity: number;
}

function itemOf(body: unknown): Item {
  const fields = fieldsOf(body, ['variantId', 'quantity']);
  return {
    variantId: wholeNumber(fields, 'variantId', { min: 1, max: variantCount }),
    quantity: wholeNumber(fields, 'quantity', { min: 1, max: 20 }),
  };
}

async function putIntoCart({ pool }: ShopContext, request: ShopRequest): Promise<ShopReply> {
  const visitor = visitorKey(request);
  const item = itemOf(request.body);
  await inTransaction(pool, async (client) => {
    await client.query(
      `with cart as (insert into carts (visitor_key) values ($1) on conflict (visitor_key) do update set updated_at = now() returning id)
       insert into cart_items (cart_id, variant_id, quantity) select id, $2, $3 from cart
       on conflict (cart_id, variant_id) do update set quantity = excluded.quantity`,
      [visitor, item.variantId, item.quantity],
    );
  });
  return { status: 200, body: item };
}

const orderJson = `json_build_object('id', o.id::text, 'reference', o.reference, 'status', o.status, 'currency', o.currency,
  'total', o.total::text, 'placedAt', ${iso('o.placed_at')},
  'items', (select json_agg(json_build_object('variantId', i.variant_id, 'quantity', i.quantity, 'unitPrice', i.unit_price::text) order by i.line_no)
            from order_items i where i.order_id = o.id),
  'payment', (select json_build_object('id', p.id::text, 'amount', p.amount::text, 'status', p.status, 'token', p.provider_reference)
              from payments p where p.order_id = o.id order by p.id limit 1))::text`;

function itemsOf(items: unknown): Item[] {
  if (!Array.isArray(items) || items.length < 1 || items.length > 20) {
    throw new Refusal(400, 'bad_field', 'items must be a list of 1 to 20.');
  }
  const parsed = items.map(itemOf).sort((a, b) => a.variantId - b.variantId);
  if (new Set(parsed.map((item) => item.variantId)).size < parsed.length) {
    throw new Refusal(400, 'bad_field', 'Each variant may be named once.');
  }
  return parsed;
}

/**
 * One transaction over five domains, as shops have it: accounts (the user's counters), orders, warehouse, payments
 * and notifications. The user's row is taken first and stock in the order of its key, so that orders cannot deadlock.
 */
async function placeOrder(context: ShopContext, request: ShopRequest): Promise<ShopReply> {
  const session = await awaitSession(context.pool, request, context.sessionGraceMs);
  const fields = fieldsOf(request.body, ['reference', 'items']);
  const reference = optionalText(fields, 'reference', 100) ?? randomUUID();
  const items = itemsOf(fields['items']);
  const variants = items.map((item) => item.variantId);
  const quantities = items.map((item) => item.quantity);
  const warehouses = items.map((item) => homeWarehouse(item.variantId));
  const order = await inTransaction(context.pool, async (client) => {
    await client.query('update users set order_count = order_count + 1, last_order_at = now() where id = $1', [session.userId]);
    const stock = await client.query(
      `select 1 from stock_levels s join unnest($1::bigint[], $2::smallint[], $3::integer[]) w (variant_id, warehouse_id, quantity)
         using (variant_id, warehouse_id)
       where s.on_hand >= w.quantity order by s.warehouse_id, s.variant_id for update of s`,
      [variants, warehouses, quantities],
    );
    if (stock.rowCount !== items.length) throw new Refusal(409, 'out_of_stock', 'There is not enough of it left.');
    const inserted = await jsonRow(
      client,
      `insert into orders (reference, user_id, shipping_address_id, total)
       select $1, $2, (select id from addresses where user_id = $2 order by is_default desc, id limit 1), sum(v.gross_price * w.quantity)
       from product_variants v join unnest($3::bigint[], $4::integer[]) w (variant_id, quantity) on w.variant_id = v.id
       returning json_build_object('id', id::text)::text`,
      [reference, session.userId, variants, quantities],
    );
    const id = String(inserted?.['id']);
    await client.query(
      `insert into order_items (order_id, line_no, variant_id, quantity, unit_price)
       select $1, w.line_no, v.id, w.quantity, v.gross_price
       from product_variants v join unnest($2::bigint[], $3::integer[]) with ordinality w (variant_id, quantity, line_no) on w.variant_id = v.id`,
      [id, variants, quantities],
    );
    await client.query(
      `with sold as (
         update stock_levels s set on_hand = s.on_hand - w.quantity, updated_at = now()
         from unnest($2::bigint[], $3::smallint[], $4::integer[]) w (variant_id, warehouse_id, quantity)
         where s.variant_id = w.variant_id and s.warehouse_id = w.warehouse_id
         returning s.warehouse_id, s.variant_id, w.quantity)
       insert into stock_movements (warehouse_id, variant_id, quantity, reason, order_id)
       select warehouse_id, variant_id, -quantity, 'sale', $1 from sold`,
      [id, variants, warehouses, quantities],
    );
    await client.query('insert into payments (order_id, amount) select id, total from orders where id = $1', [id]);
    await client.query(
      `insert into notifications (user_id, template_key, parameters) values ($1, 'order-placed', jsonb_build_object('order', $2::text))`,
      [session.userId, id],
    );
    await client.query(
      `delete from cart_items i using carts c where c.id = i.cart_id and c.visitor_key = $1 and i.variant_id = any($2::bigint[])`,
      [request.cookies.get('vid') ?? '', variants],
    );
    return jsonRow(client, `select ${orderJson} from orders o where o.id = $1`, [id]);
  });
  return { status: 201, body: { ...order, userId: session.userId } };
}

async function listOrders(context: ShopContext, request: ShopRequest): Promise<ShopReply> {
  const session = await awaitSession(context.pool, request, context.sessionGraceMs);
  const orders = await jsonRows(context.pool, `select ${orderJson} from orders o where o.user_id = $1 order by o.id desc limit 20`, [session.userId]);
  return { status: 200, body: { orders } };
}

async function showOrder(context: ShopContext, request: ShopRequest, id: string): Promise<ShopReply> {
  const session = await awaitSession(context.pool, request, context.sessionGraceMs);
  const order = await jsonRow(context.pool, `select ${orderJson} from orders o where o.id = $1 and o.user_id = $2`, [rowId(id), session.userId]);
  if (order === undefined) throw new Refusal(404, 'not_found', 'There is no such order.');
  return { status: 200, body: order };
}

/** Captures the payment of an order. Paying again answers the same and charges nothing. */
async function payOrder(context: ShopContext, request: ShopRequest, id: string): Promise<ShopReply> {
  const session = await awaitSession(context.pool, request, context.sessionGraceMs);
  const fields = fieldsOf(request.body, ['token']);
  const token = text(fields, 'token', { min: 1, max: 100 });
  const orderId = rowId(id);
  const payment = await inTransaction(context.pool, async (client) => {
    const order = await client.query('select 1 from orders where id = $1 and user_id = $2 for update', [orderId, session.userId]);
    if (order.rowCount === 0) throw new Refusal(404, 'not_found', 'There is no such order.');
    const captured = await jsonRow(
      client,
      `update payments set status = 'captured', provider_reference = $2, captured_at = now()
       where order_id = $1 and status = 'pending' returning json_build_object('id', id::text)::text`,
      [orderId, token],
    );
    if (captured !== undefined) {
      await client.query(
        `insert into payment_events (payment_id, kind, payload) values ($1, 'captured', jsonb_build_object('token', $2::text))`,
        [captured['id'], token],
      );
      await client.query(`update orders set status = 'paid', updated_at = now() where id = $1 and status = 'placed'`, [orderId]);
      await client.query(
        `insert into invoices (number, order_id, issued_on, net, tax)
         select 'R-' || id, id, current_date, round(total / 1.19, 2), total - round(total / 1.19, 2) from orders where id = $1`,
        [orderId],
      );
    }
    return paymentOf(client, orderId);
  });
  return { status: 200, body: payment };
}

async function paymentOf(client: pg.PoolClient, orderId: string): Promise<Json | undefined> {
  return jsonRow(
    client,
    `select json_build_object('id', id::text, 'orderId', order_id::text, 'amount', amount::text, 'status', status,
       'token', provider_reference)::text from payments where order_id = $1 order by id limit 1`,
    [orderId],
  );
}

async function openTicket(context: ShopContext, request: ShopRequest): Promise<ShopReply> {
  const session = await awaitSession(context.pool, request, context.sessionGraceMs);
  const fields = fieldsOf(request.body, ['subject', 'body']);
  const subject = text(fields, 'subject', { min: 1, max: 200 });
  const message = text(fields, 'body', { min: 1, max: 20_000 });
  const ticket = await inTransaction(context.pool, async (client) => {
    const inserted = await jsonRow(
      client,
      `insert into support_tickets (user_id, order_id, subject)
       values ($1, (select max(id) from orders where user_id = $1), $2)
       returning json_build_object('id', id::text, 'subject', subject, 'status', status)::text`,
      [session.userId, subject],
    );
    await client.query('insert into ticket_messages (ticket_id, author_id, body) values ($1, $2, $3)', [inserted?.['id'], session.userId, message]);
    await client.query(
      `insert into notifications (user_id, template_key, parameters) values ($1, 'ticket-opened', jsonb_build_object('ticket', $2::text))`,
      [session.userId, inserted?.['id']],
    );
    return inserted;
  });
  return { status: 201, body: ticket };
}

async function listTickets(context: ShopContext, request: ShopRequest): Promise<ShopReply> {
  const session = await awaitSession(context.pool, request, context.sessionGraceMs);
  const tickets = await jsonRows(
    context.pool,
    `select json_build_object('id', id::text, 'subject', subject, 'status', status)::text from support_tickets where user_id = $1 order by id`,
    [session.userId],
  );
  return { status: 200, body: { tickets } };
}
