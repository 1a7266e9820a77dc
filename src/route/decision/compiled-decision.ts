import { PLAIN_DECISION, type RouteDecision } from '../../model/route-decision.ts';
import type { Side } from '../../model/side.ts';
import { bucketOf, bucketsOf } from '../decide.ts';
import type { Assignment } from './assignment.ts';
import { compileAudience, type FitsAudience } from './audience.ts';
import type { Subject } from './facts.ts';

interface CompiledRule {
  readonly fits: FitsAudience;
  /** Buckets below this are the service's. */
  readonly below: number;
}

/**
 * One version of a route's decision, made ready to be asked for every request: no I/O, and no
 * allocation unless a rule reads the request. Asked in this order: pinned, deny, allow, rules,
 * percentage.
 */
export class CompiledDecision implements Assignment {
  readonly percent: number;
  readonly decision: RouteDecision;
  readonly rulesKey: string;
  readonly listedKeys: readonly string[];
  /** Whether anybody at all may be the service's. */
  readonly servesAnyone: boolean;
  readonly #pinned: Side | null;
  /** Buckets below this are the service's if nothing else is said. */
  readonly #below: number;
  readonly #listed: ReadonlyMap<string, Side> | null;
  readonly #rules: readonly CompiledRule[] | null;
  /** Buckets below this may be, by the percentage or by a rule. */
  readonly #mayBelow: number;
  readonly #allowedBuckets: ReadonlySet<number>;

  constructor(percent: number, decision: RouteDecision = PLAIN_DECISION) {
    const { pinned, allow, deny, rules } = decision;
    this.percent = percent;
    this.decision = decision;
    this.#pinned = pinned;
    this.#below = pinned === null ? bucketsOf(percent) : pinned === 'service' ? bucketsOf(100) : 0;
    const listed = new Map<string, Side>();
    if (pinned === null) {
      for (const key of allow) listed.set(key, 'service');
      for (const key of deny) listed.set(key, 'monolith');
    }
    this.#listed = listed.size > 0 ? listed : null;
    this.listedKeys = [...listed.keys()];
    this.#rules = pinned === null && rules.length > 0 ? rules.map((rule) => ({ fits: compileAudience(rule.when), below: bucketsOf(rule.percent) })) : null;
    this.rulesKey = this.#rules ? JSON.stringify(rules) : '';
    this.#mayBelow = (this.#rules ?? []).reduce((most, { below }) => Math.max(most, below), this.#below);
    this.#allowedBuckets = new Set(this.listedKeys.filter((key) => listed.get(key) === 'service').map(bucketOf));
    this.servesAnyone = this.#mayBelow > 0 || this.#allowedBuckets.size > 0;
  }

  /** Whether two requests of one user may go to different sides. */
  get readsRequests(): boolean {
    return this.#rules !== null;
  }

  side(user: Subject): Side {
    if (this.#pinned !== null) return this.#pinned;
    if (this.#listed !== null) {
      const listed = this.#listed.get(user.key);
      if (listed !== undefined) return listed;
    }
    if (this.#rules !== null && user.facts !== null) {
      for (const rule of this.#rules) {
        if (rule.fits(user.facts)) return user.bucket < rule.below ? 'service' : 'monolith';
      }
    }
    return user.bucket < this.#below ? 'service' : 'monolith';
  }

  home(bucket: number): Side {
    return bucket < this.#below ? 'service' : 'monolith';
  }

  mayServe(bucket: number): boolean {
    return bucket < this.#mayBelow || this.#allowedBuckets.has(bucket);
  }

  sideOfKey(key: string, bucket: number): Side | undefined {
    const listed = this.#listed?.get(key);
    if (listed !== undefined) return listed;
    return this.#rules === null ? this.home(bucket) : undefined;
  }
}

/** The decision of a percentage and nothing else. */
export const percentage = (percent: number): CompiledDecision => new CompiledDecision(percent);
