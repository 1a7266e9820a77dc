/** One prerequisite, or one fact worth knowing (then `ok` is true). */
export interface PrerequisiteCheck {
  /** Stable: `monolith.wal_level`, `shop.users.key`. */
  readonly id: string;
  readonly ok: boolean;
  readonly found: string;
  readonly expected: string;
  /** Exact SQL or settings; empty when `ok`. */
  readonly remedy: string;
}

/** A check that holds. `expected` is empty for a mere fact. */
export const holds = (id: string, found: string, expected = ''): PrerequisiteCheck => ({ id, ok: true, found, expected, remedy: '' });

/** A check with its remedy, which counts only when `ok` is false. */
export function prerequisite(check: PrerequisiteCheck): PrerequisiteCheck {
  return check.ok ? { ...check, remedy: '' } : check;
}
