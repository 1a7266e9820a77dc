/** One router of `bench/route-routers.ts`, in a process of its own: says its port, and ends with its parent. */
import { systemClock } from '../src/core/clock.ts';
import { silentLogger } from '../src/core/logger.ts';
import type { Position } from '../src/model/position.ts';
import { createPool } from '../src/postgres/connect.ts';
import { TrafficRouter } from '../src/route/router.ts';
import { PostgresRouteStore } from '../src/state/route-store.ts';

const [url = '', instance = '', monolith = '', service = ''] = process.argv.slice(2);
const pool = createPool({ url, max: 5, applicationName: 'bench' });
let position = 0n;
const fence = { place: async () => ++position as Position, passed: async () => true };
const store = new PostgresRouteStore({ pool, clock: systemClock });
const router = new TrafficRouter({ key: [{ cookie: 'uid' }], fence, store, instance, logger: silentLogger, warmUpRequests: 200 });
await router.addRoute({ service: 'accounts', match: [{ path: '/api/users/**' }], triggers: [] }, { monolith, service });
const { port } = await router.listen('127.0.0.1:0');
process.send?.({ port });
process.on('disconnect', () => {
  void router.close({ drainMs: 0 }).then(() => pool.end());
});
