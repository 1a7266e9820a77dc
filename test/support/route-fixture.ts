import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Side } from '../../src/model/side.ts';
import type { Position } from '../../src/model/position.ts';
import type { Fence } from '../../src/ports/fence.ts';
import { TrafficRouter, type TrafficRouterOptions } from '../../src/route/router.ts';
import type { RouteRule } from '../../src/route/service-route.ts';

/** An HTTP server on loopback that says who it is and counts what it got. */
export interface FakeUpstream {
  readonly url: string;
  readonly server: http.Server;
  /** Requests seen, as `METHOD path`. */
  readonly seen: string[];
  /** Replaces what it answers; back to normal with null. */
  handler: http.RequestListener | null;
  close(): Promise<void>;
}

export async function fakeUpstream(name: string, options: http.ServerOptions = {}): Promise<FakeUpstream> {
  const seen: string[] = [];
  const server = http.createServer(options, (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    if (upstream.handler) {
      upstream.handler(request, response);
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          side: name,
          method: request.method,
          path: request.url,
          headers: request.headers,
          body: Buffer.concat(chunks).toString('latin1'),
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const upstream: FakeUpstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    seen,
    handler: null,
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      });
    },
  };
  return upstream;
}

/** A fence that passes when it is told to; at once by default. */
export class FakeFence implements Fence {
  readonly placed: { readonly side: Side; readonly position: bigint }[] = [];
  /** Positions up to which each side has been applied by the other. */
  applied: Record<Side, bigint> = { monolith: 1_000_000n, service: 1_000_000n };
  placeError: Error | null = null;
  #next = 0n;
  readonly #waiting = new Set<() => void>();

  async place(options: { readonly side: Side }): Promise<Position> {
    if (this.placeError) throw this.placeError;
    const position = ++this.#next;
    this.placed.push({ side: options.side, position });
    return position as Position;
  }

  async passed(options: {
    readonly side: Side;
    readonly position: Position;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  }): Promise<boolean> {
    const deadline = performance.now() + options.timeoutMs;
    while (this.applied[options.side] < options.position) {
      const left = deadline - performance.now();
      if (left <= 0 || options.signal?.aborted) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left + 1, 50));
        const wake = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
    return true;
  }

  /** The stream of this side stands still from now on. */
  stall(side: Side): void {
    this.applied[side] = this.#next;
  }

  /** Everything placed or to be placed on the side is applied. */
  flow(side: Side): void {
    this.applied[side] = 1_000_000n;
    for (const wake of this.#waiting) wake();
  }
}

export interface RouterFixture {
  readonly router: TrafficRouter;
  readonly url: string;
  readonly port: number;
  readonly monolith: FakeUpstream;
  readonly service: FakeUpstream;
  readonly fence: FakeFence;
  close(): Promise<void>;
}

/** A router for `accounts` (/api/users/**, /login) between two fake upstreams. */
export async function routerFixture(
  options: Partial<TrafficRouterOptions> & { readonly rule?: Partial<RouteRule>; readonly withFence?: boolean } = {},
): Promise<RouterFixture> {
  const { rule, withFence = true, ...rest } = options;
  const monolith = await fakeUpstream('monolith');
  const service = await fakeUpstream('service');
  const fence = new FakeFence();
  const router = new TrafficRouter({
    key: [{ cookie: 'uid' }, { header: 'x-user-id' }],
    warmUpRequests: 0,
    ...(withFence ? { fence } : {}),
    ...rest,
  });
  await router.addRoute(
    {
      service: 'accounts',
      match: [{ path: '/api/users/**' }, { path: '/login' }],
      triggers: [],
      ...rule,
    },
    { monolith: monolith.url, service: service.url },
  );
  const { port } = await router.listen('127.0.0.1:0');
  return {
    router,
    url: `http://127.0.0.1:${port}`,
    port,
    monolith,
    service,
    fence,
    close: async () => {
      await router.close({ drainMs: 2000 });
      await monolith.close();
      await service.close();
    },
  };
}

/** Resolves when the condition holds; fails when it does not within 10 seconds. */
export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} did not come true`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
