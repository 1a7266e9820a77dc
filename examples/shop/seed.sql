-- The shop's data: the same rows on every run, made by arithmetic from row numbers (no random(), no now()).
-- Loads into the empty tables of schema.sql. The password of seeded user N is shop-N.
set timezone = 'UTC';
set datestyle = 'ISO';
set synchronous_commit = off;

begin;

-- Reference
insert into countries (code, name, vat_rate)
select chr(65 + n / 26) || chr(65 + n % 26), 'Country ' || n, ((n * 7) % 25) / 100.0
from generate_series(0, 59) n;
insert into countries (code, name, vat_rate) values ('DE', 'Germany', 0.19), ('FR', 'France', 0.20), ('NL', 'Netherlands', 0.21)
on conflict (code) do update set name = excluded.name, vat_rate = excluded.vat_rate;
insert into currencies (code, name, minor_units, euro_rate) values
  ('EUR', 'Euro', 2, 1), ('USD', 'US dollar', 2, 1.08312345678901234567), ('GBP', 'Pound sterling', 2, 0.85601234500000000001),
  ('JPY', 'Yen', 0, 163.00000000000000000009), ('CHF', 'Swiss franc', 2, 0.9512), ('SEK', 'Swedish krona', 2, 11.4),
  ('NOK', 'Norwegian krone', 2, 11.7), ('DKK', 'Danish krone', 2, 7.46), ('PLN', 'Zloty', 2, 4.31), ('KWD', 'Kuwaiti dinar', 3, 0.333);

-- Accounts
insert into users (id, public_id, email, password_hash, display_name, status, birth_date, interests, settings,
  loyalty_balance, preferred_currency, referred_by, biography, created_at, updated_at)
select n, md5('user-' || n)::uuid, 'u' || n || '@' || (array['example.org', 'Example.COM', 'mail.example'])[1 + n % 3],
  'sample$s' || n || '$' || encode(sha256(convert_to('s' || n || ':shop-' || n, 'UTF8')), 'hex'),
  (array['Ada', 'Björn', 'Chloé', 'Dmitri', 'Eun-ji', '王芳', 'Gül', 'Zoë'])[1 + n % 8] || ' ' || n,
  (case when n % 97 = 0 then 'suspended' when n % 101 = 0 then 'invited' else 'active' end)::user_status,
  case when n % 4 <> 0 then date '1950-01-01' + (n * 13 % 20000)::integer end,
  case n % 5 when 0 then '{}'::text[] when 1 then array['music', 'hiking'] when 2 then array['quotes "in" it', 'a,b', ''] else array['tea', 'books', 'cycling'] end,
  jsonb_build_object('theme', (array['light', 'dark', 'system'])[1 + n % 3], 'newsletter', n % 2 = 0, 'pageSize', 10 + n % 40),
  ((n * 7919) % 1000000)::numeric / 7, (array['EUR', 'USD', 'GBP', 'CHF'])[1 + n % 4],
  case when n > 100 and n % 9 = 0 then 1 + n % 100 end,
  case when n % 12 = 0 then (select string_agg(md5(n || '/' || k), ' ' order by k) from generate_series(1, 180) k)
       when n % 3 = 0 then 'Buys tea and returns nothing. ' || n end,
  timestamptz '2026-01-01Z' + n * interval '13.123457 min', timestamptz '2026-01-01Z' + n * interval '13.123457 min'
from generate_series(1, 8000) n;

insert into sessions (id, token, user_id, ip, user_agent, created_at, expires_at, revoked_at)
select md5('session-' || n)::uuid, md5('token-a-' || n) || md5('token-b-' || n), 1 + (n * 7) % 8000,
  ('10.' || n % 256 || '.' || (n / 256) % 256 || '.' || 1 + n % 250)::inet, 'Browser/' || n % 17,
  timestamptz '2026-03-01Z' + n * interval '97.000123 s', timestamptz '2027-03-01Z' + n * interval '97.000123 s',
  case when n % 3 = 0 then timestamptz '2026-03-02Z' + n * interval '97.000123 s' end
from generate_series(1, 7000) n;

insert into addresses (id, user_id, kind, recipient, line1, line2, city, postal_code, country_code, is_default, created_at, updated_at)
select n, 1 + (n - 1) % 8000, (case when n > 8000 then 'billing' else 'shipping' end)::address_kind, 'Recipient ' || n,
  n || ' Main Street', case when n % 6 = 0 then 'Floor ' || n % 11 end, 'City ' || n % 300, lpad((n * 31 % 100000)::text, 5, '0'),
  (array['DE', 'FR', 'NL'])[1 + n % 3], n <= 8000, timestamptz '2026-01-02Z' + n * interval '11.5 min', timestamptz '2026-01-02Z' + n * interval '11.5 min'
from generate_series(1, 10000) n;

insert into user_preferences (user_id, key, value, updated_at)
select n, p.key, jsonb_build_object('on', (n + p.k) % 2 = 0, 'level', n % 10), timestamptz '2026-02-01Z' + n * interval '1.000001 s'
from generate_series(1, 8000) n, (values (0, 'emails')) p (k, key)
union all
select n, 'layout', to_jsonb((array['grid', 'list'])[1 + n % 2]), timestamptz '2026-02-02Z' + n * interval '1.000001 s'
from generate_series(2, 8000, 2) n;

insert into user_documents (id, user_id, title, content, signature, created_at) overriding system value
select n, 1 + (n * 13) % 8000, 'Document ' || n, (select string_agg(md5(n || ':' || k), '' order by k) from generate_series(1, 120) k),
  sha256(convert_to('document-' || n, 'UTF8')), timestamptz '2026-02-03Z' + n * interval '77.777777 s'
from generate_series(1, 500) n;

insert into account_events (id, user_id, kind, ip, details, occurred_at)
select n, 1 + (n * 11) % 8000, (array['login', 'logout', 'profile_changed'])[1 + n % 3],
  ('10.' || n % 256 || '.0.' || 1 + n % 250)::inet, jsonb_build_object('n', n, 'agent', 'Browser/' || n % 17),
  timestamptz '2026-03-01Z' + n * interval '61.000007 s'
from generate_series(1, 12000) n;

insert into password_resets (id, user_id, token_digest, requested_at, used_at)
select n, 1 + (n * 17) % 8000, sha256(convert_to('reset-' || n, 'UTF8')), timestamptz '2026-04-01Z' + n * interval '1 h',
  case when n % 2 = 0 then timestamptz '2026-04-01Z' + n * interval '1 h' + interval '3.25 min' end
from generate_series(1, 500) n;

insert into roles (id, name, permissions) values (1, 'customer', '{shop}'), (2, 'support', '{shop,tickets}'),
  (3, 'warehouse', '{stock}'), (4, 'editor', '{catalogue}'), (5, 'owner', '{shop,tickets,stock,catalogue,payments}');
insert into user_roles (user_id, role_id, granted_at)
select n, 1, timestamptz '2026-01-01Z' + n * interval '13.123457 min' from generate_series(1, 8000) n
union all
select n, 2 + n / 20 % 4, timestamptz '2026-01-03Z' from generate_series(20, 8000, 20) n;

insert into social_logins (provider, subject, user_id, profile, linked_at)
select (array['github', 'google'])[1 + n % 2], md5('subject-' || n), 1 + (n * 5) % 8000, jsonb_build_object('login', 'u' || n),
  timestamptz '2026-05-01Z' + n * interval '9.999999 s'
from generate_series(1, 1200) n;

-- Catalogue
insert into brands (id, name, country_code) select n, 'Brand ' || n, (array['DE', 'FR', 'NL'])[1 + n % 3] from generate_series(1, 60) n;
insert into categories (id, parent_id, name, slug, position)
select n, case when n > 10 then 1 + (n - 11) / 10 end, 'Category ' || n, 'category-' || n, n % 10 from generate_series(1, 110) n;
insert into products (id, category_id, brand_id, name, slug, status, description, attributes, created_at, updated_at)
select n, 11 + n % 100, 1 + n % 60, 'Product ' || n, 'product-' || n, (case when n % 50 = 0 then 'retired' else 'active' end)::product_status,
  repeat('A useful thing for every day. ', 3 + n % 5), jsonb_build_object('colour', (array['red', 'green', 'blue'])[1 + n % 3], 'weight', n % 900),
  timestamptz '2026-01-05Z' + n * interval '10 min', timestamptz '2026-01-05Z' + n * interval '10 min'
from generate_series(1, 2500) n;
insert into product_variants (id, product_id, sku, options, net_price, tax_rate, weight_grams)
select n, 1 + (n - 1) % 2500, 'SKU-' || lpad(n::text, 6, '0'), jsonb_build_object('size', (array['S', 'M', 'L'])[1 + n % 3]),
  (199 + (n * 7919) % 20000) / 100.0, case when n % 10 = 0 then 0.07 else 0.19 end, 50 + n % 4000
from generate_series(1, 6000) n;
insert into product_images (id, product_id, url, position, thumbnail)
select n, 1 + (n - 1) % 2500, '/images/' || md5('image-' || n) || '.webp', (n - 1) / 2500, decode(md5('thumbnail-' || n), 'hex')
from generate_series(1, 4000) n;
insert into tags (id, name) select n, 'tag-' || n from generate_series(1, 100) n;
insert into product_tags (product_id, tag_id)
select n, 1 + (n * 7 + k * 31) % 100 from generate_series(1, 2500) n, generate_series(0, 1) k;
insert into reviews (id, product_id, user_id, rating, title, body, created_at)
select n, 1 + (n * 31) % 2500, 1 + (n * 19) % 8000, 1 + (n * 7) % 5, 'Review ' || n, 'I would buy it again, or not. ' || md5('review-' || n),
  timestamptz '2026-04-01Z' + n * interval '21.000021 min'
from generate_series(1, 7000) n;
insert into price_history (variant_id, valid_from, net_price)
select n, date '2026-01-01', (199 + (n * 7919) % 20000) / 100.0 from generate_series(1, 6000, 2) n;

-- Cart
insert into carts (id, visitor_key, user_id, created_at, updated_at)
select n, 'seed-' || n, case when n % 2 = 0 then 1 + (n * 3) % 8000 end, timestamptz '2026-08-01Z' + n * interval '5 min', timestamptz '2026-08-01Z' + n * interval '5 min'
from generate_series(1, 2000) n;
insert into cart_items (cart_id, variant_id, quantity, added_at)
select n, 1 + (n * 3 + k * 997) % 6000, 1 + k, timestamptz '2026-08-01Z' + n * interval '5 min' from generate_series(1, 2000) n, generate_series(0, 1) k;
insert into wishlist_items (user_id, product_id, note, added_at)
select n, 1 + (n * 11) % 2500, case when n % 4 = 0 then 'for a birthday' end, timestamptz '2026-07-01Z' + n * interval '1 min'
from generate_series(1, 3000) n;

-- Warehouse: the opening level of a variant is 400 + (variant * 37 + warehouse * 101) % 200 (see stock.ts)
insert into warehouses (id, name, country_code, opens_at, closes_at) values
  (1, 'North', 'DE', '06:00', '24:00'), (2, 'South', 'DE', '05:30', '22:00'), (3, 'West', 'FR', '07:00', '21:15'), (4, 'Coast', 'NL', '00:00', '24:00');
insert into stock_levels (warehouse_id, variant_id, on_hand, updated_at)
select w, v, 400 + (v * 37 + w * 101) % 200, timestamptz '2026-01-06Z'
from generate_series(1, 6000) v, lateral (values (1 + v % 4), (1 + (v + 1) % 4)) h (w);
insert into stock_movements (id, warehouse_id, variant_id, quantity, reason, moved_at)
select row_number() over (order by warehouse_id, variant_id), warehouse_id, variant_id, on_hand, 'opening', timestamptz '2026-01-06Z' from stock_levels;
insert into suppliers (id, name, contacts) select n, 'Supplier ' || n, jsonb_build_array(jsonb_build_object('phone', '+49 30 ' || 100000 + n)) from generate_series(1, 40) n;
insert into purchase_orders (id, supplier_id, warehouse_id, expected_on, created_at)
select n, 1 + n % 40, 1 + n % 4, date '2026-06-01' + n, timestamptz '2026-05-01Z' + n * interval '2 h' from generate_series(1, 400) n;
insert into purchase_order_items (purchase_order_id, variant_id, quantity, unit_cost)
select n, 1 + (n * 17 + k * 1999) % 6000, 10 + k * 5, (100 + n * 7 % 5000) / 300.0 from generate_series(1, 400) n, generate_series(0, 2) k;

-- Orders and payments
insert into coupons (id, code, discount, valid_on, category_ids)
select n, 'SAVE-' || n, (5 + n % 40) / 100.0, daterange('2026-01-01', date '2026-02-01' + n), array[11 + n % 100] from generate_series(1, 120) n;
create temporary table seed_items on commit drop as
select o.n as order_id, k as line_no, v.id as variant_id, 1 + (o.n + k) % 3 as quantity, v.gross_price as unit_price
from generate_series(1, 13000) o (n) cross join lateral generate_series(1, 1 + o.n % 3) k
join product_variants v on v.id = 1 + (o.n * 131 + k * 1777) % 6000;
insert into orders (id, reference, user_id, shipping_address_id, status, currency, total, placed_at, updated_at)
select n, 'seed-' || n, 1 + (n * 7) % 8000, 1 + (n * 7) % 8000,
  (case when n % 20 = 0 then 'placed' when n % 33 = 0 then 'cancelled' when n % 2 = 0 then 'delivered' when n % 3 = 0 then 'shipped' else 'paid' end)::order_status,
  'EUR', i.total, timestamptz '2026-02-01Z' + n * interval '25.000011 min', timestamptz '2026-02-01Z' + n * interval '25.000011 min'
from generate_series(1, 13000) n
join (select order_id, sum(quantity * unit_price) as total from seed_items group by order_id) i on i.order_id = n;
insert into order_items (order_id, line_no, variant_id, quantity, unit_price)
select order_id, line_no, variant_id, quantity, unit_price from seed_items;
insert into order_coupons (order_id, coupon_id, saved) select n, 1 + n / 13 % 120, 1.50 from generate_series(13, 13000, 13) n;
update users u set order_count = o.n, last_order_at = o.last
from (select user_id, count(*) as n, max(placed_at) as last from orders group by user_id) o where o.user_id = u.id;
insert into payment_methods (id, user_id, provider, last_four, expires_on)
select n, 1 + (n * 3) % 8000, (array['card', 'sepa', 'wallet'])[1 + n % 3], lpad((n * 7 % 10000)::text, 4, '0'), date '2027-01-31' + (n % 36) * 30 from generate_series(1, 4000) n;
insert into payments (id, order_id, amount, status, provider_reference, created_at, captured_at)
select id, id, total, (case status when 'placed' then 'pending' when 'cancelled' then 'refunded' else 'captured' end)::payment_status,
  case when status <> 'placed' then 'seed-' || id end, placed_at, case when status <> 'placed' then placed_at + interval '90.000001 s' end
from orders;
insert into payment_events (id, payment_id, kind, payload, received_at)
select row_number() over (order by id), id, 'captured', jsonb_build_object('amount', amount), captured_at from payments where id % 2 = 0 and captured_at is not null;
insert into refunds (id, payment_id, amount, reason, created_at)
select row_number() over (order by id), id, amount, 'cancelled', captured_at + interval '1 day' from payments where status = 'refunded' and amount > 0;
insert into invoices (number, order_id, issued_on, net, tax)
select 'R-2026-' || lpad(id::text, 6, '0'), id, placed_at::date, round(total / 1.19, 2), total - round(total / 1.19, 2) from orders where status in ('paid', 'shipped', 'delivered');

-- Shipping
insert into carriers (id, name, tracking_url) values (1, 'Parcel One', '/track/one/'), (2, 'Swift', '/track/swift/'), (3, 'Bike Post', '/track/bike/');
insert into shipping_rates (carrier_id, country_code, max_grams, price)
select c, k, g, 2.90 + c + g / 2000.0 from generate_series(1, 3) c, unnest(array['DE', 'FR', 'NL']) k, unnest(array[500, 2000, 10000, 31500]) g;
insert into shipments (id, order_id, carrier_id, warehouse_id, tracking_code, status, created_at)
select row_number() over (order by id), id, 1 + id % 3, 1 + id % 4, 'T' || upper(left(md5('parcel-' || id), 12)),
  (case status when 'delivered' then 'delivered' else 'in_transit' end)::shipment_status, placed_at + interval '1 day'
from orders where status in ('shipped', 'delivered');
insert into shipment_events (shipment_id, seq, status, place, at)
select id, 1, 'packed'::shipment_status, 'Warehouse ' || warehouse_id, created_at from shipments
union all
select id, 2, 'delivered'::shipment_status, null, created_at + interval '30.5 h' from shipments where status = 'delivered';

-- Support and notifications
insert into support_tickets (id, user_id, order_id, subject, status, labels, created_at)
select n, 1 + (n * 7) % 8000, case when n % 2 = 0 then n end, 'Question ' || n, (array['open', 'waiting', 'solved'])[1 + n % 3]::ticket_status,
  array['label-' || n % 9], timestamptz '2026-06-01Z' + n * interval '1 h' from generate_series(1, 1000) n;
insert into ticket_messages (id, ticket_id, author_id, body, attachment, sent_at)
select n, 1 + n % 1000, 1 + (n * 7) % 8000, 'Where is it? ' || md5('message-' || n), case when n % 10 = 0 then sha256(convert_to('file-' || n, 'UTF8')) end,
  timestamptz '2026-06-02Z' + n * interval '31 min' from generate_series(1, 2500) n;
insert into notification_templates (key, subject, body)
select 'template-' || n, 'Subject ' || n, 'Dear {name}, …' from generate_series(1, 6) n
union all values ('order-placed', 'Your order', 'Thank you, {name}.'), ('ticket-opened', 'Your question', 'We are on it, {name}.');
insert into notifications (id, user_id, template_key, parameters, created_at, sent_at)
select n, 1 + (n * 23) % 8000, 'template-' || 1 + n % 6, jsonb_build_object('n', n), timestamptz '2026-07-01Z' + n * interval '3 min',
  case when n % 5 <> 0 then timestamptz '2026-07-01Z' + n * interval '3 min' + interval '0.123456 s' end from generate_series(1, 7000) n;
insert into notification_subscriptions (user_id, template_key, channel)
select n, 'template-' || 1 + n % 6, (array['email', 'push', 'sms'])[1 + n % 3] from generate_series(1, 4000) n;

-- Analytics
insert into analytics_events (id, occurred_at, visitor_key, user_id, kind, product_id, properties)
select n, timestamptz '2026-01-10Z' + n * interval '24.000019 min', 'seed-' || n % 5000, case when n % 3 = 0 then 1 + n % 8000 end,
  (array['view', 'search', 'cart', 'buy'])[1 + n % 4], 1 + (n * 7) % 2500, jsonb_build_object('ms', n % 900) from generate_series(1, 20000) n;
insert into search_queries (id, visitor_key, query, results, searched_at)
select n, 'seed-' || n % 5000, 'product ' || n % 2500, n % 40, timestamptz '2026-05-01Z' + n * interval '17 min' from generate_series(1, 2000) n;
insert into daily_sales (day, category_id, orders, revenue)
select date '2026-02-01' + d, 11 + c * 10, (d * c) % 50, ((d * 7919 + c) % 100000) / 10.0 from generate_series(0, 199) d, generate_series(0, 9) c;

-- Every sequence goes on behind the rows above.
do $$
declare
  s record;
begin
  for s in
    select c.table_name, c.column_name, pg_get_serial_sequence(quote_ident(c.table_name), c.column_name) as seq
    from information_schema.columns c
    join pg_class t on t.oid = quote_ident(c.table_name)::regclass and not t.relispartition
    where c.table_schema = 'public' and pg_get_serial_sequence(quote_ident(c.table_name), c.column_name) is not null
  loop
    execute format('select setval(%L, coalesce((select max(%I) from %I), 0) + 1, false)', s.seq, s.column_name, s.table_name);
  end loop;
end
$$;

commit;

reset synchronous_commit;
reset timezone;
reset datestyle;
