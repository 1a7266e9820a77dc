import { COLUMN_RULES } from './column-rules.ts';
import { CONSTRAINT_RULES } from './constraint-rules.ts';
import { OBJECT_RULES } from './object-rules.ts';
import { ROUTINE_RULES } from './routine-rules.ts';
import type { DatabaseRule } from './rule.ts';
import { TABLE_RULES } from './table-rules.ts';

/** Every rule of `banyan check --type database`; the pages of docs/rules are written from it. */
export const DATABASE_RULES: readonly DatabaseRule[] = [...TABLE_RULES, ...COLUMN_RULES, ...CONSTRAINT_RULES, ...OBJECT_RULES, ...ROUTINE_RULES];

const BY_ID: ReadonlyMap<string, DatabaseRule> = new Map(DATABASE_RULES.map((each) => [each.id, each]));

export function databaseRule(id: string): DatabaseRule | undefined {
  return BY_ID.get(id);
}
