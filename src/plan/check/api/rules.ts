import type { FindingSeverity } from '../finding.ts';
import { MESSAGE_RULES } from './message-rules.ts';
import { OPERATION_RULES } from './operation-rules.ts';
import { SCHEMA_RULES } from './schema-rules.ts';

/** One kind of difference between two APIs. */
export interface Rule {
  /** Stable; carries the side: `request-property-made-required`. */
  readonly id: string;
  /** As INTERFACE names it: `property_made_required`. */
  readonly type: string;
  readonly severity: FindingSeverity;
  /** What breaks, and for whom. */
  readonly impact: string;
  /** How to do it without breaking anybody. */
  readonly remedy: string;
}

/** Every rule of `banyan check --type api`; docs/check-api.md is written from it. */
export const API_RULES: readonly Rule[] = [...OPERATION_RULES, ...SCHEMA_RULES];

const BY_ID: ReadonlyMap<string, Rule> = new Map([...API_RULES, ...MESSAGE_RULES].map((rule) => [rule.id, rule]));

export function apiRule(id: string): Rule | undefined {
  return BY_ID.get(id);
}
