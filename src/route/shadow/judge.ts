import type { Clock } from '../../core/clock.ts';
import { otherSide, type Side } from '../../model/side.ts';
import { BUCKETS, bucketsOf } from '../decide.ts';
import { xxh32 } from '../xxh32.ts';
import { compareAnswers, type Answer, type Comparison } from './compare.ts';
import { keyOf, type Difference } from './difference.ts';
import { Endpoints } from './endpoint.ts';
import { Findings } from './findings.ts';
import { Noise } from './noise.ts';
import type { CompareRules } from './rules.ts';

/** A request that is asked of both sides. */
export interface Judged {
  readonly id: string;
  readonly method: string;
  /** As the client wrote it, with its query. */
  readonly path: string;
  readonly primarySide: Side;
}

export interface Verdict<A extends Answer> {
  readonly result: 'equal' | 'different';
  /** Both sides' answers of the same moment, if neither side was asked for more at that moment; else null. */
  readonly pair: { readonly primary: A; readonly shadow: A } | null;
}

/**
 * Says whether both sides answer the same, and remembers where they do not.
 *
 * For a sample one of the sides is asked twice at the same moment: where its own answers differ is noise. Whatever
 * differs is looked at again a little later, with both sides asked twice; so data on its way through sync is no
 * difference, and a place that is not quiet is found to be noise before anything is said of it.
 */
export class Judge {
  readonly noise: Noise;
  readonly findings: Findings;
  readonly #endpoints = new Endpoints();
  readonly #rules: CompareRules;
  readonly #sameSidePercent: number;
  #pairs = 0;

  constructor(options: { readonly rules: CompareRules; readonly clock: Clock; readonly sameSidePercent: number }) {
    this.noise = new Noise(options.clock);
    this.findings = new Findings(options.clock);
    this.#rules = options.rules;
    this.#sameSidePercent = options.sameSidePercent;
  }

  /** How often two answers of one side were compared. */
  get sameSidePairs(): number {
    return this.#pairs;
  }

  /** @param settle waits before a difference is looked at again. */
  async judge<A extends Answer>(request: Judged, { ask, settle }: { readonly ask: (side: Side) => Promise<A>; readonly settle: () => Promise<void> }): Promise<Verdict<A>> {
    const { primarySide } = request;
    const shadowSide = otherSide(primarySide);
    const endpoint = this.#endpointOf(request);
    const twice = this.#askedTwice(request);
    // Neither side is always the first to be asked.
    const early = xxh32(request.id, 3) % 2 === 0 ? ask(shadowSide) : undefined;
    const [primary, shadow, again] = await Promise.all([ask(primarySide), early ?? ask(shadowSide), twice === undefined ? undefined : ask(twice)]);
    if (again) this.#learn(endpoint, twice === primarySide ? primary : shadow, again);
    const pair = again ? null : { primary, shadow };
    const first = this.#compare(endpoint, request, { primary, shadow });
    this.noise.compared(endpoint, new Set([...first.noise, ...first.differences.map(keyOf)]));
    if (first.differences.length === 0) return { result: 'equal', pair };
    await settle();
    const [later, laterToo, other, otherToo] = await Promise.all([ask(primarySide), ask(primarySide), ask(shadowSide), ask(shadowSide)]);
    this.#learn(endpoint, later, laterToo);
    this.#learn(endpoint, other, otherToo);
    // The primary has the data; what it says otherwise now moves with the time. The shadow may just have got it.
    this.#learn(endpoint, primary, later);
    const before = new Set(first.differences.map(keyOf));
    const differences = this.#compare(endpoint, request, { primary: later, shadow: other }).differences.filter((difference) => before.has(keyOf(difference)));
    return { result: this.#found(request, endpoint, { primary: later, shadow: other, differences }), pair };
  }

  /** Two answers that can't be had again: of a write. */
  judgeOnce(request: Judged, primary: Answer, shadow: Answer): 'equal' | 'different' {
    const endpoint = this.#endpointOf(request);
    const { differences, noise } = this.#compare(endpoint, request, { primary, shadow });
    this.noise.compared(endpoint, new Set([...noise, ...differences.map(keyOf)]));
    return this.#found(request, endpoint, { primary, shadow, differences });
  }

  #found(
    { method, path, primarySide }: Judged,
    endpoint: string,
    { primary, shadow, differences }: { readonly primary: Answer; readonly shadow: Answer; readonly differences: readonly Difference[] },
  ): 'equal' | 'different' {
    if (differences.length === 0) return 'equal';
    this.findings.add(endpoint, { method, path: withoutQuery(path), primarySide, primaryStatus: primary.status, shadowStatus: shadow.status, differences });
    return 'different';
  }

  #endpointOf({ method, path }: Judged): string {
    return `${method} ${this.#endpoints.of(withoutQuery(path))}`;
  }

  /** Whoever was the user's, the monolith comes first: a field that the service lacks is always the same finding. */
  #compare(endpoint: string, { primarySide }: Judged, { primary, shadow }: { readonly primary: Answer; readonly shadow: Answer }): Comparison {
    const [monolith, service] = primarySide === 'monolith' ? [primary, shadow] : [shadow, primary];
    return compareAnswers(monolith, service, this.#rules, (key) => this.noise.has(endpoint, key));
  }

  #learn(endpoint: string, one: Answer, two: Answer): void {
    this.#pairs++;
    this.noise.learn(endpoint, compareAnswers(one, two, this.#rules).differences);
  }

  /** Whether a side is asked twice, and which: the same request always has the same answer. */
  #askedTwice({ id, primarySide }: Judged): Side | undefined {
    const hash = xxh32(id, 2);
    if (hash % BUCKETS >= bucketsOf(this.#sameSidePercent)) return undefined;
    return Math.floor(hash / BUCKETS) % 2 === 0 ? primarySide : otherSide(primarySide);
  }
}

const withoutQuery = (path: string): string => path.split('?', 1)[0] ?? '';
