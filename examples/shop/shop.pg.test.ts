import { fork, type ChildProcess } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fastify from 'fastify';
import { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compiledFile } from '../../test/support/compiled.ts';
import { describePostgres, testDatabase } from '../../test/support/postgres.ts';
import { accountTables } from './accounts-boundary.ts';
import type accountsExtension from './accounts-extension.ts';
import { accountsExtensionFiles } from './accounts-extension.ts';
import { installShop, type InstallReport } from './install.ts';
import { checkJournal } from './journal.ts';
import { startShop, type ShopServer } from './server.ts';
import { openingStock, seededEmail } from './stock.ts';
import { startWorkload } from './workload.ts';

/** A client with cookies, on any server of the account paths. */
function browser(base: string) {
  const cookies = new Map<string, string>();
  return async (method: string, target: string, body?: unknown, raw?: string) => {
    const response = await fetch(base + target, {
      method,
      headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; '), 'content-type': 'application/json' },
      ...(body === undefined && raw === undefined ? {} : { body: raw ?? JSON.stringify(body) }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', content = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(name, content);
    }
    const text = await response.text();
    return { status: response.status, servedBy: response.headers.get('x-served-by'), body: text === '' ? null : JSON.parse(text) };
  };
}

async function message(child: ChildProcess, wanted: (each: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.on('message', (each: Record<string, unknown>) => {
      if (wanted(each)) resolve(each);
    });
  });
}

/** Without what differs between two databases by nature: keys and times. */
const comparable = (answer: { status: number; body: unknown }): string =>
  JSON.stringify({ status: answer.status, body: answer.body }, (key, each) => (/^id$|Id$|At$|memberSince/.test(key) ? typeof each : each));

describePostgres('the shop', () => {
  let url: string;
  let pool: Pool;
  let installed: InstallReport;
  let shop: ShopServer;
  let folder: string;

  beforeAll(async () => {
    url = (await testDatabase()).url;
    pool = new Pool({ connectionString: url, max: 4 });
    installed = await installShop(url);
    shop = await startShop({ databaseUrl: url, sessionGraceMs: 2000 });
    folder = await mkdtemp(path.join(tmpdir(), 'shop-'));
  });

  afterAll(async () => {
    await shop?.close();
    await pool?.end();
    if (folder) await rm(folder, { recursive: true });
  });

  async function value(sql: string, values: unknown[] = []): Promise<string> {
    const { rows } = await pool.query<Record<string, unknown>>(sql, values);
    return String(Object.values(rows[0] ?? {})[0]);
  }

  describe('the installed shop', () => {
    it('has at least 40 tables and 200,000 rows', () => {
      expect(installed.tables).toBeGreaterThanOrEqual(40);
      expect(installed.rows).toBeGreaterThanOrEqual(200_000);
    });

    it('opens with the stock that the checker computes', async () => {
      const { rows } = await pool.query<{ w: number; v: string; on_hand: number }>('select warehouse_id w, variant_id::text v, on_hand from stock_levels');
      expect(rows.filter((row) => row.on_hand !== openingStock(row.w, Number(row.v)))).toEqual([]);
    });

    it('stores long values of the accounts out of line, and counts the orders of each user right', async () => {
      expect(Number(await value(`select pg_relation_size(reltoastrelid) from pg_class where relname = 'users'`))).toBeGreaterThan(0);
      const wrong = await value(
        `select count(*) from users u where order_count <> (select count(*) from orders o where o.user_id = u.id)`,
      );
      expect(wrong).toBe('0');
    });

    it('gives new rows keys that are not taken', async () => {
      const behind = await value(
        `select count(*) from (select nextval(pg_get_serial_sequence('users', 'id')) > (select max(id) from users) as ahead
         union all select nextval(pg_get_serial_sequence('addresses', 'id')) > (select max(id) from addresses)
         union all select nextval(pg_get_serial_sequence('analytics_events', 'id')) > (select max(id) from analytics_events)) s where not ahead`,
      );
      expect(behind).toBe('0');
    });
  });

  describe('the server', () => {
    it('refuses bad input with 4xx and never breaks', async () => {
      const send = browser(shop.url);
      await send('GET', '/');
      await send('POST', '/login', { email: seededEmail(7), password: 'shop-7' });
      const statuses = [
        await send('POST', '/api/register', { email: 'x', password: 'secret', displayName: 'x' }),
        await send('POST', '/api/register', { email: seededEmail(8), password: 'secret', displayName: 'x' }),
        await send('POST', '/login', { email: seededEmail(8), password: 'wrong' }),
        await send('POST', '/login', undefined, '{'),
        await send('POST', '/login', []),
        await send('PATCH', '/api/users/me', { id: 9 }),
        await send('PATCH', '/api/users/me', { birthDate: '2001-02-30' }),
        await send('PATCH', '/api/users/me', { settings: { a: '\0' } }),
        await send('PATCH', '/api/users/me', { interests: [1] }),
        await send('PATCH', '/api/users/me', { preferences: { '\0': 1 } }),
        await send('PATCH', '/api/users/me', { biography: 'x'.repeat(300_000) }),
        await send('PUT', '/api/users/me/addresses/1', { recipient: 'a', line1: 'b', city: 'c', postalCode: 'd' }),
        await send('POST', '/api/users/me/addresses', { recipient: 'a', line1: 'b', city: 'c', postalCode: 'd', countryCode: '??' }),
        await send('GET', '/api/users/9223372036854775808'),
        await send('GET', '/api/users/%zz'),
        await send('GET', '/api/products?page=0'),
        await send('GET', '/api/products?category=a'),
        await send('GET', '/api/products/0'),
        await send('POST', '/api/cart/items', { variantId: 6001, quantity: 1 }),
        await send('POST', '/api/orders', { items: [{ variantId: 1, quantity: 1 }, { variantId: 1, quantity: 1 }] }),
        await send('POST', '/api/orders', { reference: 'seed-1', items: [{ variantId: 1, quantity: 1 }] }),
        await send('POST', '/api/orders/1/pay', { token: 't' }),
        await send('POST', '/api/support/tickets', { subject: '', body: 'x' }),
        await send('GET', '/nowhere'),
        await browser(shop.url)('GET', '/api/users/me'),
        await browser(shop.url)('GET', '/api/cart'),
      ].map((answer) => answer.status);
      expect(statuses).toEqual([
        400, 409, 401, 400, 400, 400, 400, 400, 400, 400, 413, 404, 409, 404, 404, 400, 400, 404, 400, 400, 409, 404, 400, 404, 401, 400,
      ]);
    });

    it('waits on its own paths for a session that is still on its way, and not for a revoked one', async () => {
      const token = 'ab'.repeat(32);
      const orders = async (): Promise<number> => (await fetch(`${shop.url}/api/orders`, { headers: { cookie: `sid=${token}` } })).status;
      const waiting = orders();
      await pool.query(`insert into sessions (token, user_id) values ($1, 7)`, [token]);
      expect(await waiting).toBe(200);
      await pool.query(`update sessions set revoked_at = now() where token = $1`, [token]);
      expect(await orders()).toBe(401);
    });

    it('places an order in one transaction or not at all', async () => {
      const send = browser(shop.url);
      await send('POST', '/login', { email: seededEmail(9), password: 'shop-9' });
      const state = async (): Promise<string> =>
        value(
          `select jsonb_build_object('orders', (select count(*) from orders), 'counted', (select order_count from users where id = 9),
             'stock', (select sum(on_hand) from stock_levels), 'moved', (select sum(quantity) from stock_movements))`,
        );
      const before = await state();
      await pool.query('update stock_levels set on_hand = 1 where variant_id = 40');
      const level = await state();
      expect((await send('POST', '/api/orders', { items: [{ variantId: 39, quantity: 1 }, { variantId: 40, quantity: 2 }] })).status).toBe(409);
      expect(await state()).toBe(level);
      await pool.query('update stock_levels set on_hand = 400 + (variant_id * 37 + warehouse_id * 101) % 200 where variant_id = 40');
      expect(await state()).toBe(before);
    });
  });

  describe('the workload', () => {
    it('is served without a loss, a failure or a stale read, and the checker sees a row that is taken away', async () => {
      const journal = path.join(folder, 'journal.jsonl');
      const workload = startWorkload({ target: shop.url, journal, users: 20, rate: 250, seed: 3 });
      await expect.poll(() => workload.counts().requests, { timeout: 120_000 }).toBeGreaterThan(700);
      const counts = await workload.stop();
      const report = await checkJournal({ journal, monolithUrl: url, serviceUrl: url, serviceTables: accountTables });
      expect(report).toMatchObject({ requestsFailed: 0, writesLost: 0, movedBack: 0, staleReads: 0, lost: [], failed: [] });
      expect(report).toMatchObject({ requests: counts.requests, writesAcknowledged: counts.writesAcknowledged });
      expect(report.writesAcknowledged).toBeGreaterThan(200);

      await pool.query(`update users set biography = null where id = (select max(user_id) from account_events where details -> 'fields' ? 'biography')`);
      await pool.query(`delete from account_events where id = (select max(id) from account_events where kind = 'login')`);
      await pool.query(`update stock_levels set on_hand = on_hand + 1 where (warehouse_id, variant_id) = (select warehouse_id, variant_id from stock_movements where reason = 'sale' order by id desc limit 1)`);
      const robbed = await checkJournal({ journal, monolithUrl: url });
      expect(robbed.writesLost).toBe(3);
    });

    it('as a process changes its target without dropping a request, and ends when told', async () => {
      const second = await startShop({ databaseUrl: url });
      const journal = path.join(folder, 'process.jsonl');
      const program = compiledFile(fileURLToPath(new URL('workload.ts', import.meta.url)));
      const options = ['--target', shop.url, '--journal', journal, '--users', '8', '--rate', '80', '--seed', '4'];
      const child = fork(program, options, { execArgv: [] });
      const exited = new Promise((resolve) => child.once('exit', resolve));
      await message(child, (each) => each['type'] === 'progress' && Number(each['requests']) > 20);
      child.send({ type: 'target', url: second.url });
      await message(child, (each) => each['type'] === 'progress' && Number(each['requests']) > 120);
      const done = message(child, (each) => each['type'] === 'done');
      child.send({ type: 'stop' });
      expect(await done).toMatchObject({ failed: 0 });
      expect(await exited).toBe(0);
      await second.close();
      const lines = (await readFile(journal, 'utf8')).trimEnd().split('\n');
      expect(lines).toHaveLength(Number((await done)['requests']));
    });
  });

  describe('the accounts extension', () => {
    it('serves the same requests with the same answers on a database that has only the accounts', async () => {
      const serviceUrl = (await testDatabase()).url;
      const service = new Pool({ connectionString: serviceUrl, max: 2 });
      await service.query(await readFile(new URL('schema.sql', import.meta.url), 'utf8'));
      const { rows } = await service.query<{ name: string }>(
        `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
         and 'public.' || relname <> all ($1)`,
        [accountTables],
      );
      await service.query(`drop table ${rows.map((row) => row.name).join(', ')} cascade`);
      await service.query(`insert into roles (id, name) values (1, 'customer')`);

      // Copied elsewhere, as it will be: nothing but these files may be needed.
      for (const file of accountsExtensionFiles) await cp(new URL(file, import.meta.url), path.join(folder, 'extensions', file));
      const copied: { default: typeof accountsExtension } = await import(
        pathToFileURL(path.join(folder, 'extensions', 'accounts-extension.ts')).href
      );
      const app = fastify();
      await copied.default(app, { pool: service });
      const base = await app.listen({ port: 0, host: '127.0.0.1' });

      const address = { recipient: 'Ada', line1: '1 Street', city: 'Bremen', postalCode: '28195' };
      const journey = async (send: ReturnType<typeof browser>) => {
        const answers = [await send('POST', '/api/register', { email: 'ext@shop.example', password: 'secret', displayName: 'Ada' })];
        const { id } = answers[0]!.body;
        answers.push(
          await send('POST', '/api/register', { email: 'ext@shop.example', password: 'secret', displayName: 'Ada' }),
          await send('GET', '/api/users/me'),
          await send('POST', '/login', { email: 'ext@shop.example', password: 'secret' }),
          await send('PATCH', '/api/users/me', { displayName: 'Ada L.', biography: 'x'.repeat(9000), interests: ['a', 'b,"c'], preferences: { k: 1 } }),
          await send('PATCH', '/api/users/me', { displayName: '' }),
          await send('PATCH', '/api/users/me', undefined, '{'),
          await send('GET', '/api/users/me'),
        );
        const added = await send('POST', '/api/users/me/addresses', address);
        answers.push(
          added,
          await send('PUT', `/api/users/me/addresses/${added.body.id}`, { ...address, line1: '2 Street' }),
          await send('PUT', '/api/users/me/addresses/999999', address),
          await send('GET', '/api/users/me/addresses'),
          await send('GET', `/api/users/${id}`),
          await send('GET', '/api/users/nobody'),
          await send('GET', '/api/sessions'),
          await send('POST', '/logout'),
          await send('GET', '/api/users/me'),
        );
        return answers;
      };
      const old = await journey(browser(shop.url));
      const fresh = await journey(browser(base));
      await app.close();
      await service.end();
      expect(new Set(old.map((answer) => answer.servedBy))).toEqual(new Set(['monolith']));
      expect(new Set(fresh.map((answer) => answer.servedBy))).toEqual(new Set(['accounts']));
      expect(fresh.map(comparable)).toEqual(old.map(comparable));
      expect(fresh.map((answer) => answer.status)).toEqual([201, 409, 401, 200, 200, 400, 400, 200, 201, 200, 404, 200, 200, 404, 200, 200, 401]);
    });
  });
});
