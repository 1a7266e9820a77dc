import { spawnSync } from 'node:child_process';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Side } from '../../src/model/side.ts';
import type { Random } from '../simulation/random.ts';
import type { ChaosPair } from './chaos-pair.ts';
import type { SyncProcess } from './sync-process.ts';

/** Workers that share the streams while nothing is wrong. */
export const WORKERS = 2;
const LARGE_ROWS = 15_000;

/** What goes wrong, and comes right again before it resolves. */
type Fault = (pair: ChaosPair, random: Random) => Promise<void>;

const sides: readonly Side[] = ['monolith', 'service'];
const someTime = (random: Random, from: number, to: number): Promise<void> => delay(from + random.below(to - from));

async function crash(pair: ChaosPair, side: Side, how: 'immediate' | 'kill', awayMs: number): Promise<void> {
  const { server } = pair.ends[side];
  await (how === 'kill' ? server.kill() : server.stop('immediate'));
  await delay(awayMs);
  await server.start();
}

async function frozen(worker: SyncProcess, ms: number): Promise<void> {
  worker.freeze();
  await delay(ms);
  worker.wake();
}

/** A transaction that has to be spooled, while the directory takes nothing. */
async function withLarge(pair: ChaosPair, random: Random): Promise<void> {
  for (let attempt = 0; attempt < 5 && !(await pair.journal.large(random.pick(sides), LARGE_ROWS)); attempt++);
  await someTime(random, 500, 3000);
}

export const FAULTS: Readonly<Record<string, Fault>> = {
  'worker-killed': async (pair, random) => {
    await pair.kill(await pair.holder());
    await someTime(random, 0, 3000);
    pair.keepWorkers(WORKERS);
  },
  'all-workers-killed': async (pair, random) => {
    await Promise.all([...pair.workers].map((worker) => pair.kill(worker)));
    await someTime(random, 0, 2000);
    pair.keepWorkers(WORKERS);
  },
  // Shorter and longer than a lease lives.
  'worker-frozen': async (pair, random) => frozen(await pair.holder(), 500 + random.below(7000)),
  'worker-stopped': async (pair) => {
    await pair.stop(await pair.holder());
    pair.keepWorkers(WORKERS);
  },
  'worker-added': async (pair, random) => {
    pair.addWorker();
    await someTime(random, 2000, 4000);
    const oldest = pair.workers[0];
    if (oldest) await pair.stop(oldest);
    pair.keepWorkers(WORKERS);
  },
  'monolith-immediate': (pair, random) => crash(pair, 'monolith', 'immediate', random.below(2000)),
  'service-immediate': (pair, random) => crash(pair, 'service', 'immediate', random.below(2000)),
  'monolith-killed': (pair, random) => crash(pair, 'monolith', 'kill', random.below(2000)),
  'service-killed': (pair, random) => crash(pair, 'service', 'kill', random.below(2000)),
  'both-immediate': async (pair, random) => {
    await Promise.all(sides.map((side) => crash(pair, side, 'immediate', random.below(3000))));
  },
  'both-killed-with-workers': async (pair, random) => {
    const workers = [...pair.workers];
    await Promise.all([...workers.map((worker) => pair.kill(worker)), ...sides.map((side) => crash(pair, side, 'kill', random.below(1000)))]);
    pair.keepWorkers(WORKERS);
  },
  'sessions-ended': async (pair, random) => {
    const side = random.pick(sides);
    await pair.ends[side].pool.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'banyan%'").catch(() => {});
  },
  'link-cut': async (pair, random) => {
    const { proxy } = pair.ends[random.pick(sides)];
    for (let i = 0; i < 3; i++) {
      proxy.cut();
      await someTime(random, 0, 400);
    }
  },
  // Longer than a link may be silent.
  'link-frozen': async (pair, random) => {
    const { proxy } = pair.ends[random.pick(sides)];
    proxy.freeze();
    await someTime(random, 1000, 6000);
    proxy.thaw();
  },
  'link-dead': async (pair, random) => {
    pair.ends[random.pick(sides)].proxy.freezeOpen();
    await someTime(random, 1000, 3000);
  },
  'link-slow': async (pair, random) => {
    const { proxy } = pair.ends[random.pick(sides)];
    proxy.slow(20 + random.below(60));
    await someTime(random, 2000, 4000);
    proxy.slow(0);
  },
  'commit-unanswered': async (pair, random) => {
    pair.ends[random.pick(sides)].proxy.loseAnswerTo(/COMMIT/);
    await someTime(random, 500, 1500);
  },
  'large-transaction': withLarge,
  'spool-away': async (pair, random) => {
    // As root, permissions keep nobody out.
    await rename(pair.spool, `${pair.spool}.away`);
    await writeFile(pair.spool, '');
    await withLarge(pair, random);
    await rm(pair.spool);
    await rename(`${pair.spool}.away`, pair.spool);
  },
  // As `spool-away` where no small disk could be mounted.
  'spool-full': async (pair, random) => {
    if (!pair.smallDisk) return FAULTS['spool-away']?.(pair, random);
    const filler = join(pair.spool, 'filler');
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k']);
    await withLarge(pair, random);
    await rm(filler);
  },
};
