import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type pg from 'pg';
import { inTransaction, iso, jsonRow, jsonRows, type Json } from './database.ts';
import { fieldsOf, optionalText, Refusal, rowId, text, type Fields, type ShopReply, type ShopRequest } from './http.ts';
import { requireSession } from './sessions.ts';

/** Every account path: the monolith answers them, and later the accounts service does, with these same functions. */
export const accountRoutes = [
  { method: 'POST', url: '/api/register', handle: register },
  { method: 'POST', url: '/login', handle: login },
  { method: 'POST', url: '/logout', handle: logout },
  { method: 'GET', url: '/api/users/me', handle: showProfile },
  { method: 'PATCH', url: '/api/users/me', handle: editProfile },
  { method: 'GET', url: '/api/users/me/addresses', handle: listAddresses },
  { method: 'POST', url: '/api/users/me/addresses', handle: addAddress },
  { method: 'PUT', url: '/api/users/me/addresses/:id', handle: replaceAddress },
  { method: 'GET', url: '/api/users/:id', handle: showPublicProfile },
  { method: 'GET', url: '/api/sessions', handle: listSessions },
] as const;

type AccountHandler = (pool: pg.Pool, request: ShopRequest) => Promise<ShopReply>;

/** The handler of an account path, or undefined when the path is none. */
export function accountHandler(method: string, path: string): AccountHandler | undefined {
  return accountRoutes.find((route) => route.method === method && matches(route.url, path))?.handle;
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const found = path.split('/');
  return (
    wanted.length === found.length &&
    wanted.every((part, index) => (part.startsWith(':') ? found[index] !== '' : part === found[index]))
  );
}

const lastSegment = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Cheap on purpose: this is a sample under load. A real shop uses scrypt or argon2. */
function passwordHash(salt: string, password: string): string {
  return `sample$${salt}$${createHash('sha256').update(`${salt}:${password}`).digest('hex')}`;
}

function passwordMatches(stored: string, password: string): boolean {
  const computed = Buffer.from(passwordHash(stored.split('$')[1] ?? '', password));
  const expected = Buffer.from(stored);
  return computed.length === expected.length && timingSafeEqual(computed, expected);
}

const profileJson = `json_build_object('id', u.id::text, 'publicId', u.public_id, 'email', u.email,
  'displayName', u.display_name, 'status', u.status, 'birthDate', u.birth_date::text, 'interests', u.interests,
  'settings', u.settings, 'loyaltyBalance', u.loyalty_balance::text, 'preferredCurrency', u.preferred_currency,
  'biography', u.biography, 'orderCount', u.order_count, 'lastOrderAt', ${iso('u.last_order_at')},
  'version', u.version, 'createdAt', ${iso('u.created_at')},
  'preferences', coalesce((select json_object_agg(p.key, p.value order by p.key) from public.user_preferences p
                           where p.user_id = u.id), '{}'))::text`;

const addressJson = `json_build_object('id', id::text, 'kind', kind, 'recipient', recipient, 'line1', line1,
  'line2', line2, 'city', city, 'postalCode', postal_code, 'countryCode', country_code, 'isDefault', is_default)::text`;

async function profileOf(client: pg.Pool | pg.PoolClient, userId: string): Promise<Json> {
  const profile = await jsonRow(client, `select ${profileJson} from public.users u where u.id = $1`, [userId]);
  if (profile === undefined) throw new Refusal(404, 'not_found', 'There is no such user.');
  return profile;
}

async function recordEvent(client: pg.PoolClient, request: ShopRequest, userId: string, kind: string, details: Json): Promise<void> {
  await client.query(
    'insert into public.account_events (user_id, kind, ip, details) values ($1, $2, $3::inet, $4::jsonb)',
    [userId, kind, request.ip, JSON.stringify(details)],
  );
}

async function register(pool: pg.Pool, request: ShopRequest): Promise<ShopReply> {
  const fields = fieldsOf(request.body, ['email', 'password', 'displayName']);
  const email = text(fields, 'email', { min: 3, max: 200 });
  const password = text(fields, 'password', { min: 6, max: 200 });
  const displayName = text(fields, 'displayName', { min: 1, max: 200 });
  if (!/^[^\s@]+@[^\s@]+$/.test(email)) throw new Refusal(400, 'bad_field', 'email must be an address.');
  const profile = await inTransaction(pool, async (client) => {
    const inserted = await jsonRow(
      client,
      `insert into public.users (email, password_hash, display_name, settings) values ($1, $2, $3, '{"theme": "light"}')
       on conflict (email) do nothing returning json_build_object('id', id::text)::text`,
      [email, passwordHash(randomBytes(8).toString('hex'), password), displayName],
    );
    if (inserted === undefined) throw new Refusal(409, 'email_taken', 'This address is registered already.');
    const id = String(inserted['id']);
    await client.query(`insert into public.user_roles (user_id, role_id) values ($1, 1)`, [id]);
    await client.query(
      `insert into public.user_preferences (user_id, key, value) values ($1, 'emails', '{"on": true, "level": 1}')`,
      [id],
    );
    await recordEvent(client, request, id, 'registered', { email });
    return profileOf(client, id);
  });
  return { status: 201, body: profile };
}

async function login(pool: pg.Pool, request: ShopRequest): Promise<ShopReply> {
  const fields = fieldsOf(request.body, ['email', 'password']);
  const email = text(fields, 'email', { min: 3, max: 200 });
  const password = text(fields, 'password', { min: 1, max: 200 });
  const user = await jsonRow(
    pool,
    `select json_build_object('id', id::text, 'hash', password_hash, 'status', status, 'displayName', display_name)::text
     from public.users where email = $1`,
    [email],
  );
  if (user === undefined || !passwordMatches(String(user['hash']), password)) {
    throw new Refusal(401, 'bad_credentials', 'Wrong address or password.');
  }
  if (user['status'] !== 'active') throw new Refusal(403, 'not_active', 'This account cannot log in.');
  const token = randomBytes(32).toString('hex');
  const userId = String(user['id']);
  const session = await inTransaction(pool, async (client) => {
    const inserted = await jsonRow(
      client,
      `insert into public.sessions (token, user_id, ip, user_agent) values ($1, $2, $3::inet, $4)
       returning json_build_object('id', id)::text`,
      [token, userId, request.ip, request.userAgent],
    );
    await recordEvent(client, request, userId, 'login', { session: inserted?.['id'] });
    return inserted;
  });
  return {
    status: 200,
    body: { userId, displayName: user['displayName'], sessionId: session?.['id'] },
    cookies: [`sid=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000`],
  };
}

async function logout(pool: pg.Pool, request: ShopRequest): Promise<ShopReply> {
  const session = await requireSession(pool, request);
  await inTransaction(pool, async (client) => {
    await client.query('update public.sessions set revoked_at = now() where id = $1 and revoked_at is null', [session.id]);
    await recordEvent(client, request, session.userId, 'logout', { session: session.id });
  });
  return { status: 200, body: { sessionId: session.id }, cookies: ['sid=; Path=/; HttpOnly; Max-Age=0'] };
}

async function showProfile(pool: pg.Pool, request: ShopRequest): Promise<ShopReply> {
  const session = await requireSession(pool, request);
  return { status: 200, body: await profileOf(pool, session.userId) };
}

async function showPublicProfile(pool: pg.Pool, request: ShopRequest): Promise<ShopReply> {
  const profile = await jsonRow(
    pool,
    `select json_build_object('id', id::text, 'publicId', public_id, 'displayName', display_name, 'interests', interests,
       'memberSince', created_at::date::text)::text from public.users where id = $1 and status <> 'closed'`,
    [rowId(lastSegment(request.path))],
  );
  if (profile === undefined) throw new Refusal(404, 'not_found', 'There is no such user.');
  return { status: 200, body: profile };
}

const profileFields = ['displayName', 'biography', 'birthDate', 'interests', 'settings', 'preferences'];

async function editProfile(pool: pg.Pool, request: ShopRequest): Promise<ShopReply> {
  const session = await requireSession(pool, request);
  const fields = fieldsOf(request.body, profileFields);
  const columns = profileColumns(fields);
  const preferences = preferencesOf(fields);
  const profile = await inTransaction(pool, async (client) => {
    // Only the columns that were sent are written, so that a concurrent writer of another column loses nothing.
    const assignments = columns.map(([assignment], index) => assignment.replace('?', `$${index + 2}`));
    const updated = await jsonRow(
      client,
      `update public.users set ${[...assignments, 'version = version + 1', 'updated_at = now()'].join(', ')}
       where id = $1 returning json_build_object('version', version, 'displayName', display_name)::text`,
      [session.userId, ...columns.map(([, value]) => value)],
    );
    for (const [key, value] of preferences) {
      await client.query(
        `insert into public.user_preferences (user_id, key, value) values ($1, $2, $3::jsonb)
         on conflict (user_id, key) do update set value = excluded.value, updated_at = now()`,
        [session.userId, key, JSON.stringify(value)],
      );
    }
    await recordEvent(client, request, session.userId, 'profile_changed', { ...updated, fields: Object.keys(fields) });
    return profileOf(client, session.userId);
  });
  return { status: 200, body: profile };
}

/** Assignments (with `?` for the value) of the fields that were sent. */
function profileColumns(fields: Fields): [assignment: string, value: string | null][] {
  const columns: [string, string | null][] = [];
  if ('displayName' in fields) columns.push(['display_name = ?', text(fields, 'displayName', { min: 1, max: 200 })]);
  if ('biography' in fields) columns.push(['biography = ?', optionalText(fields, 'biography', 100_000)]);
  if ('birthDate' in fields) {
    const date = optionalText(fields, 'birthDate', 10);
    if (date !== null && !/^\d{4}-\d{2}-\d{2}$/.test(date)) throw new Refusal(400, 'bad_field', 'birthDate must be YYYY-MM-DD.');
    columns.push(['birth_date = ?::date', date]);
  }
  if ('interests' in fields) {
    const interests = fields['interests'];
    if (!Array.isArray(interests) || interests.length > 50 || !interests.every((i) => typeof i === 'string' && i.length <= 100)) {
      throw new Refusal(400, 'bad_field', 'interests must be a list of up to 50 short texts.');
    }
    columns.push(['interests = array(select json_array_elements_text(?::json))', JSON.stringify(interests)]);
  }
  if ('settings' in fields) {
    const settings = fields['settings'];
    if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
      throw new Refusal(400, 'bad_field', 'settings must be an object.');
    }
    columns.push(['settings = ?::jsonb', JSON.stringify(settings)]);
  }
  return columns;
}

function preferencesOf(fields: Fields): [string, unknown][] {
  const preferences = fields['preferences'];
  if (preferences === undefined) return [];
  if (typeof preferences !== 'object' || preferences === null || Array.isArray(preferences)) {
    throw new Refusal(400, 'bad_field', 'preferences must be an object.');
  }
  const entries = Object.entries(preferences);
  if (entries.length > 50 || entries.some(([key]) => key.length > 100 || key.includes('\0'))) {
    throw new Refusal(400, 'bad_field', 'preferences must be up to 50 keys of up to 100 characters.');
  }
  // One order for everybody: two requests that set the same keys cannot deadlock.
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

async function listAddresses(pool: pg.Pool, request: ShopRequest): Promise<ShopReply> {
  const session = await requireSession(pool, request);
  const addresses = await jsonRows(pool, `select ${addressJson} from public.addresses where user_id = $1 order by id`, [session.userId]);
  return { status: 200, body: { addresses } };
}

function addressValues(body: unknown): unknown[] {
  const fields = fieldsOf(body, ['kind', 'recipient', 'line1', 'line2', 'city', 'postalCode', 'countryCode']);
  const kind = fields['kind'] ?? 'shipping';
  if (kind !== 'shipping' && kind !== 'billing') throw new Refusal(400, 'bad_field', 'kind must be shipping or billing.');
  const countryCode = fields['countryCode'] === undefined ? 'DE' : text(fields, 'countryCode', { min: 2, max: 2 });
  return [
    kind,
    text(fields, 'recipient', { min: 1, max: 200 }),
    text(fields, 'line1', { min: 1, max: 200 }),
    optionalText(fields, 'line2', 200),
    text(fields, 'city', { min: 1, max: 200 }),
    text(fields, 'postalCode', { min: 1, max: 20 }),
    countryCode,
  ];
}

async function addAddress(pool: pg.Pool, request: ShopRequest): Promise<ShopReply> {
  const session = await requireSession(pool, request);
  const values = addressValues(request.body);
  const address = await inTransaction(pool, async (client) => {
    const inserted = await jsonRow(
      client,
      `insert into public.addresses (user_id, kind, recipient, line1, line2, city, postal_code, country_code)
       values ($1, $2::public.address_kind, $3, $4, $5, $6, $7, $8) returning ${addressJson}`,
      [session.userId, ...values],
    );
    await recordEvent(client, request, session.userId, 'address_added', { id: inserted?.['id'], line1: inserted?.['line1'] });
    return inserted;
  });
  return { status: 201, body: address };
}

async function replaceAddress(pool: pg.Pool, request: ShopRequest): Promise<ShopReply> {
  const session = await requireSession(pool, request);
  const id = rowId(lastSegment(request.path));
  const values = addressValues(request.body);
  const address = await inTransaction(pool, async (client) => {
    const updated = await jsonRow(
      client,
      `update public.addresses set kind = $3::public.address_kind, recipient = $4, line1 = $5, line2 = $6, city = $7, postal_code = $8,
         country_code = $9, updated_at = now() where id = $2 and user_id = $1 returning ${addressJson}`,
      [session.userId, id, ...values],
    );
    if (updated === undefined) throw new Refusal(404, 'not_found', 'There is no such address.');
    await recordEvent(client, request, session.userId, 'address_changed', { id, line1: updated['line1'] });
    return updated;
  });
  return { status: 200, body: address };
}

async function listSessions(pool: pg.Pool, request: ShopRequest): Promise<ShopReply> {
  const session = await requireSession(pool, request);
  const sessions = await jsonRows(
    pool,
    `select json_build_object('id', id, 'userAgent', user_agent, 'createdAt', ${iso('created_at')}, 'current', id = $2)::text
     from public.sessions where user_id = $1 and revoked_at is null and expires_at > now() order by created_at, id`,
    [session.userId, session.id],
  );
  return { status: 200, body: { sessions } };
}
