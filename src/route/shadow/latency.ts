import type { Clock } from '../../core/clock.ts';
import type { Side } from '../../model/side.ts';
import { CountTest } from '../evidence/sequential-test.ts';

/** Classes of latencies, each 1.09 times (2^(1/8)) the one before, from 0.05 ms to 100 s. */
const CLASSES = 168;
const SMALLEST_MS = 0.05;
const MOST = 20_000;
const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;
/** Of the normal distribution, two-sided 97.5 %: both sides' intervals hold together with 95 %. */
const Z = 2.2414;
const FALSE_ALARM_RATE = 0.01;

type Quantiles = Readonly<Record<keyof typeof QUANTILES, number>>;

/** How the latencies of both sides compare, asked for the same at the same moment. */
export interface LatencyStatus {
  /** Pairs of answers; from 20,000 on older ones weigh less and less. */
  readonly pairs: number;
  /** In milliseconds. */
  readonly monolith: Quantiles;
  readonly service: Quantiles;
  /**
   * The service's by the monolith's. With 95 % confidence, at one look, the true ratio is from `low` to `high`;
   * null: too few answers to tell.
   */
  readonly ratio: Readonly<Record<keyof typeof QUANTILES, { readonly value: number; readonly low: number | null; readonly high: number | null }>>;
  /**
   * In which share of the pairs the service was slower. `slower`: it is in more than half of them; `faster`: in less.
   * Each is said wrongly with a probability of 0.01 at most, however often one looks (a sign test by betting).
   */
  readonly sign: { readonly share: number; readonly verdict: 'slower' | 'faster' | 'unknown'; readonly falseAlarmRate: number };
}

/** Latencies of both sides in classes, and which of both was slower. */
export class ShadowLatency {
  readonly #counts: Readonly<Record<Side, Float64Array>> = { monolith: new Float64Array(CLASSES), service: new Float64Array(CLASSES) };
  readonly #slower: CountTest;
  readonly #faster: CountTest;
  #pairs = 0;
  #sign = { pairs: 0, slower: 0 };

  constructor(clock: Clock) {
    const test = (): CountTest => new CountTest({ share: 0.5, alpha: FALSE_ALARM_RATE, clock });
    this.#slower = test();
    this.#faster = test();
    this.#look();
  }

  /** Both sides' milliseconds for the same request at the same moment. */
  add(ms: Readonly<Record<Side, number>>): void {
    this.#pairs++;
    for (const side of ['monolith', 'service'] as const) {
      const counts = this.#counts[side];
      const index = classOf(ms[side]);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    if (this.#pairs > MOST) {
      this.#pairs /= 2;
      for (const counts of Object.values(this.#counts)) counts.forEach((count, i) => (counts[i] = count / 2));
    }
    if (ms.monolith === ms.service) return;
    this.#sign.pairs++;
    if (ms.service > ms.monolith) this.#sign.slower++;
    this.#look();
  }

  get status(): LatencyStatus {
    const { pairs, slower } = this.#sign;
    const [monolith, service] = [this.#quantiles('monolith'), this.#quantiles('service')];
    return {
      pairs: Math.round(this.#pairs),
      monolith, service,
      ratio: { p50: this.#ratio('p50'), p95: this.#ratio('p95'), p99: this.#ratio('p99') },
      sign: {
        share: pairs === 0 ? 0 : Number((slower / pairs).toFixed(4)),
        verdict: this.#slower.fires ? 'slower' : this.#faster.fires ? 'faster' : 'unknown',
        falseAlarmRate: FALSE_ALARM_RATE,
      },
    };
  }

  #look(): void {
    const { pairs, slower } = this.#sign;
    this.#slower.look({ compared: pairs, different: slower });
    this.#faster.look({ compared: pairs, different: pairs - slower });
  }

  #quantiles(side: Side): Quantiles {
    const at = (q: number): number => Number((this.#bounds(side, this.#pairs * q)?.middle ?? 0).toPrecision(3));
    return { p50: at(QUANTILES.p50), p95: at(QUANTILES.p95), p99: at(QUANTILES.p99) };
  }

  /** By the order statistics around the quantile's rank: distribution-free. */
  #ratio(name: keyof typeof QUANTILES): { readonly value: number; readonly low: number | null; readonly high: number | null } {
    const q = QUANTILES[name];
    const n = this.#pairs;
    const around = (side: Side) => {
      const apart = Z * Math.sqrt(n * q * (1 - q));
      return {
        at: this.#bounds(side, n * q)?.middle ?? 0,
        low: n * q - apart < 1 ? undefined : this.#bounds(side, n * q - apart)?.low,
        high: n * q + apart + 1 > n ? undefined : this.#bounds(side, n * q + apart + 1)?.high,
      };
    };
    const [monolith, service] = [around('monolith'), around('service')];
    const by = (a: number | undefined, b: number | undefined): number | null => (a === undefined || b === undefined || b === 0 ? null : Number((a / b).toPrecision(3)));
    return { value: by(service.at, monolith.at) ?? 0, low: by(service.low, monolith.high), high: by(service.high, monolith.low) };
  }

  /** The class of a rank, from 1. */
  #bounds(side: Side, rank: number): { readonly low: number; readonly middle: number; readonly high: number } | undefined {
    if (this.#pairs === 0) return undefined;
    let remaining = Math.max(1, rank);
    for (const [i, count] of this.#counts[side].entries()) {
      remaining -= count;
      if (remaining <= 1e-9) return { low: SMALLEST_MS * 2 ** ((i - 1) / 8), middle: SMALLEST_MS * 2 ** ((i - 0.5) / 8), high: SMALLEST_MS * 2 ** (i / 8) };
    }
    return undefined;
  }
}

const classOf = (ms: number): number => (ms <= SMALLEST_MS ? 0 : Math.min(CLASSES - 1, Math.ceil(8 * Math.log2(ms / SMALLEST_MS))));
