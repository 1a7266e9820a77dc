import { systemClock, type Clock } from '../../core/clock.ts';
import { readRuleFile } from '../../plan/check/rule-file.ts';
import type { MessageCompatibility } from '../../plan/check/message/compare-messages.ts';
import type { CompatibilityReport } from '../../plan/check/report.ts';
import { comparePlaces, type Place } from '../compare-places.ts';
import { judge, reportOn } from '../judge.ts';
import { readDocumentText } from '../text-file.ts';
import type { Database } from './database.ts';

export type { CompatibilityReport } from '../../plan/check/report.ts';
export type { DataCheck } from '../../plan/check/data-check.ts';
export type { Finding, FindingSeverity, HazardDetail, MigrationScript } from '../../plan/check/finding.ts';
export { postgres, type Database } from './database.ts';

/** A file, the URL of a database, a database, or a text, with the name that the report calls it by. */
export type Compared = string | Database | { readonly text: string; readonly name?: string };

/** Two forms of one thing. */
export interface ComparedPair {
  readonly before: Compared;
  readonly after: Compared;
}

export interface CompareDatabasesOptions extends ComparedPair {
  /** Confirmed renames of tables and columns, old to new: `{ 'users.mail': 'users.email' }`. Default none: nothing is guessed. */
  readonly renames?: Readonly<Record<string, string>>;
  /** Whether a column whose new type would write its table anew, or with another name, gets a second one beside it for a while. Default false. */
  readonly expandContract?: boolean;
  /** How long the rows of one table of `before` are looked at, in seconds; 0: not at all. Costs one scan for each table with a new rule. Default 60. */
  readonly rowsTimeoutSeconds?: number;
}

export interface CompatibilityCheckerOptions {
  /** A file of rules, YAML or JSON: other severities, and waivers. Default: none. */
  readonly rules?: string;
  /** Says when a report was made, and which waivers have expired. Default: the machine's. */
  readonly clock?: Pick<Clock, 'now'>;
  /** Told of each part that was not understood. Default: nobody. */
  readonly onNote?: (text: string) => void;
}

/**
 * Tells whether a change of a database, an API or a message breaks anybody, as `banyan check` does. It changes nothing:
 * the scripts of a report are run by `banyan check --apply`, or by whatever runs your migrations.
 */
export class CompatibilityChecker {
  readonly #rules: string | undefined;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #note: (text: string) => void;

  constructor({ rules, clock = systemClock, onNote = () => undefined }: CompatibilityCheckerOptions = {}) {
    this.#rules = rules;
    this.#clock = clock;
    this.#note = onNote;
  }

  /**
   * SQL files, dumps, schema JSON or databases, with scripts there and back.
   * @throws BANYAN_DOCUMENT if a file is not of its form, BANYAN_CONNECT if a database can not be reached.
   */
  databases({ renames, expandContract, rowsTimeoutSeconds, ...pair }: CompareDatabasesOptions): Promise<CompatibilityReport> {
    return this.#compare(pair, 'database', { ...(renames ? { renames } : {}), ...(expandContract === undefined ? {} : { expandContract }), ...(rowsTimeoutSeconds === undefined ? {} : { rowsTimeoutSeconds }) });
  }

  /** OpenAPI documents. @throws BANYAN_DOCUMENT if one is not of its form. */
  apis(pair: ComparedPair): Promise<CompatibilityReport> {
    return this.#compare(pair, 'api');
  }

  /** GraphQL schemas. @throws BANYAN_DOCUMENT if one is not of its form. */
  graphql(pair: ComparedPair): Promise<CompatibilityReport> {
    return this.#compare(pair, 'graphql');
  }

  /**
   * JSON Schemas of messages. @throws BANYAN_DOCUMENT if one is not of its form.
   * @param options.compatibility Who must be able to read whom. Default `backward`: new consumers read old messages.
   */
  messages({ compatibility, ...pair }: ComparedPair & { readonly compatibility?: MessageCompatibility }): Promise<CompatibilityReport> {
    return this.#compare(pair, 'schema', compatibility ? { compatibility } : {});
  }

  async #compare(pair: ComparedPair, type: 'database' | 'api' | 'graphql' | 'schema', more: Omit<CompareDatabasesOptions, 'before' | 'after'> & { readonly compatibility?: MessageCompatibility } = {}): Promise<CompatibilityReport> {
    const at = new Date(this.#clock.now());
    const rules = this.#rules === undefined ? undefined : readRuleFile({ file: this.#rules, text: await readDocumentText(this.#rules) });
    const [before, after] = [placeOf(pair.before, 'before'), placeOf(pair.after, 'after')];
    const compared = await comparePlaces({ rowsTimeoutSeconds: 60, expandContract: false, ...more, before, after, type, at, note: this.#note });
    return reportOn({ before: nameOf(before), after: nameOf(after), at, compared, judged: judge(compared, { rules, type, at }) });
  }
}

function placeOf(given: Compared, name: string): Place {
  if (typeof given === 'string') return given;
  return 'url' in given ? given.url : { name, ...given };
}

const nameOf = (place: Place): string => (typeof place === 'string' ? place : place.name);
