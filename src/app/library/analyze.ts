import { ServiceBoundaryAnalyzer as Analyzer, type Boundaries } from '../../analyze/analyzer.ts';
import type { AnalyzeOptions } from '../../analyze/options.ts';
import { parseWorkload } from '../../postgres/sql/parse-workload.ts';
import { databaseOf, type Database, type DatabaseLike } from './database.ts';

export type { Boundaries, Boundary } from '../../analyze/analyzer.ts';
export type { AnalyzeOptions } from '../../analyze/options.ts';
export { postgres, type Database, type DatabaseLike } from './database.ts';

/** Finds where a live monolith's tables should be cut into services. */
export class ServiceBoundaryAnalyzer {
  readonly #monolith: Database;
  readonly #workload: string | undefined;

  /** @param options.workload SQL with BEGIN and COMMIT, as the application sends it: makes the cut follow transactions. */
  constructor(monolith: DatabaseLike, options: { readonly workload?: string } = {}) {
    this.#monolith = databaseOf(monolith);
    this.#workload = options.workload;
  }

  /** @throws BANYAN_ANALYZE_EMPTY, BANYAN_ANALYZE_PINS, BANYAN_TABLE_UNKNOWN */
  async analyze(options: AnalyzeOptions = {}): Promise<Boundaries> {
    const workload = this.#workload === undefined ? undefined : (await parseWorkload(this.#workload)).workload;
    return new Analyzer({ schema: this.#monolith.introspector, ...(workload ? { workload } : {}) }).analyze(options);
  }
}
