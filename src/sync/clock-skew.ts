import type { Side } from '../model/side.ts';

/** A server's clock as seen from here. */
export interface ClockReading {
  /** Its clock minus ours, in milliseconds. */
  readonly offsetMs: number;
  /** That may be off by this much: half of the round trip. */
  readonly uncertaintyMs: number;
}

/** How far the service's clock is ahead of the monolith's. */
export interface ClockSkew {
  /** In milliseconds; negative: behind. */
  readonly skewMs: number;
  readonly uncertaintyMs: number;
}

/** How many readings of a side are looked at: the one with the shortest round trip says most. */
const KEPT = 10;

/**
 * The skew of two servers' clocks, from one reading of each per heartbeat. Where the last write wins, it
 * is by these clocks: a skew lets the side that is ahead win what it wrote up to so much earlier.
 */
export class ClockSkewWatch {
  readonly #readings: Readonly<Record<Side, ClockReading[]>> = { monolith: [], service: [] };

  add(side: Side, reading: ClockReading): void {
    const readings = this.#readings[side];
    readings.push(reading);
    if (readings.length > KEPT) readings.shift();
  }

  /** Undefined until both clocks have been read. */
  get skew(): ClockSkew | undefined {
    const [monolith, service] = [best(this.#readings.monolith), best(this.#readings.service)];
    if (!monolith || !service) return undefined;
    return { skewMs: service.offsetMs - monolith.offsetMs, uncertaintyMs: monolith.uncertaintyMs + service.uncertaintyMs };
  }

  /** Whether the clocks differ by more than `toleranceMs` for certain. */
  beyond(toleranceMs: number): boolean {
    const { skew } = this;
    return skew !== undefined && Math.abs(skew.skewMs) - skew.uncertaintyMs > toleranceMs;
  }
}

function best(readings: readonly ClockReading[]): ClockReading | undefined {
  let found: ClockReading | undefined;
  for (const reading of readings) if (!found || reading.uncertaintyMs <= found.uncertaintyMs) found = reading;
  return found;
}
