/** Banyan's half of `bench/sync.ts`: one service's bidirectional sync in a process of its own, told what to do over IPC. */
import { PostgresMarkStore } from '../src/state/mark-store.ts';
import { buildServiceSync, catchUpOf } from '../src/app/build-sync.ts';
import { systemClock } from '../src/core/clock.ts';
import { messageOf } from '../src/core/errors.ts';
import { silentLogger } from '../src/core/logger.ts';
import { noMetrics } from '../src/core/metrics.ts';
import { parseTableName } from '../src/model/names.ts';
import { createPool } from '../src/postgres/connect.ts';
import { setUpStreams, type SetupResult } from '../src/postgres/stream-setup.ts';
import { ConflictResolver } from '../src/sync/conflict.ts';
import { directionsOf } from '../src/sync/service-sync.ts';

export interface WorkerSettings {
  readonly service: string;
  readonly monolith: string;
  readonly service_: string;
  readonly tables: readonly string[];
  readonly batchRows: number;
}

/** `open` comes first; then `setup` (copies), and `start` and `stop` as often as wanted. */
export type WorkerCommand =
  | { readonly do: 'open'; readonly settings: WorkerSettings }
  | { readonly do: 'setup' | 'start' | 'stop' | 'quit' };

export type WorkerAnswer = { readonly done: string; readonly ms: number; readonly conflicts: number } | { readonly failed: string };

let settings: WorkerSettings;
let ends: Record<'monolith' | 'service', { url: string; pool: ReturnType<typeof createPool> }>;
let streams: SetupResult | undefined;
let stop = new AbortController();
let running: Promise<void> | undefined;
let conflicts = 0;

async function setUp(): Promise<SetupResult> {
  return setUpStreams({
    service: settings.service, ends, pairs: pairs(), directions: directionsOf('bidirectional'),
    signal: new AbortController().signal, afterCopy: async () => {}, ...catchUpOf(parts()),
  });
}

const pairs = () => settings.tables.map((name) => ({ monolith: parseTableName(name), service: parseTableName(name) }));

const parts = () => ({
  service: settings.service, ends, pairs: pairs(),
  sync: { mode: 'bidirectional' as const, heartbeatMs: 1000, batch: { maxRows: settings.batchRows } },
  resolver: new ConflictResolver({ clock: systemClock, default: 'last-write-wins' }),
  clock: systemClock, logger: silentLogger, metrics: noMetrics,
});

function start(): void {
  if (!streams) throw new Error('not set up');
  stop = new AbortController();
  // What incremental validation costs the streams: BENCH_MARKS=1, and the state database is the left one.
  const store = process.env['BENCH_MARKS'] === '1' ? new PostgresMarkStore({ pool: ends.monolith.pool }) : undefined;
  const sync = buildServiceSync({ ...parts(), names: streams.names, ...(store ? { marks: { store } } : {}) });
  const { signal } = stop;
  running = Promise.resolve(store?.install())
    .then(() => sync.run(signal))
    .then(() => {
      for (const counts of sync.status().values()) conflicts += counts.conflicts + counts.quarantined;
    })
    .catch((error: unknown) => answer({ failed: messageOf(error) }));
}

const answer = (message: WorkerAnswer): void => void process.send?.(message);

process.on('message', (command: WorkerCommand) => {
  void (async () => {
    const from = performance.now();
    if (command.do === 'open') {
      settings = command.settings;
      const end = (url: string) => ({ url, pool: createPool({ url }) });
      ends = { monolith: end(settings.monolith), service: end(settings.service_) };
    } else if (command.do === 'setup') {
      streams = await setUp();
    } else if (command.do === 'start') {
      start();
    } else {
      stop.abort();
      await running;
      running = undefined;
      if (command.do === 'quit') await Promise.all([ends.monolith.pool.end(), ends.service.pool.end()]);
    }
    answer({ done: command.do, ms: performance.now() - from, conflicts });
    if (command.do === 'quit') process.disconnect();
  })().catch((error: unknown) => answer({ failed: messageOf(error) }));
});
