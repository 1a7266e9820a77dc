import type { Bounds } from '../../core/exact-decimal.ts';
import type { Severity } from '../severity.ts';

interface Named {
  /** Unique among the rules of a run. */
  readonly name: string;
  /** Default `high`. */
  readonly severity?: Severity;
  /** Milliseconds that one statement may take. Default 60,000. */
  readonly timeoutMs?: number;
}

/** Two queries, one for each side, that have to give the same. */
export interface AgreementRule extends Named {
  readonly source: string;
  readonly target: string;
  /** The columns that say which rows belong together. Default: all but the last. */
  readonly group?: readonly string[];
  /** How far two numbers may be apart. Default: not at all; 1.10 is 1.1. */
  readonly tolerance?: Bounds;
}

/** One query of one side, that has to give no row, or one value. */
export interface ExpectationRule extends Named {
  readonly on: 'source' | 'target';
  readonly sql: string;
  /** `none`: no row. Else the one value of the one row, as a text; null is SQL's. */
  readonly expect: 'none' | { readonly value: string | null };
  readonly tolerance?: Bounds;
}

/** A business rule. */
export type Rule = AgreementRule | ExpectationRule;

/** What the times in a table's rows have to be. Checked on both sides, each by its own clock. */
export interface TemporalRules {
  /** Columns (the source's names) that must not be in the future. */
  readonly notInFuture?: readonly string[];
  /** Pairs of columns: the first is not later than the second. */
  readonly ordered?: readonly { readonly earlier: string; readonly later: string; /** A null on either side fails. Default: it passes. */ readonly nulls?: 'allowed' | 'refused' }[];
  /** Milliseconds by which the future may have begun: clocks differ. Default 1000. */
  readonly clockToleranceMs?: number;
  /** Default `medium`. */
  readonly severity?: Severity;
  /** Milliseconds that the scan of a table may take. Default 600,000. */
  readonly timeoutMs?: number;
}

/** Whether a rule compares both sides. */
export function isAgreement(rule: Rule): rule is AgreementRule {
  return 'source' in rule;
}
