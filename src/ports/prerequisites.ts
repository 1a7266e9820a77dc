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
