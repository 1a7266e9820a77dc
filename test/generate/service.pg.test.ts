import * as fc from 'fast-check';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTemplates } from '../../src/generate/templates.ts';
import { until } from '../support/condition.ts';
import { testDatabase } from '../support/postgres.ts';
import { emptyFolder, execute, generateFrom, startInProcess, writeLinked, type RunningService } from './generated-service.ts';
import { OpenApiDriver, type Answer, type OpenApi } from './openapi-driver.ts';
import { VARIED_SQL } from './varied.fixture.ts';

let url: string;
let folder: string;
let service: RunningService;
let api: OpenApiDriver;

beforeAll(async () => {
  url = (await testDatabase()).url;
  await execute(url, VARIED_SQL);
  const generated = await generateFrom(url, { service: 'shop' });
  folder = await emptyFolder();
  await writeLinked(folder, generated.files, await readTemplates());
  service = await startInProcess({
    folder,
    url,
    extensions: [
      (app) => {
        app.get('/hello', async () => ({ hello: 'world' }));
        app.post('/echo', (request, reply) => reply.send(request.body));
        app.get('/fault', async () => {
          throw new Error('a secret of the inside');
        });
      },
    ],
  });
  const document = generated.files.find((file) => file.path === 'openapi.json')!;
  api = new OpenApiDriver(service.app, JSON.parse(document.content) as OpenApi);
});

afterAll(async () => {
  await service?.close();
  if (folder) await rm(folder, { recursive: true });
});

let serial = 0;

/** A few at a time, others each time, so that all meet many. */
let turn = 0;
const some = <T>(values: readonly T[], count: number): T[] => Array.from({ length: count }, () => values[turn++ % values.length]!);

/** What the document can't say of a row: values that are unique, and rows it refers to. */
async function overrides(type: string): Promise<Record<string, unknown>> {
  const n = ++serial;
  switch (type) {
    case 'Customer':
      return { email: `c${n}@example.org`, referred_by: null, name: `customer ${n}` };
    case 'Order':
      return { id: n, customer_id: (await create('Customer')).body['id'] };
    case 'OrderLine':
      return { order_id: (await create('Order')).body['id'], kind_id: null, quantity: 2 };
    case 'OrderLineNote': {
      const line = await create('OrderLine');
      return { id: n, order_id: line.body['order_id'], line_no: line.body['line_no'] };
    }
    case 'Message':
      return { id: n, sender_id: (await create('Customer')).body['id'], recipient_id: null };
    case 'Membership':
      return { customer_id: (await create('Customer')).body['id'], group: `group/${n}?&%` };
    case 'Kind':
      return { id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}` };
    case 'Event':
      return { id: n, at: '2026-05-05' };
    case 'File':
      return { digest: Buffer.from(`\u00ff/${n}`).toString('base64') };
    case 'FileLabel':
      return { id: n, file_digest: (await create('File')).body['digest'] };
    case 'TypeEntity':
      return { code: `code ${n}/ü` };
    case 'TaBle':
      return { 'the key': `.. ${n}` };
    case 'LogLine':
      return {};
    default:
      return { id: n };
  }
}

async function create(type: string, extra: Record<string, unknown> = {}): Promise<Answer> {
  const answer = await api.call(`create${type}`, { body: { ...api.body(`create${type}`), ...(await overrides(type)), ...extra } });
  expect(answer.status, answer.text).toBe(201);
  return answer;
}

const types = [
  'Customer',
  'Event',
  'File',
  'FileLabel',
  'Kind',
  'Membership',
  'Message',
  'News',
  'OddSchemaCustomer',
  'Order',
  'OrderItem',
  'OrderLine',
  'OrderLineNote',
  'Person',
  'ShopPerson',
  'TaBle',
  'TypeEntity',
];

describe('every resource', () => {
  it('is one of those the test knows', () => {
    const created = api.operations.filter((operation) => operation.id.startsWith('create')).map((operation) => operation.id.slice(6));
    expect(created.toSorted()).toEqual([...types, 'LogLine'].toSorted());
  });

  it.each(types)('%s: what was created can be read, changed, and is gone when deleted', async (type) => {
    const created = await create(type);
    const location = String(created.headers['location']);
    const get = api.operation(`get${type}`);

    const read = await api.send(get, location);
    expect(read.text).toBe(created.text);
    expect(read.headers['etag']).toBe(created.headers['etag']);
    const tag = String(read.headers['etag']);
    expect((await api.send(get, location, { headers: { 'if-none-match': `"other", W/${tag}` } })).status).toBe(304);
    expect(Object.keys((await api.send(get, `${location}?fields=${encodeURIComponent(Object.keys(read.body)[0]!)}`)).body)).toHaveLength(1);

    if (api.operations.some((operation) => operation.id === `replace${type}`)) {
      const changeable = api.properties(`replace${type}`);
      const replacement = Object.fromEntries(Object.entries(read.body).filter(([name]) => changeable.includes(name)));
      const replaced = await api.send(api.operation(`replace${type}`), location, { body: replacement, headers: { 'if-match': tag } });
      expect(replaced.status, replaced.text).toBe(200);
      const { password_hash: _before, ...before } = read.body;
      expect(replaced.body).toEqual(before);

      const patched = await api.send(api.operation(`patch${type}`), location, { body: {} });
      expect(patched.text).toBe(replaced.text);
      const stale = await api.send(api.operation(`patch${type}`), location, { body: {}, headers: { 'if-match': '"stale"' } });
      expect(stale.status).toBe(412);
    }

    const remove = api.operation(`delete${type}`);
    expect((await api.send(remove, location, { headers: { 'if-match': '"stale"' } })).status).toBe(412);
    expect((await api.send(remove, location, { headers: { 'if-match': '*' } })).status).toBe(204);
    expect((await api.send(remove, location)).status).toBe(404);
    expect((await api.send(remove, location, { headers: { 'if-match': '*' } })).status).toBe(404);
    expect((await api.send(get, location)).status).toBe(404);
    if (api.operations.some((operation) => operation.id === `replace${type}`)) {
      expect((await api.send(api.operation(`patch${type}`), location, { body: {} })).status).toBe(404);
    }
  });

  it('a table without a key can be listed page by page and added to', async () => {
    for (let i = 0; i < 5; i++) await create('LogLine', { level: i });
    const first = await api.call('listLogLines', { query: { limit: '2', sort: 'level' } });
    const second = await api.call('listLogLines', { query: { limit: '2', sort: 'level', cursor: String(first.body['next_cursor']) } });
    const levels = [first, second].flatMap((page) => page.body['items'] as { level: number }[]).map((item) => item.level);
    expect(levels).toEqual([0, 1, 2, 3]);
    expect((await api.call('listLogLines')).body['next_cursor']).toBeNull();
  });

  it('a view is read only', async () => {
    await create('Customer', { balance: '100.00000001', name: 'rich' });
    const page = await api.call('listRichCustomers', { query: { limit: '200' } });
    expect(page.body['items']).toContainEqual(expect.objectContaining({ name: 'rich', tags: expect.any(Array) }));
    expect((await service.app.inject({ method: 'POST', url: '/v1/rich-customers', payload: {} })).statusCode).toBe(404);
  });
});

describe('values', () => {
  it('keep every digit, microsecond and byte', async () => {
    const body =
      '{"a_bigint":9007199254740993123,"a_numeric":0.12345678901234567890123,"a_money_like":"12.5","a_double":0.1,"a_real":"NaN",' +
      '"a_text":"\\u2028 \\"quoted\\" 💚","a_char":"ab","some_bytes":"AP8Q","a_timestamptz":"2026-01-31T12:00:00.123456+02:00",' +
      '"a_timestamp":"infinity","a_date":"0044-03-15 BC","a_time":"24:00","a_jsonb":{"n":12345678901234567890.10,"__x":[1e400]},' +
      '"a_json":{"b" : 1.000, "b":2},"an_integer":1e3,"many_bigints":["9223372036854775807",null],"many_numerics":["0.10"],' +
      '"many_texts":["a,b","{\\"","NULL",null,""],"many_timestamps":["2026-01-31 12:00:00.000001Z"],"many_booleans":[true,false],' +
      '"many_jsonb":[{"a":1.50},[1],"x",null],"many_bytes":["\\\\x00ff"],"an_interval":"P1DT2H"}';
    const wrong = await api.call('createKind', { body });
    expect(wrong.status).toBe(400);
    expect(wrong.body['errors']).toMatchObject([{ field: 'a_bigint' }]);
    const answer = await api.call('createKind', { body: body.replace('9007199254740993123', '"9007199254740993123"') });
    expect(answer.status, answer.text).toBe(201);
    expect(answer.body).toMatchObject({
      a_bigint: '9007199254740993123',
      a_numeric: '0.12345678901234567890123',
      a_money_like: '12.50',
      a_double: 0.1,
      a_real: 'NaN',
      a_text: '\u2028 "quoted" 💚',
      a_char: 'ab ',
      some_bytes: 'AP8Q',
      a_timestamptz: '2026-01-31T10:00:00.123456Z',
      a_timestamp: 'infinity',
      a_date: '0044-03-15 BC',
      a_time: '24:00:00',
      an_integer: 1000,
      many_bigints: ['9223372036854775807', null],
      many_numerics: ['0.10'],
      many_texts: ['a,b', '{"', 'NULL', null, ''],
      many_booleans: [true, false],
      many_jsonb: [{ a: 1.5 }, [1], 'x', null],
      many_bytes: ['\\x00ff'],
      an_interval: '1 day 02:00:00',
    });
    expect(answer.text).toContain('"n": 12345678901234567890.10');
    expect(answer.text).toContain('"a_json":{"b" : 1.000, "b":2}');
    expect(answer.text).toMatch(/"many_timestamps":\["2026-01-31T12:00:00.000001\+00:00"\]/);
  });

  it('PATCH merges an object into a JSON column without rounding what it does not touch', async () => {
    const { headers } = await create('Customer', { settings: { keep: 1, drop: 2, deep: { a: 1, b: 2 } } });
    const patch = api.operation('patchCustomer');
    const answer = await api.send(patch, String(headers['location']), {
      body: '{"settings":{"drop":null,"deep":{"b":12345678901234567890.10,"c":[null]}}}',
      headers: { 'content-type': 'application/merge-patch+json', 'if-match': String(headers['etag']) },
    });
    expect(answer.body['settings']).toEqual({ keep: 1, deep: { a: 1, b: 12345678901234567000, c: [null] } });
    expect(answer.text).toContain('12345678901234567890.10');
    expect((await api.send(patch, String(headers['location']), { body: { settings: [1] } })).body['settings']).toEqual([1]);
    const nowhere = await api.call('patchCustomer', { path: { id: '-1' }, body: { settings: { a: 1 } } });
    expect(nowhere.status).toBe(404);
  });

  it('a secret is written and never shown, filtered or sorted by', async () => {
    const { text, body } = await create('Customer', { password_hash: 'hush' });
    expect(text).not.toContain('hush');
    const { rows } = await service.pool.query('SELECT password_hash FROM shop.customers WHERE id = $1', [body['id']]);
    expect(rows).toEqual([{ password_hash: 'hush' }]);
    for (const query of [{ fields: 'password_hash' }, { sort: 'password_hash' }, { password_hash: 'hush' }]) {
      expect((await api.call('listCustomers', { query })).status).toBe(400);
    }
  });
});

describe('rules of the database', () => {
  const failure = async (body: unknown, id = 'createCustomer', path = {}): Promise<[number, unknown]> => {
    const answer = await api.call(id, { body, path });
    return [answer.status, answer.body['errors']];
  };

  it('become errors of fields', async () => {
    const email = `taken${++serial}@example.org`;
    const { body } = await create('Customer', { email });
    expect(await failure({ email, name: 'x' })).toEqual([409, [expect.objectContaining({ field: 'email', code: 'unique' })]]);
    expect(await failure({ email: 'new@x', name: 'x', balance: -1 })).toEqual([422, [expect.objectContaining({ field: 'balance', code: 'check' })]]);
    expect(await failure({ email: 'new@x', name: 'x', referred_by: '-1' })).toEqual([422, [expect.objectContaining({ field: 'referred_by', code: 'reference' })]]);
    expect(await failure({ email: 'no at sign', name: 'x' })).toEqual([422, undefined]);
    expect(await failure({ email: 'new@x', name: 'x', mood: 'unknown' })).toEqual([400, [expect.objectContaining({ field: 'mood' })]]);
    expect(await failure({ email: 'new@x', name: null })).toEqual([400, [expect.objectContaining({ field: 'name' })]]);
    expect(await failure({ email: 'new@x', name: 'x', settings: null })).toEqual([400, [expect.objectContaining({ field: 'settings', code: 'required' })]]);
    expect(await failure({ email: 'new@x' })).toEqual([400, [{ field: 'name', code: 'required', message: 'is required' }]]);
    await create('Order', { customer_id: body['id'] });
    const referred = await api.call('deleteCustomer', { path: { id: String(body['id']) } });
    expect(referred.status).toBe(409);
  });

  it('refuse columns that the database writes by itself', async () => {
    for (const [name, value] of Object.entries({ id: '7', email_domain: 'evil', created_by: 1 })) {
      const [status, errors] = await failure({ email: 'mass@x', name: 'x', [name]: value });
      expect([status, errors]).toEqual([400, [{ field: name, code: 'additionalProperties', message: 'cannot be written' }]]);
    }
  });

  it('of several changes with one ETag that meet, one is made', async () => {
    const { headers, body } = await create('Customer');
    const locker = await service.pool.connect();
    await locker.query('BEGIN');
    await locker.query('SELECT 1 FROM shop.customers WHERE id = $1 FOR UPDATE', [body['id']]);
    const changes = ['a', 'b', 'c'].map(async (name) =>
      api.send(api.operation('patchCustomer'), String(headers['location']), { body: { name }, headers: { 'if-match': String(headers['etag']) } }),
    );
    await until(async () => {
      const { rows } = await service.pool.query<{ n: string }>(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      return rows[0]?.n === '3';
    });
    await locker.query('COMMIT');
    locker.release();
    const statuses = (await Promise.all(changes)).map((answer) => answer.status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 412, 412]);
  });
});

describe('lists', () => {
  const items = async (query: Record<string, string>, id = 'listPeople'): Promise<Record<string, unknown>[]> => {
    const answer = await api.call(id, { query });
    expect(answer.status, answer.text).toBe(200);
    return answer.body['items'] as Record<string, unknown>[];
  };

  it('filter with every operator', async () => {
    await service.pool.query('DELETE FROM shop."order_lines"');
    const tag = `t${++serial}`;
    const names = ['a,b', 'b%', 'B_', 'c'];
    for (const [i, name] of names.entries()) {
      await create('Customer', { name, tags: [tag, `n${i}`], settings: { tag, i }, updated_at: i === 0 ? null : '2026-01-01T00:00:00Z', balance: String(i), mood: i < 2 ? 'happy' : "it's ok" });
    }
    const found = async (query: Record<string, string>): Promise<unknown[]> =>
      (await items({ 'tags[contains]': tag, sort: 'balance', ...query }, 'listCustomers')).map((item) => item['name']);
    expect(await found({})).toEqual(names);
    expect(await found({ name: 'c' })).toEqual(['c']);
    expect(await found({ 'name[eq]': 'c' })).toEqual(['c']);
    expect(await found({ 'name[ne]': 'c' })).toEqual(['a,b', 'b%', 'B_']);
    expect(await found({ 'name[in]': 'a\\,b,c' })).toEqual(['a,b', 'c']);
    expect(await found({ 'name[like]': 'b%' })).toEqual(['b%']);
    expect(await found({ 'name[ilike]': 'b_' })).toEqual(['b%', 'B_']);
    expect(await found({ 'balance[gt]': '1' })).toEqual(['B_', 'c']);
    expect(await found({ 'balance[gte]': '1', 'balance[lt]': '3' })).toEqual(['b%', 'B_']);
    expect(await found({ 'balance[lte]': '0.5' })).toEqual(['a,b']);
    expect(await found({ mood: "it's ok" })).toEqual(['B_', 'c']);
    expect(await found({ 'mood[in]': "happy,it's ok", limit: '1' })).toEqual(['a,b']);
    expect(await found({ 'updated_at[is]': 'null' })).toEqual(['a,b']);
    expect(await found({ 'updated_at[is]': 'not-null' })).toEqual(['b%', 'B_', 'c']);
    expect(await found({ 'tags[overlaps]': 'n1,n3' })).toEqual(['b%', 'c']);
    expect(await found({ 'settings[contains]': '{"i":2}' })).toEqual(['B_']);
    expect(await found({ sort: '-balance', limit: '2' })).toEqual(['c', 'B_']);
  });

  it('give every filter of the document an answer, whatever its type', async () => {
    for (const operation of api.operations.filter((candidate) => candidate.id.startsWith('list') && !candidate.path.includes('{'))) {
      for (const parameter of operation.parameters.filter((candidate) => candidate.in === 'query')) {
        for (const value of some(['1', 'null', '2026-01-01'], 1)) {
          const answer = await api.call(operation.id, { query: { [parameter.name]: value } });
          expect([200, 400]).toContain(answer.status);
        }
      }
    }
  });

  it('cap the limit and refuse what is none', async () => {
    await service.pool.query("INSERT INTO shop.people SELECT n, 'many' FROM generate_series(10001, 10250) n");
    expect(await items({ limit: '999999999999999999999999' })).toHaveLength(200);
    expect(await items({})).toHaveLength(20);
    for (const limit of ['0', '-1', '1.5', 'x', '', '1e3', ' 1']) {
      expect((await api.call('listPeople', { query: { limit } })).status).toBe(400);
    }
    await service.pool.query('DELETE FROM shop.people');
  });

  it('refuse cursors that are none, are changed or belong to another sort', async () => {
    await service.pool.query("INSERT INTO shop.people SELECT n, 'x' FROM generate_series(20001, 20005) n");
    const cursor = String((await api.call('listPeople', { query: { limit: '2' } })).body['next_cursor']);
    const flipped = cursor.slice(0, -3) + (cursor.at(-3) === 'A' ? 'B' : 'A') + cursor.slice(-2);
    for (const query of [{ cursor: 'x' }, { cursor: '' }, { cursor: flipped }, { cursor, sort: '-id' }, { cursor: `${cursor}AAAA` }]) {
      expect((await api.call('listPeople', { query })).status).toBe(400);
    }
    expect((await service.app.inject(`/v1/people?limit=2&cursor=${cursor}&cursor=${cursor}`)).statusCode).toBe(400);
    await service.pool.query('DELETE FROM shop.people');
  });

  it.each(['id', '-id', 'headline', '-headline,id', 'headline,-id'])('page through all rows once while others are written: sort=%s', async (sort) => {
    await service.pool.query('TRUNCATE shop.news');
    await service.pool.query("INSERT INTO shop.news (id, headline) SELECT n * 10, 'h' || n % 7 FROM generate_series(1, 100) n");
    const seen: number[] = [];
    let cursor: string | undefined;
    let round = 0;
    do {
      const page = await api.call('listNews', { query: { sort, limit: '7', ...(cursor === undefined ? {} : { cursor }) } });
      seen.push(...(page.body['items'] as { id: number }[]).map((item) => item.id));
      const next = page.body['next_cursor'];
      cursor = typeof next === 'string' ? next : undefined;
      round++;
      await service.pool.query("INSERT INTO shop.news (id, headline) SELECT $1::integer * 1000 + n * 100 + 1, 'h' || n % 7 FROM generate_series(1, 5) n", [round]);
      await service.pool.query('DELETE FROM shop.news WHERE id = $1', [seen[0]]);
    } while (cursor !== undefined);
    expect(new Set(seen).size).toBe(seen.length);
    const old = seen.filter((id) => id % 10 === 0).toSorted((a, b) => a - b);
    expect(old).toEqual(Array.from({ length: 100 }, (_, i) => (i + 1) * 10));
  });

  it.each(['updated_at', '-updated_at', 'updated_at,-name', '-referred_by,updated_at'])('page through nulls: sort=%s', async (sort) => {
    const tag = `nulls${++serial}`;
    for (let i = 0; i < 9; i++) {
      await create('Customer', { tags: [tag], updated_at: i % 3 === 0 ? null : `2026-01-0${(i % 2) + 1}T00:00:00.000001Z` });
    }
    const order = sort
      .split(',')
      .map((term) => (term.startsWith('-') ? `${term.slice(1)} DESC` : term))
      .join(', ');
    const last = sort.split(',').at(-1)!.startsWith('-') ? 'id DESC' : 'id';
    const { rows } = await service.pool.query<{ id: string }>(`SELECT id FROM shop.customers WHERE tags @> ARRAY[$1] ORDER BY ${order}, ${last}`, [tag]);
    const seen: unknown[] = [];
    let cursor: Record<string, string> = {};
    for (;;) {
      const page = await api.call('listCustomers', { query: { sort, limit: '2', fields: 'id', 'tags[contains]': tag, ...cursor } });
      seen.push(...(page.body['items'] as { id: string }[]).map((item) => item.id));
      const next = page.body['next_cursor'];
      if (typeof next !== 'string') break;
      expect(String(page.headers['link'])).toMatch(/^<\/v1\/customers\?.*cursor=.*>; rel="next"$/);
      cursor = { cursor: next };
    }
    expect(seen).toEqual(rows.map((row) => row.id));
  });

  it('nest the rows that refer to one row', async () => {
    const { body } = await create('Customer');
    const id = String(body['id']);
    await create('Message', { sender_id: id, body: 'sent' });
    await create('Message', { recipient_id: id, body: 'received' });
    const nested = async (path: string): Promise<unknown> =>
      ((await service.app.inject(`/v1/customers/${id}/${path}`)).json<{ items: { body: string }[] }>()).items.map((item) => item.body);
    expect(await nested('messages-by-sender')).toEqual(['sent']);
    expect(await nested('messages-by-recipient')).toEqual(['received']);
    expect(await nested('customers-by-referred-by')).toEqual([]);
    const line = await create('OrderLineNote');
    const path = { order_id: String(line.body['order_id']), line_no: String(line.body['line_no']) };
    const notes = await api.call('listOrderLineNotesOfOrderLine', { path, query: { note: 'text' } });
    expect(notes.body['items']).toHaveLength(1);
    const label = await create('FileLabel');
    const digest = Buffer.from(String(label.body['file_digest']), 'base64').toString('base64url');
    expect((await api.call('listFileLabelsOfFile', { path: { digest } })).body['items']).toEqual([label.body]);
    expect((await api.call('listOrdersOfCustomer', { path: { id: '-1' } })).status).toBe(404);
    expect((await api.call('listOrdersOfCustomer', { path: { id: 'x' } })).status).toBe(400);
  });
});

describe('bad input', () => {
  const nasty = [
    "' OR 1=1 --",
    "'; DROP TABLE shop.people; --",
    '"',
    '$1',
    '\\',
    '%',
    '\u0000',
    '\ud800',
    '💚'.repeat(100),
    '__proto__',
    'constructor',
    '-9223372036854775809',
    '1e999',
    'NaN',
    'null',
    '{}',
    '[]',
    '../../etc/passwd',
    '',
  ];

  it('in paths is refused or finds nothing', async () => {
    for (const operation of api.operations.filter((candidate) => candidate.path.includes('{'))) {
      for (const text of some(nasty, 4)) {
        if (text === '' || text === '\ud800') continue;
        const path = Object.fromEntries(operation.parameters.filter((parameter) => parameter.in === 'path').map((parameter) => [parameter.name, text]));
        const answer = await api.call(operation.id, { path, ...(operation.body ? { body: {} } : {}) });
        expect([400, 404], `${operation.id} ${text}`).toContain(answer.status);
      }
    }
    expect((await service.app.inject('/v1/people/%00')).statusCode).toBe(400);
    expect((await service.app.inject('/v1/people/%zz')).statusCode).toBe(400);
    expect((await service.app.inject(`/v1/types/${'x'.repeat(5000)}`)).statusCode).toBeLessThan(500);
  });

  it('in queries is refused', async () => {
    for (const operation of api.operations.filter((candidate) => candidate.method === 'GET' && /^list[A-Za-z]+$/.test(candidate.id) && !candidate.path.includes('{'))) {
      for (const [i, parameter] of operation.parameters.entries()) {
        const own = ['limit', 'cursor', 'sort', 'fields'].includes(parameter.name);
        for (const text of own ? nasty : some(nasty, i % 3 === 0 ? 1 : 0)) {
          const answer = await api.call(operation.id, { query: { [parameter.name]: text } });
          expect([200, 400], `${operation.id} ${parameter.name}=${text}: ${answer.text}`).toContain(answer.status);
        }
      }
      for (const query of ['__proto__=1', 'toString[eq]=1', 'a[b][c]=1', 'id[eq', 'limit', '%', 'fields=&fields=', 'sort=,', "id';--=1"]) {
        expect((await service.app.inject(`${operation.path}?${query}`)).statusCode, query).toBe(400);
      }
    }
  });

  it('in bodies is refused', async () => {
    for (const operation of api.operations.filter((candidate) => candidate.body)) {
      const path = Object.fromEntries(operation.parameters.filter((parameter) => parameter.in === 'path').map((parameter) => [parameter.name, '00000000-0000-4000-8000-000000000000']));
      for (const body of ['', '{', '[]', 'null', '1', '"x"', '{"__proto__":{"a":1}}', '{"constructor":{"prototype":{"a":1}}}', '{"no such":1}', '['.repeat(50_000)]) {
        const answer = await api.call(operation.id, { body, path });
        expect([400, 404], `${operation.id} ${body.slice(0, 50)}: ${answer.text}`).toContain(answer.status);
      }
      for (const name of api.properties(operation.id)) {
        for (const value of some([...nasty, -1, 1.5, 1e300, true, [], {}, [['deep']], null, 'x'.repeat(20_000)], 3)) {
          const answer = await api.call(operation.id, { body: { ...api.body(operation.id, 'required'), [name]: value }, path });
          expect(answer.status, `${operation.id} ${name}=${JSON.stringify(value)?.slice(0, 80)}: ${answer.text}`).toBeLessThan(500);
        }
      }
    }
    expect(Object.hasOwn(Object.prototype, 'a')).toBe(false);
    await service.pool.query('SELECT 1 FROM shop.people');
  });

  it('of any media type or size is refused', async () => {
    const post = api.operation('createPerson');
    expect((await api.send(post, '/v1/people', { body: '<a/>', headers: { 'content-type': 'text/xml' } })).status).toBe(415);
    expect((await api.send(post, '/v1/people', { body: JSON.stringify({ id: 1, name: 'x'.repeat(1_100_000) }) })).status).toBe(413);
    expect((await api.send(post, '/v1/people')).status).toBe(400);
  });

  it('that is random never gives a 5xx', async () => {
    const lists = api.operations.filter((operation) => operation.id.startsWith('list'));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...lists),
        fc.array(fc.tuple(fc.nat(), fc.oneof(fc.constantFrom(...nasty), fc.string(), fc.integer().map(String)), fc.boolean()), { maxLength: 4 }),
        async (operation, choices) => {
          const named = operation.parameters.filter((parameter) => parameter.in === 'query');
          const query = Object.fromEntries(choices.map(([n, text, known]) => [known ? named[n % named.length]!.name : text, text]));
          const path = Object.fromEntries(operation.parameters.filter((parameter) => parameter.in === 'path').map((parameter) => [parameter.name, '1']));
          const answer = await api.call(operation.id, { query, path });
          expect(answer.status).toBeLessThan(500);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('operation', () => {
  it('answers health, readiness and metrics', async () => {
    expect((await api.call('health')).body).toEqual({ status: 'ok' });
    expect((await api.call('readiness')).body).toEqual({ status: 'ok' });
    const metrics = await api.call('metrics');
    expect(metrics.text).toMatch(/http_request_duration_seconds_count\{method="GET",route="\/v1\/people",status="200"\} \d+/);
    expect(metrics.text).toMatch(/database_connections\{state="idle"\} \d+/);
  });

  it('gives every request an id, the caller\'s if it can be one', async () => {
    expect((await service.app.inject({ url: '/healthz', headers: { 'x-request-id': 'abc-1' } })).headers['x-request-id']).toBe('abc-1');
    expect((await service.app.inject({ url: '/healthz', headers: { 'x-request-id': 'a b\u00e4' } })).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('serves extensions in a scope of their own', async () => {
    expect((await service.app.inject('/hello')).json()).toEqual({ hello: 'world' });
    expect((await service.app.inject({ method: 'POST', url: '/echo', payload: { a: 1 } })).json()).toEqual({ a: 1 });
    const fault = await service.app.inject('/fault');
    expect(fault.statusCode).toBe(500);
    expect(fault.body).not.toContain('secret');
  });

  it('answers 503 when the database is away or too slow, and 409 for what may be tried again', async () => {
    const away = await startInProcess({ folder, url: 'postgres://nobody@127.0.0.1:1/none' });
    expect((await away.app.inject('/v1/people')).statusCode).toBe(503);
    expect((await away.app.inject('/readyz')).statusCode).toBe(503);
    expect((await away.app.inject('/healthz')).statusCode).toBe(200);
    await away.close();

    const slow = await startInProcess({ folder, url, env: { STATEMENT_TIMEOUT_MS: '100', POOL_SIZE: '1', CONNECT_TIMEOUT_MS: '200' } });
    const { headers } = await create('Person');
    const locker = await service.pool.connect();
    await locker.query('BEGIN');
    await locker.query('SELECT 1 FROM shop.people FOR UPDATE');
    const location = String(headers['location']);
    const blocked = await slow.app.inject({ method: 'PATCH', url: location, payload: { name: 'y' } });
    expect(blocked.statusCode).toBe(503);
    expect(blocked.headers['retry-after']).toBe('1');
    await locker.query('ROLLBACK');
    locker.release();

    const only = await slow.pool.connect();
    expect((await slow.app.inject(location)).statusCode).toBe(503);
    only.release();
    await slow.close();
  });
});
