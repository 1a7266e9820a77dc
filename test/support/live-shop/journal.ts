import type { Side } from '../../../src/model/side.ts';
import type { ShopService } from './tables.ts';

/** One request as its client saw it. */
export interface Entry {
  readonly user: string;
  /** What the router knows him by; empty: nothing yet. */
  readonly key: string;
  readonly service: ShopService | null;
  readonly what: string;
  /** 0: the connection broke. */
  readonly status: number;
  readonly side: Side | undefined;
  readonly from: number;
  readonly to: number;
}

/** A time in which requests of a service may fail, because its HTTP side was broken on purpose. */
interface FaultWindow {
  readonly service: ShopService;
  readonly from: number;
  to: number;
}

/**
 * What the shop's clients were told, kept by themselves: the only judge of the scenarios. It knows nothing
 * of Banyan but the header that names the side.
 */
export class ShopJournal {
  readonly #entries: Entry[] = [];
  readonly #faults: FaultWindow[] = [];
  /** When a service's percentage was lowered, by whomever. */
  readonly #lowered: { readonly service: ShopService; readonly at: number }[] = [];
  /** Answers that contradict what their user had been told. */
  readonly stale: string[] = [];
  readonly passwords = new Map<string, string>();
  /** Tokens of open sessions, and whose they are. */
  readonly sessions = new Map<string, string>();
  readonly ended = new Set<string>();
  readonly orders = new Map<string, string>();
  /** Amounts by order. */
  readonly payments = new Map<string, string>();
  readonly reservations = new Map<string, { readonly sku: string; readonly quantity: number }>();

  /** Milliseconds since 1970, on a clock that never goes back. */
  now(): number {
    return performance.timeOrigin + performance.now();
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  contradicts(what: string): void {
    this.stale.push(what);
  }

  get requests(): number {
    return this.#entries.length;
  }

  get acknowledged(): number {
    return this.passwords.size + this.sessions.size + this.ended.size + this.orders.size + this.payments.size + this.reservations.size;
  }

  /** Call before the percentage of a service is lowered, or with the time at which it was. */
  lowering(service: ShopService, at = this.now()): void {
    this.#lowered.push({ service, at });
  }

  /** From now on requests of the service may fail; call the answer when they may not any more. */
  fault(service: ShopService): () => void {
    const window = { service, from: this.now(), to: Infinity };
    this.#faults.push(window);
    return () => {
      window.to = this.now();
    };
  }

  /** How many requests of a service each side has answered. */
  served(service: ShopService): Readonly<Record<Side, number>> {
    const served = { monolith: 0, service: 0 };
    for (const entry of this.#entries) if (entry.service === service && entry.side !== undefined && entry.status < 500) served[entry.side] += 1;
    return served;
  }

  /** Requests that failed although nothing of theirs was broken on purpose. */
  failedOutsideFaults(): readonly string[] {
    return this.#failures(false);
  }

  failedWithinFaults(): readonly string[] {
    return this.#failures(true);
  }

  /** Users whom the monolith answered after the service had, although nobody had lowered the percentage in between. */
  movedBack(): readonly string[] {
    const onService = new Map<string, number>();
    const found: string[] = [];
    for (const entry of [...this.#entries].sort((a, b) => a.from - b.from)) {
      const { service, key, side, from, to, user } = entry;
      if (service === null || key === '' || this.#within(entry)) continue;
      const whose = `${service} ${key}`;
      const since = onService.get(whose);
      if (side === 'service') onService.set(whose, since ?? from);
      if (side !== 'monolith' || since === undefined || since > from) continue;
      if (this.#lowered.some((lowered) => lowered.service === service && lowered.at <= to && lowered.at >= since)) onService.delete(whose);
      else found.push(`${user}, ${whose}: served by the service at ${Math.round(since)}, by the monolith at ${Math.round(from)}`);
    }
    return found;
  }

  #failures(within: boolean): readonly string[] {
    return this.#entries
      .filter((entry) => (entry.status === 0 || entry.status >= 500) && this.#within(entry) === within)
      .map(({ user, what, status, side }) => `${user} ${what} on ${side ?? 'no side'}: ${status}`);
  }

  #within({ service, from, to }: Entry): boolean {
    return this.#faults.some((fault) => fault.service === service && fault.from <= to && fault.to >= from);
  }
}
