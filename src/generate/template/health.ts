import type { FastifyInstance } from 'fastify';
import type pg from 'pg';

/** `/healthz`: the process answers. `/readyz`: it can also reach its database and is not stopping. */
export function serveHealth(app: FastifyInstance, pool: pg.Pool): void {
  let stopping = false;
  app.addHook('preClose', async () => {
    stopping = true;
  });
  app.get('/healthz', { logLevel: 'warn' }, async () => ({ status: 'ok' }));
  app.get('/readyz', { logLevel: 'warn' }, async (request, reply) => {
    if (stopping) return reply.code(503).send({ status: 'stopping' });
    try {
      await pool.query('SELECT 1');
      return { status: 'ok' };
    } catch (error) {
      request.log.warn({ err: error }, 'the database is not ready');
      return reply.code(503).send({ status: 'database unavailable' });
    }
  });
}
