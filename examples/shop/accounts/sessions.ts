import type pg from 'pg';
import { jsonRow } from './database.ts';
import { Refusal, type ShopRequest } from './http.ts';

export interface Session {
  readonly id: string;
  readonly userId: string;
}

const unauthorized = (): Refusal => new Refusal(401, 'unauthorized', 'Log in first.');

/** The session of the request's `sid` cookie, or a 401. */
export async function requireSession(pool: pg.Pool, request: ShopRequest): Promise<Session> {
  const found = await lookUp(pool, request);
  if (found === undefined || found === 'unknown') throw unauthorized();
  return found;
}

/**
 * As requireSession, but a token that is not known yet is looked up again for up to `graceMs`: a session that was
 * made elsewhere a moment ago may still be on its way into this database. One that was revoked is refused at once.
 */
export async function awaitSession(pool: pg.Pool, request: ShopRequest, graceMs: number): Promise<Session> {
  const until = performance.now() + graceMs;
  for (;;) {
    const found = await lookUp(pool, request);
    if (found === undefined || (found === 'unknown' && performance.now() >= until)) throw unauthorized();
    if (found !== 'unknown') return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function lookUp(pool: pg.Pool, request: ShopRequest): Promise<Session | 'unknown' | undefined> {
  const token = request.cookies.get('sid');
  if (token === undefined || !/^[0-9a-f]{64}$/.test(token)) return undefined;
  const row = await jsonRow(
    pool,
    `select json_build_object('id', s.id, 'userId', u.id::text,
       'valid', s.revoked_at is null and s.expires_at > now() and u.status = 'active')::text
     from public.sessions s join public.users u on u.id = s.user_id where s.token = $1`,
    [token],
  );
  if (row === undefined) return 'unknown';
  return row['valid'] === true ? { id: String(row['id']), userId: String(row['userId']) } : undefined;
}
