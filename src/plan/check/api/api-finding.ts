import { invariant } from '../../../core/errors.ts';
import type { Finding } from '../finding.ts';
import { apiRule } from './rules.ts';

/** What has changed, before it is known whom it concerns. */
export interface Change {
  readonly rule: string;
  readonly path: string;
  /** Without capital and full stop. */
  readonly description: string;
  readonly old?: unknown;
  readonly fresh?: unknown;
}

/** So many operations are named; more would only be counted by anybody. */
export const MOST_OPERATIONS = 200;

export function finding({ rule: id, path, description, old, fresh }: Change, operations: readonly string[]): Finding {
  const rule = apiRule(id);
  invariant(rule !== undefined, `The rule ${id} is missing in the catalogue.`);
  return {
    type: rule.type, rule: id, severity: rule.severity,
    description: `${path}: ${description}${operations.length > MOST_OPERATIONS ? `; more operations are concerned than the ${MOST_OPERATIONS} that are named` : ''}.`,
    field_path: path, old_value: old ?? null, new_value: fresh ?? null,
    impact: rule.impact, suggested_migration: rule.remedy, affected_operations: operations.slice(0, MOST_OPERATIONS),
  };
}
