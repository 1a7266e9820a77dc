import { setMaxListeners } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isUnknown, type JournalEntry } from './journal-entry.ts';
import { Random } from './random.ts';
import { SimulatedUser } from './simulated-user.ts';

export interface WorkloadOptions {
  /** Where the shop answers: `http://host:port`. */
  readonly target: string;
  /** The file of the journal; lines are appended. */
  readonly journal: string;
  /** People at a time. Default 60. */
  readonly users?: number;
  /** Requests per second of all of them together, if the shop answers fast enough. Default 150. */
  readonly rate?: number;
  /** The same seed makes the same choices. Two runs on one database need different ones: names are unique per seed. Default 1. */
  readonly seed?: number;
  /** How long an answer is waited for, in milliseconds. Default 15000. */
  readonly timeoutMs?: number;
}

export interface WorkloadCounts {
  readonly requests: number;
  readonly writesAcknowledged: number;
  /** No answer, 5xx, or a refusal that was not provoked. */
  readonly failed: number;
}

export interface Workload {
  /** From now on requests go there; those in flight end where they are. */
  setTarget(url: string): void;
  counts(): WorkloadCounts;
  /** Lets the requests in flight end, closes the journal, and tells the totals. */
  stop(): Promise<WorkloadCounts>;
}

/** Starts people who use the shop, and the journal of what they were told. */
export function startWorkload(options: WorkloadOptions): Workload {
  const { users = 60, rate = 150, seed = 1, timeoutMs = 15_000 } = options;
  const file = openSync(options.journal, 'a');
  const counts = { requests: 0, writesAcknowledged: 0, failed: 0 };
  const stopping = new AbortController();
  // Every simulated user waits on it.
  setMaxListeners(0, stopping.signal);
  let target = options.target;

  // Written at once and whole, so that the journal is true even when this process is killed.
  const record = (entry: JournalEntry): void => {
    writeSync(file, `${JSON.stringify(entry)}\n`);
    counts.requests += 1;
    if (entry.write) counts.writesAcknowledged += 1;
    const refused = entry.status !== null && entry.status >= 400 && !entry.may?.includes(entry.status);
    if (isUnknown(entry.status) || refused) counts.failed += 1;
  };

  const running = Array.from({ length: users }, async (_, index) => {
    const random = new Random(seed * 100_003 + index);
    const pause = (users / rate) * 1000;
    let next = performance.now() + random.next() * pause;
    return new SimulatedUser({
      index,
      users,
      run: String(seed),
      random,
      client: { target: () => target, timeoutMs, record },
      turn: async () => {
        await pauseUntil(next, stopping.signal);
        next = Math.max(performance.now() - pause, next) + pause * (0.5 + random.next());
        return !stopping.signal.aborted;
      },
    }).run();
  });

  return {
    setTarget: (url) => {
      target = url;
    },
    counts: () => ({ ...counts }),
    stop: async () => {
      stopping.abort();
      await Promise.all(running);
      closeSync(file);
      return { ...counts };
    },
  };
}

async function pauseUntil(when: number, signal: AbortSignal): Promise<void> {
  const ms = when - performance.now();
  if (ms <= 0 || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

function isMessage(value: unknown): value is { type: string; url?: unknown } {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function runAsProcess(): void {
  const { values } = parseArgs({
    options: {
      target: { type: 'string' },
      journal: { type: 'string' },
      users: { type: 'string', default: '60' },
      rate: { type: 'string', default: '150' },
      seed: { type: 'string', default: '1' },
      timeout: { type: 'string', default: '15000' },
      duration: { type: 'string' },
    },
  });
  if (values.target === undefined || values.journal === undefined) {
    console.error('usage: workload.ts --target URL --journal FILE [--users N] [--rate N] [--seed N] [--timeout MS] [--duration S]');
    process.exit(2);
  }
  const workload = startWorkload({
    target: values.target,
    journal: values.journal,
    users: Number(values.users),
    rate: Number(values.rate),
    seed: Number(values.seed),
    timeoutMs: Number(values.timeout),
  });
  const tell = (message: object): void => {
    if (process.send && process.connected) process.send(message);
    else console.log(JSON.stringify(message));
  };
  const progress = setInterval(() => tell({ type: 'progress', ...workload.counts() }), 1000);

  let stopping = false;
  const end = async (): Promise<void> => {
    const done = { type: 'done', ...(await workload.stop()) };
    if (process.connected) await new Promise((resolve) => process.send?.(done, resolve));
    else console.log(JSON.stringify(done));
  };
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    clearInterval(progress);
    end().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on('message', (message: unknown) => {
    if (!isMessage(message)) return;
    if (message.type === 'target' && typeof message.url === 'string') workload.setTarget(message.url);
    if (message.type === 'stop') stop();
  });
  process.on('disconnect', stop);
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  if (values.duration !== undefined) setTimeout(stop, Number(values.duration) * 1000);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) runAsProcess();
