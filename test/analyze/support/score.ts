import { adjustedRandIndex } from '../../../src/analyze/compare.ts';

type Services = Readonly<Record<string, readonly string[]>>;

/**
 * How like the truth a result is (ARI). A table of the truth that the result leaves out counts as a
 * service of its own; names are compared without `public.`.
 */
export function scoreAgainst(truth: Services, result: Services, unscored: readonly string[] = []): number {
  const plain = (name: string): string => name.replace(/^public\./, '').replaceAll('"', '');
  const left = new Map(unscored.map((name) => [plain(name), true]));
  const found = new Map(Object.values(result).flatMap((tables, index) => tables.map((name) => [plain(name), index] as const)));
  const expected: number[] = [];
  const given: number[] = [];
  Object.values(truth).forEach((tables, index) => {
    for (const name of tables.map(plain)) {
      if (left.has(name)) continue;
      expected.push(index);
      given.push(found.get(name) ?? 1_000_000 + given.length);
    }
  });
  return adjustedRandIndex(expected, given);
}
