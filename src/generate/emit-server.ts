import type { ProjectOptions } from './project-file.ts';
import { literal } from './source.ts';

/** `src/server.ts`: the process. */
export function emitServer(options: ProjectOptions): string {
  return `import { buildApp } from './app.ts';
import { readConfig } from './config.ts';
import { createPool } from './db.ts';
import { loadExtensions } from './extensions.ts';
import { basePath, resources } from './resources/index.ts';

const config = readConfig(process.env);
const pool = createPool(config, (error) => {
  process.stderr.write(\`an idle database connection was lost: \${error.message}\\n\`);
});
const extensions = await loadExtensions(new URL('./extensions/', import.meta.url));
const app = await buildApp({ config, pool, basePath, resources, extensions });

/** Takes no new requests, finishes those that run, then lets the database go. */
async function stop(): Promise<void> {
  await app.close();
  await pool.end();
}

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping) process.exit(1);
    stopping = true;
    app.log.info({ signal }, 'stopping');
    // Whatever still runs after the deadline is cut.
    setTimeout(() => process.exit(1), config.shutdownTimeoutMs).unref();
    stop().catch((error: unknown) => {
      app.log.error({ err: error }, 'could not stop');
      process.exitCode = 1;
    });
  });
}

const address = await app.listen({ host: config.host, port: config.port });
process.stdout.write(${literal(`${options.service} listening on `)} + address + '\\n');
`;
}

/** `test/service.spec.ts`: reads only, so it may run against any database that has the tables. */
export function emitTest(): string {
  return `import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { buildApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { createPool } from '../src/db.ts';
import { basePath, resources } from '../src/resources/index.ts';

let pool: Pool;
let app: FastifyInstance;

before(async () => {
  const config = readConfig(process.env);
  pool = createPool(config, () => {});
  app = await buildApp({ config, pool, basePath, resources, logger: false });
});

after(async () => {
  await app.close();
  await pool.end();
});

test('is ready', async () => {
  assert.equal((await app.inject('/healthz')).statusCode, 200);
  assert.equal((await app.inject('/readyz')).statusCode, 200);
  assert.match((await app.inject('/metrics')).body, /http_request_duration_seconds/);
});

test('answers an unknown path with problem details', async () => {
  const response = await app.inject('/no/such/path');
  assert.equal(response.statusCode, 404);
  assert.match(String(response.headers['content-type']), /^application\\/problem\\+json/);
});

test('every resource lists its rows and refuses what it does not know', async () => {
  const paths = Object.keys(openApi().paths).filter((path) => path.startsWith(basePath + '/') && !path.includes('{'));
  assert.equal(paths.length, resources.length);
  for (const path of paths) {
    const list = await app.inject(\`\${path}?limit=2\`);
    assert.equal(list.statusCode, 200, \`\${path}: \${list.body}\`);
    const page = list.json<{ items: unknown[]; next_cursor: string | null }>();
    assert.ok(page.items.length <= 2);
    if (page.next_cursor !== null) {
      const next = await app.inject(\`\${path}?limit=2&cursor=\${encodeURIComponent(page.next_cursor)}\`);
      assert.equal(next.statusCode, 200, next.body);
    }
    for (const query of ['limit=0', 'limit=x', 'cursor=x', 'sort=no-such', 'fields=no-such', 'no-such=1']) {
      assert.equal((await app.inject(\`\${path}?\${query}\`)).statusCode, 400, \`\${path}?\${query}\`);
    }
  }
});

function openApi(): { paths: Record<string, unknown> } {
  return JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8'));
}
`;
}
