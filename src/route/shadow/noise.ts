import type { Clock } from '../../core/clock.ts';
import { keyOf, type Difference, type DifferenceKind } from './difference.ts';

/** A place in which one side's own answers differ. */
export interface NoiseStatus {
  readonly endpoint: string;
  readonly path: string;
  readonly kind: DifferenceKind;
  /** In how many pairs of answers of one side it differed, … */
  readonly seen: number;
  /** … of how many since it was seen first. */
  readonly of: number;
  /** In how many comparisons of both sides it was left out. */
  readonly hidden: number;
  /** RFC 3339. */
  readonly firstSeen: string;
  readonly lastSeen: string;
}

interface Entry {
  readonly endpoint: string;
  readonly difference: Difference;
  readonly firstAt: number;
  lastAt: number;
  /** The endpoint's pair in which it was seen last. */
  lastPair: number;
  seen: number;
  pairs: number;
  /** Of so many comparisons of both sides. */
  compared: number;
  between: number;
}

interface Endpoint {
  pairs: number;
  readonly entries: Map<string, Entry>;
}

/** So many pairs without it, for each that had it, and it is forgotten. */
const PAIRS_KEPT = 20;
const MOST_COUNTED = 20;
const KEPT_MS = 24 * 3_600_000;
const MOST_ENTRIES = 500;
const MOST_ENDPOINTS = 300;
/** Rates are of about so many pairs. */
const MEMORY = 1000;
/** From so many on, rates are compared. */
const ENOUGH = 30;
const Z = 3;

/**
 * Learns which places of an endpoint's answers differ although one side gave both (Twitter's Diffy did this first).
 *
 * A place is noise for 20 further pairs each time it was seen, for 400 at most and for a day, so one that differed
 * once by chance does not stay. It hides its own kind of difference only: values hide no missing field, one type no
 * other, an order no item. And it hides nothing that differs between the sides nearly always and within one side
 * hardly ever: that is more than noise.
 */
export class Noise {
  readonly #clock: Clock;
  readonly #endpoints = new Map<string, Endpoint>();
  #entries = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Two answers of one side to the same request differed in these places, or in none. */
  learn(name: string, differences: readonly Difference[]): void {
    const endpoint = this.#endpoint(name);
    endpoint.pairs++;
    const now = this.#clock.now();
    for (const entry of endpoint.entries.values()) entry.pairs++;
    for (const difference of differences) {
      const key = keyOf(difference);
      let entry = endpoint.entries.get(key);
      if (entry && !this.#holds(endpoint, entry)) this.#forget(endpoint, key);
      entry = endpoint.entries.get(key);
      if (!entry) {
        if (this.#entries >= MOST_ENTRIES) this.#forgetOldest();
        entry = { endpoint: name, difference, firstAt: now, lastAt: now, lastPair: 0, seen: 0, pairs: 1, compared: 0, between: 0 };
        endpoint.entries.set(key, entry);
        this.#entries++;
      }
      entry.seen++;
      entry.lastAt = now;
      entry.lastPair = endpoint.pairs;
      if (entry.pairs > MEMORY) {
        entry.pairs /= 2;
        entry.seen /= 2;
      }
    }
  }

  /** Both sides were compared once; these differences were noise. */
  compared(name: string, hidden: ReadonlySet<string>): void {
    for (const [key, entry] of this.#endpoints.get(name)?.entries ?? []) {
      entry.compared++;
      if (hidden.has(key)) entry.between++;
      if (entry.compared > MEMORY) {
        entry.compared /= 2;
        entry.between /= 2;
      }
    }
  }

  /** Whether a difference of the endpoint, by its name, is noise now. */
  has(name: string, key: string): boolean {
    const endpoint = this.#endpoints.get(name);
    const entry = endpoint?.entries.get(key);
    return endpoint !== undefined && entry !== undefined && this.#holds(endpoint, entry) && !isMore(entry);
  }

  get size(): number {
    return this.#entries;
  }

  /** The latest first, 100 at most. */
  status(): readonly NoiseStatus[] {
    const all = [...this.#endpoints.values()].flatMap((endpoint) => [...endpoint.entries.values()].filter((entry) => this.#holds(endpoint, entry) && !isMore(entry)));
    return all.sort((a, b) => b.lastAt - a.lastAt).slice(0, 100).map((entry) => ({
      endpoint: entry.endpoint,
      path: entry.difference.path,
      kind: entry.difference.kind,
      seen: Math.round(entry.seen),
      of: Math.round(entry.pairs),
      hidden: Math.round(entry.between),
      firstSeen: new Date(entry.firstAt).toISOString(),
      lastSeen: new Date(entry.lastAt).toISOString(),
    }));
  }

  #holds(endpoint: Endpoint, { lastPair, lastAt, seen }: Entry): boolean {
    return endpoint.pairs - lastPair <= PAIRS_KEPT * Math.min(seen, MOST_COUNTED) && this.#clock.now() - lastAt <= KEPT_MS;
  }

  #endpoint(name: string): Endpoint {
    const known = this.#endpoints.get(name);
    // The one that was used last stands last.
    if (known) this.#endpoints.delete(name);
    const endpoint = known ?? { pairs: 0, entries: new Map<string, Entry>() };
    this.#endpoints.set(name, endpoint);
    const [oldest] = this.#endpoints;
    if (this.#endpoints.size > MOST_ENDPOINTS && oldest) {
      this.#entries -= oldest[1].entries.size;
      this.#endpoints.delete(oldest[0]);
    }
    return endpoint;
  }

  #forget(endpoint: Endpoint, key: string): void {
    if (endpoint.entries.delete(key)) this.#entries--;
  }

  #forgetOldest(): void {
    let oldest: { readonly endpoint: Endpoint; readonly key: string; readonly lastAt: number } | undefined;
    for (const endpoint of this.#endpoints.values()) {
      for (const [key, { lastAt }] of endpoint.entries) if (!oldest || lastAt < oldest.lastAt) oldest = { endpoint, key, lastAt };
    }
    if (oldest) this.#forget(oldest.endpoint, oldest.key);
  }
}

/** More than half of the comparisons differ, and less than a tenth of one side's own pairs: both beyond doubt. */
function isMore({ seen, pairs, between, compared }: Entry): boolean {
  if (pairs < ENOUGH || compared < ENOUGH) return false;
  return bound(between, compared, -Z) > 0.5 && bound(seen, pairs, Z) < 0.1;
}

/** Wilson's bound of a share (E. B. Wilson 1927), the upper for a positive `z`. */
function bound(k: number, n: number, z: number): number {
  const share = k / n;
  const middle = share + z ** 2 / (2 * n);
  return (middle + z * Math.sqrt((share * (1 - share)) / n + z ** 2 / (4 * n ** 2))) / (1 + z ** 2 / n);
}
