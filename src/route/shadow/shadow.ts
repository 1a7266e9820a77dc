import { setMaxListeners } from 'node:events';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Metrics } from '../../core/metrics.ts';
import { otherSide, type Side } from '../../model/side.ts';
import { withLength } from '../body-adapter.ts';
import { bucketsOf, BUCKETS } from '../decide.ts';
import type { Upstream } from '../upstream.ts';
import { xxh32 } from '../xxh32.ts';
import { askSide, type TimedAnswer } from './ask.ts';
import type { DifferenceGroup, ShadowExample } from './findings.ts';
import { Judge } from './judge.ts';
import { ShadowLatency, type LatencyStatus } from './latency.ts';
import type { NoiseStatus } from './noise.ts';
import { compileRules, type CompareOptions } from './rules.ts';
import { promiseHeader, WriteCopy, type ShadowWrites } from './write-copy.ts';

export interface ShadowOptions extends CompareOptions {
  /** Share of safe requests, in percent, that are asked of the other side too. */
  readonly percent: number;
  /** Of these, the share in percent for which one side is asked twice, to learn where its own answers differ. Default 10. */
  readonly sameSidePercent?: number;
  /** Most comparisons waiting; more are left out and counted. Default 64. */
  readonly queue?: number;
  /** Comparisons at once. Default 4. */
  readonly concurrency?: number;
  /** Answers longer than this many bytes are compared by status and headers only. Default 65,536. */
  readonly maxBodyBytes?: number;
  /** For a whole answer, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /** After so many milliseconds a difference is looked at again. Default 1,100: longer than sync takes, and than a clock's second. */
  readonly settleMs?: number;
  /** The same share of writes, of sides that promise not to carry them out. Default: never. */
  readonly writes?: ShadowWrites;
}

export interface ShadowStatus {
  readonly percent: number;
  /** Whether writes are compared, and by what promise. */
  readonly writes: ShadowWrites['mode'] | 'never';
  readonly compared: number;
  readonly equal: number;
  /** Learned noise is none. */
  readonly different: number;
  /** Left out because the queue was full. */
  readonly skipped: number;
  /** A side gave no answer. */
  readonly failed: number;
  /** How often two answers of one side were compared, to learn what is noise. */
  readonly sameSide: number;
  readonly noise: readonly NoiseStatus[];
  /** The most frequent first, 200 at most. */
  readonly differences: readonly DifferenceGroup[];
  /** The first ten requests whose answers differed. */
  readonly examples: readonly ShadowExample[];
  readonly latency: LatencyStatus;
}

/** A request that the user has been answered, to be asked again. */
export interface ShadowRequest {
  readonly id: string;
  readonly method: string;
  /** The path (with query) as each side wants it. */
  readonly paths: Readonly<Record<Side, string>>;
  readonly headers: readonly string[];
  readonly primarySide: Side;
}

/** Quantiles of so many answers cost a little: they are told after so many comparisons. */
const GAUGED_EVERY = 20;

/** A write that the user has been answered, to be sent to the other side once. */
export interface ShadowWrite extends ShadowRequest {
  readonly copy: WriteCopy;
  /** What the other side is sent of the body: its fields may have other names there. */
  readonly bodyFor: (body: Buffer) => Buffer;
}

type Result = 'compared' | 'equal' | 'different' | 'skipped' | 'failed';

/**
 * Asks the other side what one side has answered already, and compares. It never touches the user's own request: it
 * starts when that is over, with connections of its own, and what finds no room in the queue is left out.
 *
 * The primary side is asked again together with the shadow, so both answers are of the same moment and the user's
 * answer needs no copy in memory.
 */
export class Shadow {
  readonly #limits: Required<Pick<ShadowOptions, 'percent' | 'queue' | 'concurrency' | 'maxBodyBytes' | 'timeoutMs' | 'settleMs'>>;
  readonly #upstreams: Readonly<Record<Side, Upstream>>;
  readonly #service: string;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #judge: Judge;
  readonly #latency: ShadowLatency;
  readonly #closing = new AbortController();
  readonly #writes: ShadowWrites | undefined;
  readonly #queue: (() => Promise<void>)[] = [];
  /** Those that go on before the queue. */
  readonly #settled: (() => void)[] = [];
  readonly #counts: Record<Result, number> = { compared: 0, equal: 0, different: 0, skipped: 0, failed: 0 };
  #running = 0;
  #copies = 0;
  #settling = 0;

  constructor(
    options: ShadowOptions & {
      readonly service: string;
      readonly upstreams: Readonly<Record<Side, Upstream>>;
      readonly clock: Clock;
      readonly metrics: Metrics;
      readonly logger: Logger;
    },
  ) {
    const { percent, queue = 64, concurrency = 4, maxBodyBytes = 65_536, timeoutMs = 10_000, settleMs = 1100, sameSidePercent = 10 } = options;
    this.#limits = { percent, queue, concurrency, maxBodyBytes, timeoutMs, settleMs };
    // Every answer that is awaited listens; that is no leak.
    setMaxListeners(0, this.#closing.signal);
    this.#upstreams = options.upstreams;
    this.#writes = options.writes;
    this.#service = options.service;
    this.#clock = options.clock;
    this.#metrics = options.metrics;
    this.#logger = options.logger;
    this.#latency = new ShadowLatency(options.clock);
    this.#judge = new Judge({ rules: compileRules(options), clock: options.clock, sameSidePercent });
  }

  /** Whether the request with this id is in the sample; the same id always gives the same answer. */
  samples(requestId: string): boolean {
    const { percent } = this.#limits;
    return percent > 0 && !this.#closed && xxh32(requestId, 1) % BUCKETS < bucketsOf(percent);
  }

  /** How many answers were compared and how many differed, without what is noise. */
  get counts(): { readonly compared: number; readonly different: number } {
    return this.#counts;
  }

  status(): ShadowStatus {
    const { noise, findings, sameSidePairs } = this.#judge;
    const isNoise = (endpoint: string, key: string): boolean => noise.has(endpoint, key);
    return {
      percent: this.#limits.percent,
      writes: this.#writes?.mode ?? 'never',
      ...this.#counts,
      sameSide: sameSidePairs,
      noise: noise.status(),
      differences: findings.groups(isNoise),
      examples: findings.examples,
      latency: this.#latency.status,
    };
  }

  offer(request: ShadowRequest): void {
    this.#enqueue(async () => this.#compare(request));
  }

  /** What a write may be kept in while it is the user's; undefined: it is not to be copied. */
  copyOf(requestId: string): WriteCopy | undefined {
    if (!this.#writes || !this.samples(requestId)) return undefined;
    if (this.#copies >= this.#limits.queue) {
      this.#count('skipped');
      return undefined;
    }
    this.#copies++;
    return new WriteCopy(this.#limits.maxBodyBytes, () => this.#copies--);
  }

  /** Sends the other side a copy of a write, once, if that side has promised not to carry it out. */
  offerWrite(write: ShadowWrite): void {
    const { sides = ['service'] } = this.#writes ?? { sides: [] };
    if (!sides.includes(otherSide(write.primarySide))) return;
    const body = write.copy.body;
    if (body === null) this.#count('skipped');
    else this.#enqueue(async () => this.#compareWrite(write, body));
  }

  #enqueue(job: () => Promise<void>): void {
    if (this.#closed) return;
    if (this.#queue.length + this.#settling >= this.#limits.queue) {
      this.#count('skipped');
      return;
    }
    this.#queue.push(job);
    this.#next();
  }

  /** Takes no more, and forgets what waits. */
  close(): void {
    this.#closing.abort();
    this.#queue.length = 0;
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  #next(): void {
    while (this.#running < this.#limits.concurrency) {
      const resume = this.#settled.shift();
      const job = resume ? undefined : this.#queue.shift();
      if (!resume && !job) return;
      this.#running++;
      if (resume) resume();
      else if (job) void this.#run(job);
    }
  }

  #done(): void {
    this.#running--;
    this.#next();
  }

  async #run(job: () => Promise<void>): Promise<void> {
    try {
      await job();
    } catch (error) {
      // The shadow harms nobody; that it failed is counted and can be seen in the status.
      if (this.#closed) return;
      this.#count('failed');
      this.#logger.debug('a shadow request failed', { service: this.#service, reason: messageOf(error) });
    } finally {
      this.#done();
    }
  }

  async #compare(request: ShadowRequest): Promise<void> {
    const { id, method, paths, primarySide } = request;
    const { result, pair } = await this.#judge.judge(
      { id, method, path: paths.monolith, primarySide },
      { ask: async (side) => this.#ask(request, side), settle: async () => this.#settle() },
    );
    if (pair) this.#time(primarySide === 'monolith' ? { monolith: pair.primary.ms, service: pair.shadow.ms } : { monolith: pair.shadow.ms, service: pair.primary.ms });
    this.#count('compared');
    this.#count(result);
  }

  async #compareWrite({ id, method, paths, primarySide, headers, copy, bodyFor }: ShadowWrite, body: Buffer): Promise<void> {
    const primary = await copy.answer();
    if (!primary) return;
    const side = otherSide(primarySide);
    const sent = body.length === 0 ? null : bodyFor(body);
    const promise = this.#writes ? promiseHeader(this.#writes) : [];
    // A client's own word on it does not stand beside ours.
    const others = headers.filter((_, i) => headers[i - (i % 2)]?.toLowerCase() !== promise[0]);
    const told = withLength([...others, ...promise], sent?.length);
    const shadow = await this.#askOnce({ method, paths, headers: told }, side, sent);
    const result = this.#judge.judgeOnce({ id, method, path: paths.monolith, primarySide }, primary, shadow);
    this.#count('compared');
    this.#count(result);
  }

  async #ask(request: ShadowRequest, side: Side): Promise<TimedAnswer> {
    return this.#askOnce(request, side, null);
  }

  async #askOnce({ method, paths, headers }: Pick<ShadowRequest, 'method' | 'paths' | 'headers'>, side: Side, body: Buffer | null): Promise<TimedAnswer> {
    const { maxBodyBytes, timeoutMs } = this.#limits;
    return askSide({
      upstream: this.#upstreams[side], method, path: paths[side], headers, body,
      maxBodyBytes, timeoutMs, clock: this.#clock, signal: this.#closing.signal,
    });
  }

  #time(ms: Readonly<Record<Side, number>>): void {
    this.#latency.add(ms);
    for (const side of ['monolith', 'service'] as const) this.#metrics.observe('banyan_route_shadow_seconds', ms[side] / 1000, { service: this.#service, side });
  }

  /** Waits, and lets another go on meanwhile. */
  async #settle(): Promise<void> {
    this.#settling++;
    this.#done();
    try {
      await this.#clock.sleep(this.#limits.settleMs, this.#closing.signal);
    } finally {
      this.#settling--;
      await new Promise<void>((resolve) => {
        this.#settled.push(resolve);
        this.#next();
      });
    }
  }

  #count(what: Result): void {
    this.#counts[what]++;
    this.#metrics.count('banyan_route_shadow_total', { service: this.#service, result: what });
    if (what === 'compared') this.#measure();
  }

  #measure(): void {
    const labels = { service: this.#service };
    this.#metrics.gauge('banyan_route_shadow_noise_places', this.#judge.noise.size, labels);
    this.#metrics.gauge('banyan_route_shadow_same_side_pairs', this.#judge.sameSidePairs, labels);
    if (this.#counts.compared % GAUGED_EVERY !== 0) return;
    const { ratio } = this.#latency.status;
    for (const quantile of ['p50', 'p95', 'p99'] as const) {
      // While too few answers tell it, it is not there.
      if (ratio[quantile].low !== null && ratio[quantile].high !== null) this.#metrics.gauge('banyan_route_shadow_latency_ratio', ratio[quantile].value, { ...labels, quantile });
    }
  }
}
