import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { accountRoutes } from './accounts/handlers.ts';
import { clientAddress, parseBody, parseCookies, replyToError, splitTarget } from './accounts/http.ts';

/** The files of this extension, relative to its folder. It needs nothing else but `fastify` and `pg`. */
export const accountsExtensionFiles = [
  'accounts-extension.ts',
  'accounts/handlers.ts',
  'accounts/http.ts',
  'accounts/database.ts',
  'accounts/sessions.ts',
] as const;

/**
 * The hand-written part of the new accounts service: it answers the account paths that the shop's clients already
 * use, with the shapes they know, on the service's own database.
 */
export default async function accountsExtension(app: FastifyInstance, context: { pool: pg.Pool }): Promise<void> {
  await app.register(async (scope) => {
    // The clients' paths take any content type and an empty body, as they always did.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'string' }, async (_request: unknown, body: unknown) => body);
    for (const route of accountRoutes) {
      scope.route({
        method: route.method,
        url: route.url,
        handler: async (request, reply) => {
          void reply.header('x-served-by', 'accounts');
          const forwarded = request.headers['x-forwarded-for'];
          const answer = await Promise.resolve()
            .then(async () =>
              route.handle(context.pool, {
                method: route.method,
                ...splitTarget(request.raw.url ?? '/'),
                cookies: parseCookies(request.headers.cookie),
                body: parseBody(typeof request.body === 'string' ? request.body : ''),
                ip: clientAddress(Array.isArray(forwarded) ? forwarded[0] : forwarded, request.ip),
                userAgent: request.headers['user-agent'] ?? '',
              }),
            )
            .catch((error: unknown) => {
              const refused = replyToError(error);
              if (refused.status >= 500) request.log.error({ err: error }, 'account request failed');
              return refused;
            });
          for (const cookie of answer.cookies ?? []) void reply.header('set-cookie', cookie);
          return reply.code(answer.status).send(answer.body);
        },
      });
    }
  });
}
