-- What the shop's server sends to its database, as `banyan analyze --workload` reads it: one statement or transaction
-- per block, with how often it ran in an hour of ordinary business.
-- observed: 1h

-- calls: 4200
SELECT s.id, u.id, u.status FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token = $1;

-- calls: 900
SELECT id, password_hash, status, display_name FROM users WHERE email = $1;

-- calls: 850
BEGIN;
INSERT INTO sessions (token, user_id, ip, user_agent) VALUES ($1, $2, $3, $4) RETURNING id;
INSERT INTO account_events (user_id, kind, ip, details) VALUES ($1, 'login', $2, $3);
COMMIT;

-- calls: 500
BEGIN;
UPDATE sessions SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL;
INSERT INTO account_events (user_id, kind, ip, details) VALUES ($1, 'logout', $2, $3);
COMMIT;

-- calls: 200
BEGIN;
INSERT INTO users (email, password_hash, display_name, settings) VALUES ($1, $2, $3, $4) RETURNING id;
INSERT INTO user_roles (user_id, role_id) VALUES ($1, 1);
INSERT INTO user_preferences (user_id, key, value) VALUES ($1, 'emails', $2);
INSERT INTO account_events (user_id, kind, ip, details) VALUES ($1, 'registered', $2, $3);
SELECT * FROM users u LEFT JOIN user_preferences p ON p.user_id = u.id WHERE u.id = $1;
COMMIT;

-- calls: 1500
SELECT * FROM users u LEFT JOIN user_preferences p ON p.user_id = u.id WHERE u.id = $1;

-- calls: 600
BEGIN;
UPDATE users SET display_name = $2, biography = $3, version = version + 1, updated_at = now() WHERE id = $1;
INSERT INTO user_preferences (user_id, key, value) VALUES ($1, $2, $3) ON CONFLICT (user_id, key) DO UPDATE SET value = excluded.value;
INSERT INTO account_events (user_id, kind, ip, details) VALUES ($1, 'profile_changed', $2, $3);
SELECT * FROM users u LEFT JOIN user_preferences p ON p.user_id = u.id WHERE u.id = $1;
COMMIT;

-- calls: 700
SELECT * FROM addresses WHERE user_id = $1 ORDER BY id;

-- calls: 250
BEGIN;
INSERT INTO addresses (user_id, kind, recipient, line1, city, postal_code) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id;
INSERT INTO account_events (user_id, kind, ip, details) VALUES ($1, 'address_added', $2, $3);
COMMIT;

-- calls: 250
BEGIN;
UPDATE addresses SET recipient = $3, line1 = $4, city = $5 WHERE id = $2 AND user_id = $1;
INSERT INTO account_events (user_id, kind, ip, details) VALUES ($1, 'address_changed', $2, $3);
COMMIT;

-- calls: 400
SELECT id, public_id, display_name FROM users WHERE id = $1;

-- calls: 300
SELECT id, user_agent, created_at FROM sessions WHERE user_id = $1 AND revoked_at IS NULL;

-- calls: 80
SELECT r.name, r.permissions FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = $1;

-- calls: 60
SELECT u.id, l.profile FROM social_logins l JOIN users u ON u.id = l.user_id WHERE l.provider = $1 AND l.subject = $2;

-- calls: 30
BEGIN;
INSERT INTO password_resets (user_id, token_digest) SELECT id, $2 FROM users WHERE email = $1;
INSERT INTO account_events (user_id, kind, details) SELECT id, 'reset_requested', '{}' FROM users WHERE email = $1;
COMMIT;

-- calls: 25
BEGIN;
UPDATE password_resets SET used_at = now() WHERE token_digest = $1 AND used_at IS NULL;
UPDATE users SET password_hash = $2, version = version + 1 WHERE id = $1;
UPDATE sessions SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL;
COMMIT;

-- calls: 90
SELECT d.id, d.title, d.content FROM user_documents d JOIN users u ON u.id = d.user_id WHERE u.id = $1;

-- calls: 900
SELECT id, name, slug FROM products WHERE status = 'active' ORDER BY id LIMIT 8;

-- calls: 500
SELECT id, parent_id, name FROM categories ORDER BY position;

-- calls: 1200
SELECT p.id, p.name, b.name, min(v.gross_price) FROM products p JOIN brands b ON b.id = p.brand_id JOIN product_variants v ON v.product_id = p.id WHERE p.category_id = $1 GROUP BY p.id, b.name;

-- calls: 2500
SELECT p.*, b.name, c.name FROM products p JOIN brands b ON b.id = p.brand_id JOIN categories c ON c.id = p.category_id WHERE p.id = $1;

-- calls: 2500
SELECT v.id, v.sku, v.gross_price, i.url FROM product_variants v JOIN product_images i ON i.product_id = v.product_id WHERE v.product_id = $1;

-- calls: 700
SELECT p.id, p.name FROM products p JOIN product_tags pt ON pt.product_id = p.id JOIN tags t ON t.id = pt.tag_id WHERE t.name = $1;

-- calls: 1300
SELECT rating, title, body FROM reviews r JOIN products p ON p.id = r.product_id WHERE p.id = $1 ORDER BY r.created_at DESC;

-- calls: 60
BEGIN;
INSERT INTO reviews (product_id, user_id, rating, title, body) VALUES ($1, $2, $3, $4, $5);
UPDATE products SET updated_at = now() WHERE id = $1;
COMMIT;

-- calls: 40
BEGIN;
UPDATE product_variants SET net_price = $2 WHERE id = $1;
INSERT INTO price_history (variant_id, valid_from, net_price) VALUES ($1, current_date, $2);
UPDATE products SET updated_at = now() WHERE id = $3;
COMMIT;

-- calls: 20
BEGIN;
INSERT INTO products (category_id, brand_id, name, slug) VALUES ($1, $2, $3, $4) RETURNING id;
INSERT INTO product_variants (product_id, sku, net_price) VALUES ($1, $2, $3);
INSERT INTO product_images (product_id, url) VALUES ($1, $2);
INSERT INTO product_tags (product_id, tag_id) VALUES ($1, $2);
COMMIT;

-- calls: 1100
SELECT i.variant_id, i.quantity FROM carts c JOIN cart_items i ON i.cart_id = c.id WHERE c.visitor_key = $1;

-- calls: 950
BEGIN;
INSERT INTO carts (visitor_key) VALUES ($1) ON CONFLICT (visitor_key) DO UPDATE SET updated_at = now() RETURNING id;
INSERT INTO cart_items (cart_id, variant_id, quantity) VALUES ($1, $2, $3) ON CONFLICT (cart_id, variant_id) DO UPDATE SET quantity = excluded.quantity;
COMMIT;

-- calls: 200
SELECT c.id FROM carts c JOIN cart_items i ON i.cart_id = c.id LEFT JOIN wishlist_items w ON w.user_id = c.user_id WHERE c.user_id = $1;

-- calls: 120
INSERT INTO wishlist_items (user_id, product_id, note) VALUES ($1, $2, $3);

-- calls: 320
BEGIN;
UPDATE users SET order_count = order_count + 1, last_order_at = now() WHERE id = $1;
SELECT * FROM stock_levels WHERE warehouse_id = $1 AND variant_id = $2 FOR UPDATE;
INSERT INTO orders (reference, user_id, shipping_address_id, total) SELECT $1, $2, $3, sum(v.gross_price) FROM product_variants v WHERE v.id = $4;
INSERT INTO order_items (order_id, line_no, variant_id, quantity, unit_price) VALUES ($1, $2, $3, $4, $5);
INSERT INTO order_status_history (order_id, status, changed_at) VALUES ($1, 'placed', now());
UPDATE stock_levels SET on_hand = on_hand - $3 WHERE warehouse_id = $1 AND variant_id = $2;
INSERT INTO stock_movements (warehouse_id, variant_id, quantity, reason, order_id) VALUES ($1, $2, $3, 'sale', $4);
INSERT INTO payments (order_id, amount) VALUES ($1, $2);
INSERT INTO notifications (user_id, template_key, parameters) VALUES ($1, 'order-placed', $2);
DELETE FROM cart_items USING carts WHERE carts.id = cart_items.cart_id AND carts.visitor_key = $1;
COMMIT;

-- calls: 600
SELECT o.*, i.* FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.user_id = $1 ORDER BY o.id DESC;

-- calls: 500
SELECT o.status, h.status, h.changed_at FROM orders o JOIN order_status_history h ON h.order_id = o.id WHERE o.id = $1;

-- calls: 90
BEGIN;
SELECT * FROM coupons WHERE code = $1;
INSERT INTO order_coupons (order_id, coupon_id, saved) VALUES ($1, $2, $3);
UPDATE orders SET total = total - $2 WHERE id = $1;
COMMIT;

-- calls: 300
BEGIN;
SELECT * FROM orders WHERE id = $1 FOR UPDATE;
UPDATE payments SET status = 'captured', provider_reference = $2, captured_at = now() WHERE order_id = $1;
INSERT INTO payment_events (payment_id, kind, payload) VALUES ($1, 'captured', $2);
UPDATE orders SET status = 'paid' WHERE id = $1;
INSERT INTO order_status_history (order_id, status, changed_at) VALUES ($1, 'paid', now());
INSERT INTO invoices (number, order_id, issued_on, net, tax) VALUES ($1, $2, $3, $4, $5);
COMMIT;

-- calls: 400
SELECT p.amount, p.status, e.kind FROM payments p JOIN payment_events e ON e.payment_id = p.id WHERE p.order_id = $1;

-- calls: 150
SELECT id, provider, last_four FROM payment_methods WHERE user_id = $1;

-- calls: 15
BEGIN;
INSERT INTO refunds (payment_id, amount, reason) VALUES ($1, $2, $3);
UPDATE payments SET status = 'refunded' WHERE id = $1;
INSERT INTO payment_events (payment_id, kind, payload) VALUES ($1, 'refunded', $2);
COMMIT;

-- calls: 100
SELECT i.number, p.amount FROM invoices i JOIN payments p ON p.order_id = i.order_id WHERE i.number = $1;

-- calls: 2500
SELECT variant_id, on_hand, reserved FROM stock_levels WHERE variant_id = $1;

-- calls: 180
SELECT w.name, l.on_hand, m.quantity, m.reason FROM stock_levels l JOIN warehouses w ON w.id = l.warehouse_id JOIN stock_movements m ON m.warehouse_id = l.warehouse_id AND m.variant_id = l.variant_id WHERE l.variant_id = $1;

-- calls: 40
BEGIN;
SELECT * FROM suppliers WHERE id = $1;
INSERT INTO purchase_orders (supplier_id, warehouse_id, expected_on) VALUES ($1, $2, $3) RETURNING id;
INSERT INTO purchase_order_items (purchase_order_id, variant_id, quantity, unit_cost) VALUES ($1, $2, $3, $4);
COMMIT;

-- calls: 60
BEGIN;
SELECT * FROM purchase_orders po JOIN purchase_order_items i ON i.purchase_order_id = po.id WHERE po.id = $1;
UPDATE stock_levels SET on_hand = on_hand + $3 WHERE warehouse_id = $1 AND variant_id = $2;
INSERT INTO stock_movements (warehouse_id, variant_id, quantity, reason) VALUES ($1, $2, $3, 'delivery');
COMMIT;

-- calls: 250
SELECT c.name, r.price FROM carriers c JOIN shipping_rates r ON r.carrier_id = c.id WHERE r.country_code = $1 AND r.max_grams >= $2;

-- calls: 220
BEGIN;
SELECT * FROM carriers WHERE id = $1;
INSERT INTO shipments (order_id, carrier_id, warehouse_id, tracking_code) VALUES ($1, $2, $3, $4) RETURNING id;
INSERT INTO shipment_events (shipment_id, seq, status, place, at) VALUES ($1, 1, 'packed', $2, now());
COMMIT;

-- calls: 500
BEGIN;
UPDATE shipments SET status = $2 WHERE id = $1;
INSERT INTO shipment_events (shipment_id, seq, status, place, at) VALUES ($1, $2, $3, $4, now());
COMMIT;

-- calls: 450
SELECT s.tracking_code, e.status, e.place, e.at, c.tracking_url FROM shipments s JOIN shipment_events e ON e.shipment_id = s.id JOIN carriers c ON c.id = s.carrier_id WHERE s.tracking_code = $1;

-- calls: 60
BEGIN;
INSERT INTO support_tickets (user_id, order_id, subject) VALUES ($1, $2, $3) RETURNING id;
INSERT INTO ticket_messages (ticket_id, author_id, body) VALUES ($1, $2, $3);
COMMIT;

-- calls: 150
SELECT t.id, t.subject, m.body FROM support_tickets t JOIN ticket_messages m ON m.ticket_id = t.id WHERE t.user_id = $1;

-- calls: 100
BEGIN;
INSERT INTO ticket_messages (ticket_id, author_id, body) VALUES ($1, $2, $3);
UPDATE support_tickets SET status = $2 WHERE id = $1;
COMMIT;

-- calls: 500
SELECT n.id, t.subject, t.body, n.parameters FROM notifications n JOIN notification_templates t ON t.key = n.template_key WHERE n.sent_at IS NULL;

-- calls: 500
UPDATE notifications SET sent_at = now() WHERE id = $1;

-- calls: 300
SELECT s.channel, t.subject FROM notification_subscriptions s JOIN notification_templates t ON t.key = s.template_key WHERE s.user_id = $1;

-- calls: 2500
INSERT INTO analytics_events (visitor_key, kind, product_id) VALUES ($1, 'view', $2);

-- calls: 400
BEGIN;
INSERT INTO search_queries (visitor_key, query, results) VALUES ($1, $2, $3);
INSERT INTO analytics_events (visitor_key, kind) VALUES ($1, 'search');
COMMIT;

-- calls: 30
SELECT d.day, d.revenue, count(e.id) FROM daily_sales d JOIN analytics_events e ON e.occurred_at::date = d.day GROUP BY d.day, d.revenue;

-- calls: 20
SELECT name, vat_rate FROM countries WHERE code = $1;

-- calls: 60
SELECT p.amount, p.amount / c.euro_rate FROM payments p JOIN currencies c ON c.code = p.currency WHERE p.id = $1;
