/** A standby that is read in its primary's place. */
export interface Replica {
  /** For messages: whose it is, and where. */
  readonly name: string;
  /**
   * Resolves true once the standby shows whatever its primary showed when it was called; false after
   * `timeoutMs` milliseconds. Costs each of them one statement where the standby is not behind.
   * @throws BANYAN_VALIDATE_REPLICA if another server answers in its place, or it was promoted.
   */
  caughtUp(options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<boolean>;
}
