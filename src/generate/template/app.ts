import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import type pg from 'pg';
import type { Config } from './config.ts';
import { answerErrors } from './errors.ts';
import type { Extension } from './extensions.ts';
import { serveHealth } from './health.ts';
import { acceptJson, validateWithTypeBox } from './lib/body.ts';
import { cursorCodec } from './lib/cursor.ts';
import type { Resource } from './lib/resource.ts';
import { measure } from './metrics.ts';

export interface AppOptions {
  readonly config: Config;
  readonly pool: pg.Pool;
  /** Where the resources are, such as `/v1`. */
  readonly basePath: string;
  readonly resources: readonly Resource[];
  readonly extensions?: readonly Extension[];
  /** Fastify's logger options. Default: JSON on stdout at the configured level. */
  readonly logger?: FastifyServerOptions['logger'];
}

const REQUEST_ID = /^[\w.:/+=-]{1,128}$/;

/** Builds the service without listening, so that tests can inject requests. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { config, pool, resources } = options;
  const app = Fastify({
    logger: options.logger ?? { level: config.logLevel },
    bodyLimit: config.bodyLimitBytes,
    // A request's id comes from the caller if he has one, so that a log line can be followed across services.
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    routerOptions: { maxParamLength: 2048 },
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  // A kept-alive connection that is busy when the service stops would otherwise hold it up until it idles out.
  let stopping = false;
  app.addHook('preClose', async () => {
    stopping = true;
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (stopping) reply.header('connection', 'close');
    done();
  });
  answerErrors(
    app,
    resources.map((resource) => resource.table),
  );
  measure(app, pool);
  serveHealth(app, pool);

  const cursors = cursorCodec(config.cursorSecret);
  await app.register(
    async (scope) => {
      acceptJson(scope);
      validateWithTypeBox(scope);
      for (const resource of resources) resource.routes(scope, { pool, cursors });
    },
    { prefix: options.basePath },
  );
  for (const extension of options.extensions ?? []) {
    await app.register(async (scope) => {
      await extension(scope, { pool });
    });
  }
  return app;
}
