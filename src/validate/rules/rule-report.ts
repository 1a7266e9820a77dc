import type { Value } from '../../model/change.ts';
import type { TableName } from '../../model/names.ts';
import type { Severity } from '../severity.ts';

/** Two values that do not agree, as the servers write them. */
export interface Disagreement {
  readonly source: Value;
  readonly target: Value;
  /** `target - source` exactly, where both are numbers. */
  readonly apart?: string;
}

/** One thing that breaks a rule. */
export interface RuleDifference {
  /** The group of an agreement (empty: the only one), the row of an expectation, the key of a row whose times are wrong. */
  readonly subject: Readonly<Record<string, Value>>;
  /** Of an agreement: the values that differ, by the source's column. Empty: the group is on one side only. */
  readonly columns?: Readonly<Record<string, Disagreement>>;
  readonly absentOn?: 'source' | 'target';
  /** Of a temporal rule: what does not hold, the side, and the times. */
  readonly check?: string;
  readonly side?: 'source' | 'target';
  readonly times?: Readonly<Record<string, Value>>;
}

export interface RuleReport {
  readonly name: string;
  readonly kind: 'agreement' | 'expectation' | 'temporal';
  readonly ok: boolean;
  readonly severity: Severity;
  /** Of a temporal rule. */
  readonly table?: TableName;
  /** Groups that were compared. */
  readonly groups?: number;
  /** The first ones. */
  readonly differences: readonly RuleDifference[];
  readonly counts: {
    /** Exact, however few are listed. */
    readonly failing: number;
    /** What changed at every look: neither known to hold nor to fail. */
    readonly unsettled: number;
  };
  /** Of a temporal rule: how many rows fail each check, on each side. */
  readonly checks?: readonly { readonly check: string; readonly source: number; readonly target: number }[];
  readonly seconds: number;
}
