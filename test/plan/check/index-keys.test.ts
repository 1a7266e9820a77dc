import { expect, it } from 'vitest';
import { indexKeys, type IndexKeys } from '../../../src/plan/check/database/rows/index-keys.ts';

const over = (values: readonly string[], more: Partial<IndexKeys> = {}): IndexKeys => ({ values, nullsNotDistinct: false, ...more });

it.each<readonly [string, IndexKeys | undefined]>([
  ['USING btree (a, b DESC NULLS LAST)', over(['a', 'b'])],
  ['(a text_pattern_ops, "B,c" ASC)', over(['a', '"B,c"'])],
  ['(lower(a) text_pattern_ops, (a || \'),(\') COLLATE "C" DESC)', over(['lower(a)', '(a || \'),(\') COLLATE "C"'])],
  ['(a COLLATE pg_catalog."C", shop.f(a, b))', over(['a COLLATE pg_catalog."C"', 'shop.f(a, b)'])],
  ['((a + (b * 2)), coalesce(a, (0)))', over(['(a + (b * 2))', 'coalesce(a, (0))'])],
  ['(größe)', over(['größe'])],
  ['(a) INCLUDE (b) NULLS NOT DISTINCT WHERE (a > 0);', over(['a'], { nullsNotDistinct: true, where: '(a > 0)' })],
  ['(a) NULLS  NOT  DISTINCT', over(['a'], { nullsNotDistinct: true })],
  ["(a) WHERE b = ';'", over(['a'], { where: "b = ';'" })],
  ['USING btree', undefined],
  ['(a, (b)', undefined],
  ['()', undefined],
  ["(a, 'x')", undefined],
])('%s', (tail, keys) => {
  expect(indexKeys(tail)).toEqual(keys);
});
