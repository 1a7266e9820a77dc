import type { Clock } from '../../core/clock.ts';
import type { Side } from '../../model/side.ts';
import { keyOf, type Difference, type DifferenceKind } from './difference.ts';
import { maskedText } from './mask.ts';

/** What two answers to one request were like. */
export interface ShadowExample {
  readonly method: string;
  /** Without the query, which may hold secrets; what looks like one is masked. */
  readonly path: string;
  readonly primarySide: Side;
  readonly primaryStatus: number;
  readonly shadowStatus: number;
  readonly differences: readonly ShownDifference[];
}

export interface ShownDifference {
  readonly path: string;
  readonly kind: DifferenceKind;
  readonly monolith: string;
  readonly service: string;
}

/** One kind of difference in one place of one endpoint's answers. */
export interface DifferenceGroup {
  readonly endpoint: string;
  readonly path: string;
  readonly kind: DifferenceKind;
  readonly count: number;
  /** RFC 3339. */
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** The first ones, three at most. */
  readonly examples: readonly {
    readonly request: string;
    readonly at: string;
    readonly primarySide: Side;
    readonly monolith: string;
    readonly service: string;
  }[];
}

type Example = DifferenceGroup['examples'][number];

interface Group {
  readonly endpoint: string;
  readonly difference: Difference;
  count: number;
  readonly firstAt: number;
  lastAt: number;
  readonly examples: Example[];
}

const MOST_GROUPS = 200;
const MOST_EXAMPLES = 3;
const MOST_WHOLE = 10;

/** Differences by endpoint, path and kind; those not seen for longest make room for new ones. */
export class Findings {
  readonly #clock: Clock;
  readonly #groups = new Map<string, Group>();
  readonly #examples: ShadowExample[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(
    endpoint: string,
    answers: Omit<ShadowExample, 'differences'> & { readonly differences: readonly Difference[] },
  ): void {
    const now = this.#clock.now();
    const { method, primarySide, differences } = answers;
    const path = answers.path.split('/').map(maskedText).join('/');
    if (this.#examples.length < MOST_WHOLE) {
      const shown = differences.slice(0, 20).map(({ at, kind, monolith, service }) => ({ path: at, kind, monolith, service }));
      this.#examples.push({ ...answers, path, differences: shown });
    }
    for (const difference of differences) {
      const key = `${endpoint} ${keyOf(difference)}`;
      const known = this.#groups.get(key);
      if (known) this.#groups.delete(key);
      const group: Group = known ?? { endpoint, difference, count: 0, firstAt: now, lastAt: now, examples: [] };
      this.#groups.set(key, group);
      group.count++;
      group.lastAt = now;
      const { at, monolith, service } = difference;
      if (group.examples.length < MOST_EXAMPLES) group.examples.push({ request: `${method} ${path}`, at, primarySide, monolith, service });
    }
    for (const key of this.#groups.keys()) {
      if (this.#groups.size <= MOST_GROUPS) break;
      this.#groups.delete(key);
    }
  }

  /** The first requests whose answers differed. */
  get examples(): readonly ShadowExample[] {
    return [...this.#examples];
  }

  /** The most frequent first; those that turned out to be noise are left out. */
  groups(isNoise: (endpoint: string, key: string) => boolean): readonly DifferenceGroup[] {
    return [...this.#groups.values()]
      .filter(({ endpoint, difference }) => !isNoise(endpoint, keyOf(difference)))
      .sort((a, b) => b.count - a.count)
      .map(({ endpoint, difference: { path, kind }, count, firstAt, lastAt, examples }) => ({
        endpoint, path, kind, count,
        firstSeen: new Date(firstAt).toISOString(), lastSeen: new Date(lastAt).toISOString(),
        examples: [...examples],
      }));
  }
}
