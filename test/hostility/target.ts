import { TrafficRouter, type TrafficRouterOptions } from '../../src/route/router.ts';
import type { Target } from './campaign.ts';
import { accessLog, observingUpstream } from './observed.ts';

/** The real router in front of an upstream that writes down what it is sent; impatient, so that nothing takes long. */
export async function routerUnderAttack(options: Partial<TrafficRouterOptions> = {}): Promise<Target & { close(): Promise<void> }> {
  const upstream = await observingUpstream();
  const { logger, taken } = accessLog();
  const router = new TrafficRouter({
    key: [{ header: 'x-user-id' }], warmUpRequests: 0, accessLog: true, logger,
    limits: { headersMs: 300, requestMs: 600, idleMs: 300 },
    ...options,
  });
  await router.addRoute({ service: 'accounts', percent: 50, match: [{ path: '/f/**' }], triggers: [] }, { monolith: upstream.url, service: upstream.url });
  const { port } = await router.listen('127.0.0.1:0');
  return {
    port, upstream, taken,
    close: async () => {
      await router.close({ drainMs: 0 });
      await upstream.close();
    },
  };
}
