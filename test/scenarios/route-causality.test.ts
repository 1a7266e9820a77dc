import { Agent, request } from 'undici';
import { afterEach, expect, it } from 'vitest';
import type { Side } from '../../src/model/side.ts';
import type { Position } from '../../src/model/position.ts';
import type { Fence } from '../../src/ports/fence.ts';
import { TrafficRouter, type TrafficRouterOptions } from '../../src/route/router.ts';
import { fakeUpstream, until, type FakeUpstream } from '../support/route-fixture.ts';

/**
 * Two databases that follow each other with a delay. A value is a user's counter; a write adds one to
 * what *this* side knows, so a write on a side that is behind shows as a number that was given before.
 */
class Replicated {
  readonly #values: Record<Side, Map<string, number>> = { monolith: new Map(), service: new Map() };
  readonly #log: Record<Side, number> = { monolith: 0, service: 0 };
  readonly #applied: Record<Side, number> = { monolith: 0, service: 0 };
  readonly #queue: Record<Side, { readonly key: string; readonly value: number; readonly at: number }[]> = { monolith: [], service: [] };
  readonly #delayMs: number;

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  read(side: Side, key: string): number {
    return this.#values[side].get(key) ?? 0;
  }

  write(side: Side, key: string): number {
    const value = this.read(side, key) + 1;
    this.#values[side].set(key, value);
    this.append(side, key, value);
    return value;
  }

  append(side: Side, key: string, value: number): number {
    const position = ++this.#log[side];
    this.#queue[side].push({ key, value, at: position });
    setTimeout(() => {
      this.#apply(side);
    }, this.#delayMs * (0.2 + Math.random()));
    return position;
  }

  /** The oldest change of the side reaches the other: never out of order. */
  #apply(side: Side): void {
    const change = this.#queue[side].shift();
    if (!change) return;
    const other = this.#values[side === 'monolith' ? 'service' : 'monolith'];
    if (change.key !== '') other.set(change.key, Math.max(change.value, other.get(change.key) ?? 0));
    this.#applied[side] = change.at;
  }

  readonly fence: Fence = {
    place: async ({ side }) => BigInt(this.append(side, '', 0)) as Position,
    passed: async ({ side, position, timeoutMs }) => {
      const deadline = performance.now() + timeoutMs;
      while (this.#applied[side] < Number(position)) {
        if (performance.now() > deadline) return false;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      return true;
    },
  };
}

const sides: FakeUpstream[] = [];
let router: TrafficRouter | undefined;
afterEach(async () => {
  await router?.close();
  for (const side of sides.splice(0)) await side.close();
});

interface Outcome {
  readonly requests: number;
  readonly failed: string[];
  readonly stale: string[];
  /** Requests that each side answered on the service's paths. */
  readonly served: Readonly<Record<Side, number>>;
}

interface Scene {
  readonly router: TrafficRouter;
  /** The service answers 500 while this is on. */
  readonly broken: { on: boolean };
  /** Resolves when this many more requests on the service's paths have been answered. */
  readonly answered: (requests: number) => Promise<void>;
}

/** Runs users against a router while `script` changes things; gives what the users' journal says. */
async function live(options: {
  readonly router: Partial<TrafficRouterOptions>;
  readonly percent?: number;
  readonly users: number;
  readonly delayMs?: number;
  readonly script: (scene: Scene) => Promise<void>;
}): Promise<Outcome> {
  const data = new Replicated(options.delayMs ?? 25);
  const broken = { on: false };
  const handler = (side: Side): FakeUpstream['handler'] => (incoming, response) => {
    incoming.resume();
    if (side === 'service' && broken.on) {
      response.writeHead(500).end();
      return;
    }
    const key = String(incoming.headers['x-user']);
    const value = incoming.method === 'POST' ? data.write(side, key) : data.read(side, key);
    response.end(String(value));
  };
  const [monolith, service] = [await fakeUpstream('monolith'), await fakeUpstream('service')];
  sides.push(monolith, service);
  monolith.handler = handler('monolith');
  service.handler = handler('service');
  router = new TrafficRouter({ key: [{ header: 'x-user' }], fence: data.fence, warmUpRequests: 0, ...options.router });
  await router.addRoute(
    { service: 'accounts', percent: options.percent ?? 0, match: [{ path: '/api/users/**' }], triggers: [], breaker: { failures: 3, openMs: 100 } },
    { monolith: monolith.url, service: service.url },
  );
  const { port } = await router.listen('127.0.0.1:0');
  const clients = new Agent({ connections: options.users });
  const going = { on: true };
  const failed: string[] = [];
  const stale: string[] = [];
  const served = { monolith: 0, service: 0 };
  let requests = 0;
  const user = async (n: number): Promise<void> => {
    let known = 0;
    while (going.on) {
      const method = Math.random() < 0.4 ? 'POST' : 'GET';
      const path = Math.random() < 0.5 ? '/api/users/me' : '/orders';
      const response = await request(`http://127.0.0.1:${port}${path}`, { method, headers: { 'x-user': `u${n}` }, dispatcher: clients });
      const text = await response.body.text();
      requests++;
      const side = String(response.headers['x-banyan-side']) as Side;
      if (path !== '/orders') served[side]++;
      if (response.statusCode !== 200) {
        failed.push(`${method} ${path} on ${side}: ${response.statusCode}`);
        continue;
      }
      const value = Number(text);
      const expected = method === 'POST' ? known + 1 : known;
      if (value !== expected) stale.push(`u${n} ${method} ${path} on ${side}: ${value} instead of ${expected}`);
      known = Math.max(known, value);
    }
  };
  const users = Promise.all(Array.from({ length: options.users }, (_, n) => user(n)));
  const answered = async (more: number): Promise<void> => {
    const enough = served.monolith + served.service + more;
    await until(() => served.monolith + served.service >= enough, `${more} more requests to be answered`);
  };
  try {
    await options.script({ router, broken, answered });
  } finally {
    going.on = false;
    await users;
    await clients.close();
  }
  return { requests, failed, stale, served };
}

const upAndDown = async ({ router, answered }: Scene): Promise<void> => {
  for (const percent of [1, 5, 25, 50, 100, 60, 100, 0, 50, 0]) {
    expect(await router.shift('accounts', percent)).toMatchObject({ state: 'done' });
    await answered(100);
  }
};

it('nobody reads the past, on any path, while users are moved up and down', async () => {
  const { requests, failed, stale, served } = await live({ router: {}, users: 24, script: upAndDown });
  expect(failed).toEqual([]);
  expect(stale).toEqual([]);
  expect(requests).toBeGreaterThan(1000);
  expect(served.service).toBeGreaterThan(0);
  expect(served.monolith).toBeGreaterThan(0);
});

it('nobody reads the past when the monolith stands in for a failing service, and after', async () => {
  const { failed, stale, served } = await live({
    router: {},
    percent: 100,
    users: 12,
    script: async ({ router, broken, answered }) => {
      await answered(100);
      broken.on = true;
      await until(() => router.status().routes[0]?.breaker !== 'closed', 'the breaker to open');
      await answered(300);
      expect(await router.rollback('accounts')).toMatchObject({ state: 'done' });
      broken.on = false;
      await answered(150);
      expect(await router.shift('accounts', 100)).toMatchObject({ state: 'done' });
      await answered(200);
    },
  });
  expect(stale).toEqual([]);
  // Only writes that reached the broken service, until its breaker opened.
  expect(failed.every((line) => line === 'POST /api/users/me on service: 500')).toBe(true);
  expect(served.monolith).toBeGreaterThan(0);
});

it('would find users who read the past: with a fence that passes at once, some do', async () => {
  const passes: Fence = { place: async () => 1n as Position, passed: async () => true };
  const { stale } = await live({ router: { fence: passes }, users: 24, delayMs: 100, script: upAndDown });
  expect(stale.length).toBeGreaterThan(0);
});
