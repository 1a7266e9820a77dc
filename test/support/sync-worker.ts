import { systemClock } from '../../src/core/clock.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { isTransient } from '../../src/postgres/transient.ts';
import { retry } from '../../src/core/retry.ts';
import { build, setUp, type SyncSettings } from './sync-engine.ts';

/**
 * A sync worker as a process of its own, for tests that kill it: `sync-worker.ts '{"monolith": url,
 * "service": url, "settings": {…}}'`. Prints `running` when the streams are set up; ends on SIGTERM.
 */
interface WorkerInput {
  readonly monolith: string;
  readonly service: string;
  readonly settings: SyncSettings;
}

const { monolith, service, settings } = JSON.parse(process.argv[2] ?? '') as WorkerInput;
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
const ends = {
  monolith: { url: monolith, pool: createPool({ url: monolith }) },
  service: { url: service, pool: createPool({ url: service }) },
};
const { names } = await retry(() => setUp(ends, settings, { signal: stop.signal }), {
  clock: systemClock, signal: stop.signal, transient: isTransient,
});
process.stdout.write('running\n');
await build(ends, settings, names).run(stop.signal);
await Promise.all([ends.monolith.pool.end(), ends.service.pool.end()]);
