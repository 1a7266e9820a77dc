import { ALL_SORTS } from './all-sorts.ts';
import { COLUMN_PAIRS } from './columns.ts';
import { MANY_PAIRS } from './many.ts';
import { NAME_PAIRS } from './names.ts';
import { OBJECT_PAIRS } from './objects.ts';
import type { SchemaPair } from './pair.ts';
import { PRIVILEGE_PAIRS } from './privileges.ts';
import { ROUTINE_PAIRS } from './routines.ts';
import { RULE_PAIRS } from './rules.ts';
import { STATISTICS_PAIRS } from './statistics.ts';

/** Every change between two schemas that was written down, by subject. */
export const SCHEMA_PAIRS: readonly SchemaPair[] = [...ALL_SORTS, ...COLUMN_PAIRS, ...RULE_PAIRS, ...OBJECT_PAIRS, ...ROUTINE_PAIRS, ...PRIVILEGE_PAIRS, ...STATISTICS_PAIRS, ...NAME_PAIRS, ...MANY_PAIRS];
