import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Pool } from 'pg';
import { accountHandler } from './accounts/handlers.ts';
import { clientAddress, parseBody, parseCookies, Refusal, replyToError, splitTarget, type ShopReply, type ShopRequest } from './accounts/http.ts';
import { answerShop } from './shop-handlers.ts';

const bodyLimit = 256 * 1024;

export interface ShopServerOptions {
  readonly databaseUrl: string;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly host?: string;
  /** Connections to the database, at most. Default 8. */
  readonly poolSize?: number;
  /** See ShopContext. Default 3000; 0 looks once. */
  readonly sessionGraceMs?: number;
}

export interface ShopServer {
  readonly port: number;
  readonly url: string;
  /** Takes no new request, answers those in flight, then closes the database connections. */
  close(): Promise<void>;
}

/** The monolith: every path of the shop on one database. */
export async function startShop(options: ShopServerOptions): Promise<ShopServer> {
  const pool = new Pool({ connectionString: options.databaseUrl, max: options.poolSize ?? 8, application_name: 'shop' });
  pool.on('error', (error) => console.error(JSON.stringify({ level: 'warn', message: 'idle connection lost', error: error.message })));
  const context = { pool, sessionGraceMs: options.sessionGraceMs ?? 3000 };

  const answer = async (message: IncomingMessage): Promise<ShopReply> => {
    const target = splitTarget(message.url ?? '/');
    const method = message.method === 'HEAD' ? 'GET' : (message.method ?? 'GET');
    const body = await readBody(message);
    const forwarded = message.headers['x-forwarded-for'];
    const request: ShopRequest = {
      method,
      ...target,
      cookies: parseCookies(message.headers.cookie),
      body: parseBody(body),
      ip: clientAddress(Array.isArray(forwarded) ? forwarded[0] : forwarded, message.socket.remoteAddress),
      userAgent: message.headers['user-agent'] ?? '',
    };
    const account = accountHandler(method, request.path);
    const reply = account ? await account(pool, request) : await answerShop(context, request);
    if (reply === undefined) throw new Refusal(404, 'not_found', 'There is no such page.');
    return reply;
  };

  let closing = false;
  const server = createServer((message, response) => {
    answer(message)
      .catch((error: unknown) => {
        const reply = replyToError(error);
        if (reply.status >= 500) {
          console.error(JSON.stringify({ level: 'error', method: message.method, url: message.url, error: String(error) }));
        }
        return reply;
      })
      .then((reply) => {
        // While it closes, no connection is kept open for a next request.
        if (closing) response.setHeader('connection', 'close');
        send(message, response, reply);
      })
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.keepAliveTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      closing = true;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await closed;
      await pool.end();
    },
  };
}

async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size <= bodyLimit) chunks.push(bytes);
  }
  if (size > bodyLimit) throw new Refusal(413, 'too_large', `The body may have ${bodyLimit} bytes.`);
  return Buffer.concat(chunks).toString('utf8');
}

function send(message: IncomingMessage, response: ServerResponse, reply: ShopReply): void {
  const body = Buffer.from(JSON.stringify(reply.body));
  response.writeHead(reply.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    'x-served-by': 'monolith',
    ...(reply.cookies?.length ? { 'set-cookie': [...reply.cookies] } : {}),
  });
  response.end(message.method === 'HEAD' ? undefined : body);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const databaseUrl = process.env['DATABASE_URL'];
  if (!databaseUrl) {
    console.error('DATABASE_URL is not set');
    process.exit(2);
  }
  const shop = await startShop({
    databaseUrl,
    port: Number(process.env['PORT'] ?? 0),
    poolSize: Number(process.env['POOL_SIZE'] ?? 8),
    sessionGraceMs: Number(process.env['SESSION_GRACE_MS'] ?? 3000),
  });
  console.log(JSON.stringify({ listening: true, port: shop.port, url: shop.url }));
  const stop = (): void => {
    shop.close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(String(error));
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}
