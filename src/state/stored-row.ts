import { invariant } from '../core/errors.ts';

/** A row of Banyan's own tables: every value as text. */
export type StoredRow = Readonly<Record<string, unknown>>;

/** A value that is never null. */
export function text(row: StoredRow | undefined, name: string): string {
  const value = row?.[name];
  invariant(typeof value === 'string', `a record in the state database has its ${name}`);
  return value;
}

export const number = (row: StoredRow, name: string): number => Number(text(row, name));

/** A word of those that are known; another one was written by a later version. */
export function oneOf<T extends string>(known: readonly T[], found: string): T {
  const one = known.find((each) => each === found);
  invariant(one !== undefined, `the state database has an unknown word: ${found}`);
  return one;
}
