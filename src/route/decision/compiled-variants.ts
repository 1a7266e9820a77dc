import type { RouteDecision } from '../../model/route-decision.ts';
import { experimentBucket, experimentSeed, ownersOf } from './variants.ts';

/** Which variant of the service serves whom. Changes at one version, for everybody at once: all variants share one database. */
export class CompiledVariants {
  readonly names: readonly string[];
  readonly #seed: number;
  readonly #owners: Int16Array;

  constructor({ experiment, variants }: Pick<RouteDecision, 'experiment' | 'variants'>) {
    this.names = variants.map(({ name }) => name);
    this.#seed = experimentSeed(experiment);
    this.#owners = ownersOf(this.names, variants);
  }

  /** The variant of a user; undefined if the decision knows none. */
  of(key: string): string | undefined {
    if (this.names.length === 0) return undefined;
    return this.names[this.#owners[experimentBucket(key, this.#seed)] ?? -1];
  }
}
