import { randomBytes } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { createPool } from '../../../src/postgres/connect.ts';
import type { Side } from '../../../src/model/side.ts';

type Row = Readonly<Record<string, string | null>>;

/** `errors`: 500, every other time after the write was committed. `slow`: every answer takes {@link SLOW_MS}. */
export type Fault = 'none' | 'errors' | 'slow';

export const SLOW_MS = 1500;

/** Money that has left a user's account, outside of both databases: what was charged twice stays charged twice. */
export interface Charge {
  readonly order: string;
  readonly amount: string;
}

interface Answer {
  readonly status: number;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly cookies?: readonly string[];
  /** What the bank is told once this is committed. */
  readonly charge?: Charge;
}

interface Asked {
  readonly query: URLSearchParams;
  readonly id: string;
  readonly body: Readonly<Record<string, string>>;
  readonly cookies: ReadonlyMap<string, string>;
}

type Query = (sql: string, values: readonly unknown[]) => Promise<readonly Row[]>;
type Handler = (asked: Asked, query: Query) => Promise<Answer>;

/**
 * One side of the shop: an HTTP server which knows its own database and nothing of Banyan. Both sides run
 * the same program; each request is one transaction.
 */
export class ShopSide {
  readonly name: Side;
  fault: Fault = 'none';
  readonly #pool: pg.Pool;
  readonly #charges: Charge[];
  #server: http.Server;
  #port = 0;
  #dead = false;
  #turn = 0;

  private constructor(options: { readonly name: Side; readonly url: string; readonly charges: Charge[] }) {
    this.name = options.name;
    this.#charges = options.charges;
    this.#pool = createPool({ url: options.url, max: 12, applicationName: `shop ${options.name}` });
    this.#server = this.#create();
  }

  static async start(options: { readonly name: Side; readonly url: string; readonly charges: Charge[] }): Promise<ShopSide> {
    const side = new ShopSide(options);
    await side.#listen();
    return side;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The process is gone, in the middle of whatever it did: what it had not committed is rolled back, nobody is answered. */
  die(): void {
    this.#dead = true;
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async revive(): Promise<void> {
    this.#dead = false;
    this.#server = this.#create();
    await this.#listen();
  }

  async close(): Promise<void> {
    if (!this.#dead) this.die();
    await this.#pool.end();
  }

  #create(): http.Server {
    return http.createServer((request, response) => {
      this.#answer(request).then(
        ({ status, body = {}, cookies = [] }) => {
          response.writeHead(status, { 'content-type': 'application/json', ...(cookies.length > 0 ? { 'set-cookie': [...cookies] } : {}) });
          response.end(JSON.stringify(body));
        },
        (error: unknown) => {
          if (this.#dead) response.destroy();
          else response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
        },
      );
    });
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #answer(request: http.IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? '/', 'http://shop');
    const [, first = '', id = ''] = url.pathname.split('/');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const handler = HANDLERS[`${request.method} /${first}`];
    if (!handler) return { status: 404 };
    const broken = this.fault === 'errors' ? (this.#turn++ % 2 === 0 ? 'before' : 'after') : '';
    if (broken === 'before') throw new Error('planted');
    if (this.fault === 'slow') await delay(SLOW_MS);
    const body = chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>);
    const answer = await this.#inTransaction((query) => handler({ query: url.searchParams, id, body, cookies: cookiesOf(request.headers.cookie) }, query));
    if (broken === 'after') throw new Error('planted');
    return answer;
  }

  async #inTransaction(work: (query: Query) => Promise<Answer>): Promise<Answer> {
    const client = await this.#pool.connect();
    let broken = true;
    try {
      await client.query('BEGIN');
      const answer = await work(async (sql, values) => (await client.query<Record<string, string | null>>(sql, [...values])).rows);
      if (this.#dead) throw new Error('the process is gone');
      await client.query('COMMIT');
      broken = false;
      if (answer.charge) this.#charges.push(answer.charge);
      return answer;
    } finally {
      // A session that is ended rolls back.
      client.release(broken);
    }
  }
}

function cookiesOf(header: string | undefined): ReadonlyMap<string, string> {
  return new Map((header ?? '').split('; ').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const));
}

const sessionUser = async ({ cookies }: Asked, query: Query): Promise<string | null> =>
  (await query('SELECT user_id FROM public.sessions WHERE token = $1', [cookies.get('sid') ?? '']))[0]?.['user_id'] ?? null;

const HANDLERS: Readonly<Record<string, Handler>> = {
  'GET /healthz': async () => ({ status: 200 }),
  'POST /login': async ({ body }, query) => {
    const [user] = await query('SELECT id FROM public.users WHERE id = $1 AND password = $2', [body['user'], body['password']]);
    if (!user) return { status: 401 };
    const token = randomBytes(12).toString('hex');
    await query('INSERT INTO public.sessions VALUES ($1, $2)', [token, body['user']]);
    return { status: 200, cookies: [`uid=${body['user']}; Path=/`, `sid=${token}; Path=/`] };
  },
  'GET /me': async (asked, query) => {
    const user = await sessionUser(asked, query);
    const [row] = await query('SELECT password FROM public.users WHERE id = $1', [user]);
    return row ? { status: 200, body: { user, password: row['password'] } } : { status: 401 };
  },
  'POST /password': async (asked, query) => {
    const user = await sessionUser(asked, query);
    if (user === null) return { status: 401 };
    await query('UPDATE public.users SET password = $2 WHERE id = $1', [user, asked.body['password']]);
    return { status: 200 };
  },
  'POST /logout': async ({ cookies }, query) => {
    await query('DELETE FROM public.sessions WHERE token = $1', [cookies.get('sid')]);
    return { status: 200 };
  },
  'GET /home': async (asked, query) => {
    const user = await sessionUser(asked, query);
    return user === null ? { status: 401 } : { status: 200, body: { user } };
  },
  'POST /orders': async ({ cookies, body }, query) => {
    const [row] = await query('INSERT INTO public.orders (user_id, total) VALUES ($1, $2::numeric / 100) RETURNING id, total', [cookies.get('uid'), body['cents']]);
    return { status: 201, body: { id: row?.['id'], total: row?.['total'] } };
  },
  'GET /orders': async ({ id }, query) => {
    const [row] = await query('SELECT o.total, p.amount AS paid FROM public.orders AS o LEFT JOIN public.payments AS p ON p.order_id = o.id WHERE o.id = $1', [id]);
    return row ? { status: 200, body: row } : { status: 404 };
  },
  'POST /payments': async ({ cookies, body }, query) => {
    const made = await query('INSERT INTO public.payments VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING order_id', [body['order'], cookies.get('uid'), body['amount']]);
    if (made.length === 0) return { status: 200 };
    return { status: 201, charge: { order: String(body['order']), amount: String(body['amount']) } };
  },
  'GET /payments': async ({ id }, query) => {
    const [row] = await query('SELECT amount FROM public.payments WHERE order_id = $1', [id]);
    return row ? { status: 200, body: row } : { status: 404 };
  },
  'POST /reserve': async ({ cookies, query: asked, body }, query) => {
    const [sku, uid] = [asked.get('sku'), cookies.get('uid')];
    const taken = await query('INSERT INTO public.reservations VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING id', [body['id'], sku, uid, body['quantity']]);
    if (taken.length === 0) return { status: 200 };
    const left = await query('UPDATE public.stock SET on_hand = on_hand - $2 WHERE sku = $1 AND on_hand >= $2 RETURNING on_hand', [sku, body['quantity']]);
    if (left.length > 0) return { status: 201 };
    await query('DELETE FROM public.reservations WHERE id = $1', [body['id']]);
    return { status: 409 };
  },
  'GET /stock': async ({ query: asked }, query) => {
    const [row] = await query('SELECT on_hand FROM public.stock WHERE sku = $1', [asked.get('sku')]);
    return row ? { status: 200, body: row } : { status: 404 };
  },
  'GET /reserved': async ({ cookies, query: asked }, query) => {
    const rows = await query('SELECT id FROM public.reservations WHERE sku = $1 AND user_id = $2', [asked.get('sku'), cookies.get('uid')]);
    return { status: 200, body: { ids: rows.map((row) => row['id']) } };
  },
};
