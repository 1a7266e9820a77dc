import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import { otherSide, type Side } from '../model/side.ts';
import { compareJson, ignorePattern, type Difference } from './compare-json.ts';
import { bucketsOf, BUCKETS } from './decide.ts';
import { xxh32 } from './xxh32.ts';
import type { Upstream } from './upstream.ts';

export interface ShadowOptions {
  /** Share of safe requests, in percent, that are asked of the other side too. */
  readonly percent: number;
  /** JSON paths that don't count, `*` for any one name or index: `$.items[*].updatedAt`. */
  readonly ignore?: readonly string[];
  /** Most comparisons waiting; more are left out and counted. Default 64. */
  readonly queue?: number;
  /** Comparisons at once. Default 4. */
  readonly concurrency?: number;
  /** Answers longer than this many bytes are compared by status only. Default 65,536. */
  readonly maxBodyBytes?: number;
}

export interface ShadowStatus {
  readonly percent: number;
  readonly compared: number;
  readonly equal: number;
  readonly different: number;
  /** Left out because the queue was full. */
  readonly skipped: number;
  /** The shadowed side gave no answer. */
  readonly failed: number;
  readonly examples: readonly ShadowExample[];
}

export interface ShadowExample {
  readonly method: string;
  /** Without the query, which may hold secrets. */
  readonly path: string;
  readonly primarySide: Side;
  readonly primaryStatus: number;
  readonly shadowStatus: number;
  readonly differences: readonly Difference[];
}

/** A request that the user has been answered, to be asked again. */
export interface ShadowRequest {
  readonly method: string;
  /** The path (with query) as each side wants it. */
  readonly paths: Readonly<Record<Side, string>>;
  readonly headers: readonly string[];
  readonly primarySide: Side;
}

export interface Answer {
  readonly status: number;
  /** Null: too long to compare. */
  readonly body: Buffer | null;
}

const MAX_EXAMPLES = 10;

/**
 * Asks the other side what one side has answered already, and compares. It never touches the user's
 * own request: it starts when that is over, and what finds no room in the queue is left out.
 *
 * The primary side is asked again together with the shadow, so both answers are of the same moment
 * and the user's answer needs no copy in memory. A difference counts only if it shows twice: data on
 * its way through sync is not a difference.
 */
export class Shadow {
  readonly #options: Required<Omit<ShadowOptions, 'ignore'>>;
  readonly #ignore: readonly RegExp[];
  readonly #upstreams: Readonly<Record<Side, Upstream>>;
  readonly #service: string;
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #settle: () => Promise<void>;
  readonly #queue: ShadowRequest[] = [];
  readonly #examples: ShadowExample[] = [];
  readonly #counts = { compared: 0, equal: 0, different: 0, skipped: 0, failed: 0 };
  #running = 0;
  #closed = false;

  constructor(
    options: ShadowOptions & {
      readonly service: string;
      readonly upstreams: Readonly<Record<Side, Upstream>>;
      readonly metrics: Metrics;
      readonly logger: Logger;
      /** Waits a little before a difference is looked at again. */
      readonly settle: () => Promise<void>;
    },
  ) {
    const { percent, queue = 64, concurrency = 4, maxBodyBytes = 65_536 } = options;
    this.#options = { percent, queue, concurrency, maxBodyBytes };
    this.#ignore = (options.ignore ?? []).map(ignorePattern);
    this.#upstreams = options.upstreams;
    this.#service = options.service;
    this.#metrics = options.metrics;
    this.#logger = options.logger;
    this.#settle = options.settle;
  }

  /** Whether the request with this id is in the sample; the same id always gives the same answer. */
  samples(requestId: string): boolean {
    const { percent } = this.#options;
    return percent > 0 && !this.#closed && xxh32(requestId, 1) % BUCKETS < bucketsOf(percent);
  }

  status(): ShadowStatus {
    return { percent: this.#options.percent, ...this.#counts, examples: [...this.#examples] };
  }

  offer(request: ShadowRequest): void {
    if (this.#closed) return;
    if (this.#queue.length >= this.#options.queue) {
      this.#count('skipped');
      return;
    }
    this.#queue.push(request);
    this.#next();
  }

  /** Takes no more, and forgets what waits. */
  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
  }

  #next(): void {
    if (this.#running >= this.#options.concurrency) return;
    const request = this.#queue.shift();
    if (!request) return;
    this.#running++;
    void this.#compare(request).finally(() => {
      this.#running--;
      this.#next();
    });
  }

  async #compare(request: ShadowRequest): Promise<void> {
    try {
      let differences = await this.#ask(request);
      if (differences.differences.length > 0) {
        await this.#settle();
        differences = await this.#ask(request);
      }
      this.#count('compared');
      if (differences.differences.length === 0) {
        this.#count('equal');
        return;
      }
      this.#count('different');
      if (this.#examples.length < MAX_EXAMPLES) this.#examples.push(differences);
    } catch (error) {
      // The shadow harms nobody; that it failed is counted and can be seen in the status.
      this.#count('failed');
      this.#logger.debug('a shadow request failed', { service: this.#service, reason: String(error) });
    }
  }

  async #ask(request: ShadowRequest): Promise<ShadowExample> {
    const [primary, shadow] = await Promise.all([
      this.#send(request, request.primarySide),
      this.#send(request, otherSide(request.primarySide)),
    ]);
    const differences = compareAnswers(primary, shadow, this.#ignore);
    return {
      method: request.method,
      path: request.paths.monolith.split('?', 1)[0] ?? '',
      primarySide: request.primarySide,
      primaryStatus: primary.status,
      shadowStatus: shadow.status,
      differences,
    };
  }

  async #send(request: ShadowRequest, side: Side): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let status = 0;
      let bytes = 0;
      const attempt = this.#upstreams[side].send(
        { method: request.method, path: request.paths[side], headers: shadowHeaders(request.headers), body: null },
        {
          head: (head) => {
            status = head.status;
            return true;
          },
          chunk: (chunk) => {
            bytes += chunk.length;
            if (bytes <= this.#options.maxBodyBytes) chunks.push(chunk);
            else {
              resolve({ status, body: null });
              attempt.abort(new Error('too long to compare'));
            }
            return true;
          },
          ended: () => {
            resolve({ status, body: Buffer.concat(chunks) });
          },
          failed: reject,
        },
      );
    });
  }

  #count(what: keyof ShadowStatus & ('compared' | 'equal' | 'different' | 'skipped' | 'failed')): void {
    this.#counts[what]++;
    this.#metrics.count('banyan_route_shadow_total', { service: this.#service, result: what });
  }
}

/** The user's headers, marked, and without what would make two answers hard to compare. */
function shadowHeaders(headers: readonly string[]): string[] {
  const result = ['x-banyan-shadow', '1'];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (/^(accept-encoding|if-none-match|if-modified-since|range)$/i.test(name)) continue;
    result.push(name, headers[i + 1] ?? '');
  }
  return result;
}

/** Status, then bodies: as JSON if both are, else byte by byte. */
export function compareAnswers(primary: Answer, shadow: Answer, ignore: readonly RegExp[]): Difference[] {
  if (primary.status !== shadow.status) {
    return [{ path: 'status', primary: String(primary.status), shadow: String(shadow.status) }];
  }
  if (primary.body === null || shadow.body === null || primary.body.equals(shadow.body)) return [];
  const a = parseJson(primary.body);
  const b = parseJson(shadow.body);
  if (a && b) return compareJson(a.value, b.value, ignore);
  return [{ path: 'body', primary: `${primary.body.length} bytes`, shadow: `${shadow.body.length} bytes` }];
}

function parseJson(body: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(body.toString('utf8')) };
  } catch {
    // Not JSON: the caller compares bytes.
    return undefined;
  }
}
