import { request } from 'undici';
import { afterEach, expect, it } from 'vitest';
import { routerFixture, type RouterFixture } from '../../test/support/route-fixture.ts';
import { MOST_ADAPTED } from './body-adapter.ts';

let fixture: RouterFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

const adapt = [{ from: '/api/users/{id}', to: '/v1/accounts/{id}', request: { user_name: 'name', 'address.zip': 'postcode' }, response: { name: 'user_name' } }];
const json = { 'content-type': 'application/json; charset=utf-8', cookie: 'uid=1', 'accept-encoding': 'gzip' };

interface Told {
  readonly body: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function put(body: string, headers: Record<string, string> = json): Promise<{ readonly status: number; readonly side: unknown; readonly text: string }> {
  const response = await request(`${fixture!.url}/api/users/1`, { method: 'PUT', headers, body });
  return { status: response.statusCode, side: response.headers['x-banyan-side'], text: await response.body.text() };
}

it('old clients keep their fields: renamed for the service, and back in its answer, and nothing else touched', async () => {
  fixture = await routerFixture({ rule: { percent: 100, adapt } });
  const answer = await put('{"user_name": "Ada", "address": {"zip": 12345678901234567890}}');
  const told = JSON.parse(answer.text) as Told;
  expect(told.body).toBe('{"name": "Ada", "address": {"postcode": 12345678901234567890}}');
  expect(told.path).toBe('/v1/accounts/1');
  expect(told.headers).toMatchObject({ 'content-length': String(told.body.length) });
  expect(told.headers['accept-encoding']).toBeUndefined();
  fixture.service.handler = (incoming, response) => {
    incoming.resume();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"na');
    setImmediate(() => response.end('me": 1.10, "é": 1}'));
  };
  expect((await put('{}')).text).toBe('{"user_name": 1.10, "é": 1}');
});

it('leaves the monolith’s requests, other types, and what is no JSON as they are', async () => {
  fixture = await routerFixture({ rule: { percent: 0, adapt } });
  const body = '{"user_name":1}';
  expect((JSON.parse((await put(body)).text) as Told).body).toBe(body);
  await fixture.router.shift('accounts', 100);
  expect((JSON.parse((await put(body, { ...json, 'content-type': 'text/plain' })).text) as Told).body).toBe(body);
  expect((JSON.parse((await put('{"user_name"')).text) as Told).body).toBe('{"user_name"');
});

it('a write that was certainly not sent goes to the monolith as the client wrote it', async () => {
  fixture = await routerFixture({ rule: { percent: 100, adapt } });
  await fixture.service.close();
  const answer = await put('{"user_name":1}');
  expect(answer.side).toBe('monolith');
  expect((JSON.parse(answer.text) as Told).body).toBe('{"user_name":1}');
});

it('refuses what is too long to be held, and breaks off nothing silently', async () => {
  fixture = await routerFixture({ rule: { percent: 100, adapt } });
  expect((await put(`{"a":"${'a'.repeat(MOST_ADAPTED)}"}`)).status).toBe(413);
  fixture.service.handler = (incoming, response) => {
    incoming.resume();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`"${'a'.repeat(MOST_ADAPTED)}"`);
  };
  expect((await put('{}')).status).toBe(502);
  fixture.service.handler = (incoming, response) => {
    incoming.resume();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"name":');
    setImmediate(() => response.destroy());
  };
  expect((await put('{}')).status).toBe(502);
});
