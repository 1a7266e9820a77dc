import { BanyanError } from '../core/errors.ts';
import type { TableName } from '../model/names.ts';
import type { Schema } from '../model/schema.ts';
import type { Routine, Workload } from '../model/workload.ts';
import type { CopyTimes } from './advice/extraction-time.ts';
import { buildDocument } from './build-document.ts';
import { tablesOf, type BoundaryDocument } from './document.ts';
import { keyCandidates, type KeyCandidate, type TestedKey } from './included-keys.ts';
import type { AnalyzerInput } from './input.ts';
import type { AnalyzeOptions } from './options.ts';
import type { OwnersFile } from './owners.ts';

/** One suggested service. */
export interface Boundary {
  readonly name: string;
  readonly tables: readonly TableName[];
  /** The strongest bonds that hold it together, in words. */
  readonly reasons: readonly string[];
  /** 0 to 1: the share of what is known about its tables that stays inside. */
  readonly cohesion: number;
}

/** The suggested services, the easiest to take out first, and everything known about the cut. */
export type Boundaries = readonly Boundary[] & {
  readonly document: BoundaryDocument;
};

/** A live database's structure can be given in place of a schema; it is read when the analysis starts. */
export interface AnalyzerSource {
  readonly schema: Schema | { readSchema(): Promise<Schema> };
  /** What the application asks of the database; makes the cut follow transactions. */
  readonly workload?: Workload;
  /** Functions and procedures with the tables they touch. */
  readonly routines?: readonly Routine[];
  /** How long tables take to copy, where that was measured. Default: reckoned by stated rates where sizes are known. */
  readonly copyTimes?: CopyTimes;
  /** CODEOWNERS or a list of tables: who owns what today. */
  readonly owners?: OwnersFile;
  /** Looks for undeclared keys in a sample of values; absent: names alone say where they are. */
  readonly testKeys?: (candidates: readonly KeyCandidate[]) => Promise<readonly TestedKey[]>;
}

/**
 * Finds where a monolith's tables should be cut into services. Pure computation once the schema is
 * there: the same input and options give the same answer, whatever the order of the tables.
 *
 * Takes well under a second for 100 tables and a few seconds for 1,000.
 */
export class ServiceBoundaryAnalyzer {
  readonly #source: AnalyzerSource;

  constructor(source: AnalyzerSource) {
    this.#source = source;
  }

  /**
   * @throws BANYAN_ANALYZE_EMPTY if the schema has no table.
   * @throws BANYAN_ANALYZE_PINS if the options contradict each other.
   * @throws BANYAN_TABLE_UNKNOWN if a pin names a table that does not exist.
   */
  async analyze(options: AnalyzeOptions = {}): Promise<Boundaries> {
    const { schema: given, workload, routines, copyTimes, owners, testKeys } = this.#source;
    const schema = 'readSchema' in given ? await given.readSchema() : given;
    const testedKeys = await testKeys?.(keyCandidates(schema));
    const input: AnalyzerInput = {
      schema,
      ...(workload ? { workload } : {}),
      ...(routines ? { routines } : {}),
      ...(copyTimes ? { copyTimes } : {}),
      ...(owners ? { owners } : {}),
      ...(testedKeys ? { testedKeys } : {}),
    };
    return analyzeSchema(input, options);
  }
}

/** {@link ServiceBoundaryAnalyzer.analyze} for a schema at hand. */
export function analyzeSchema(input: AnalyzerInput, options: AnalyzeOptions = {}): Boundaries {
  checkOptions(options);
  if (!input.schema.tables.some((table) => table.kind !== 'partition')) {
    throw new BanyanError('BANYAN_ANALYZE_EMPTY', { message: 'The schema has no table.' });
  }
  const document = buildDocument(input, options);
  const boundaries = Object.entries(document.details.services).map(
    ([name, { reasons, cohesion }]): Boundary => ({ name, tables: tablesOf(document, name), reasons, cohesion }),
  );
  return Object.assign(boundaries, { document });
}

function checkOptions(options: AnalyzeOptions): void {
  const { services, minTables, maxTables } = options;
  const numbers = { services, minTables, maxTables };
  for (const [name, value] of Object.entries(numbers)) {
    if (value !== undefined && !(Number.isInteger(value) && value >= 1)) {
      throw new BanyanError('BANYAN_ANALYZE_PINS', { message: `${name} is ${value}; expected a whole number from 1.` });
    }
  }
  if (minTables !== undefined && maxTables !== undefined && minTables > maxTables) {
    throw new BanyanError('BANYAN_ANALYZE_PINS', {
      message: `A service is to have at least ${minTables} and at most ${maxTables} tables.`,
    });
  }
}
