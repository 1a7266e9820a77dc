/** Banyan's half of `bench/large.ts`: a worker as users run it, that tells its peak of memory when it is stopped. */
import { buildServiceSync, catchUpOf } from '../src/app/build-sync.ts';
import { systemClock } from '../src/core/clock.ts';
import { silentLogger } from '../src/core/logger.ts';
import { noMetrics } from '../src/core/metrics.ts';
import { parseTableName } from '../src/model/names.ts';
import { createPool } from '../src/postgres/connect.ts';
import { setUpStreams } from '../src/postgres/stream-setup.ts';
import { ConflictResolver } from '../src/sync/conflict.ts';
import { directionsOf } from '../src/sync/service-sync.ts';

const [monolith = '', service = '', spoolDirectory = ''] = process.argv.slice(2);
const ends = { monolith: { url: monolith, pool: createPool({ url: monolith }) }, service: { url: service, pool: createPool({ url: service }) } };
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());

let heap = 0;
let external = 0;
const sampling = setInterval(() => {
  const memory = process.memoryUsage();
  heap = Math.max(heap, memory.heapUsed);
  external = Math.max(external, memory.external + memory.arrayBuffers);
}, 100);

const pairs = [{ monolith: parseTableName('item'), service: parseTableName('item') }];
const parts = {
  service: 'shop', ends, pairs,
  sync: {
    mode: 'bidirectional' as const, heartbeatMs: 1000, batch: { maxRows: 2000 },
    memory: { transactionRows: 10_000, transactionMb: 16, queueRows: 10_000, queueMb: 32, spoolDirectory },
  },
  resolver: new ConflictResolver({ clock: systemClock, default: 'last-write-wins' }),
  clock: systemClock, logger: silentLogger, metrics: noMetrics,
};
const { names } = await setUpStreams({
  service: 'shop', ends, pairs, directions: directionsOf('bidirectional'), signal: stop.signal, afterCopy: async () => {}, ...catchUpOf(parts),
});
process.stdout.write('running\n');
const sync = buildServiceSync({ ...parts, names });
await sync.run(stop.signal);
clearInterval(sampling);
const counts = [...sync.status().values()];
process.stdout.write(`${JSON.stringify({
  heap, external, rss: process.resourceUsage().maxRSS * 1024,
  conflicts: counts.reduce((sum, each) => sum + each.conflicts, 0), quarantined: counts.reduce((sum, each) => sum + each.quarantined, 0),
})}\n`);
await Promise.all([ends.monolith.pool.end(), ends.service.pool.end()]);
