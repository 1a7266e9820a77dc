/**
 * What a decision may ask of a request besides its user's key. Nothing is read before it is asked for.
 */
export interface RequestFacts {
  readonly method: string;
  /** Lower case, without a port; empty if the request names none. */
  host(): string;
  /** The path's segments, percent-encoding resolved. */
  path(): readonly string[];
  header(name: string): string | undefined;
  query(name: string): string | undefined;
  tenant(): string | undefined;
  region(): string | undefined;
}

/** Whose request it is, as a decision sees it. */
export interface Subject {
  readonly key: string;
  /** {@link bucketOf} the key. */
  readonly bucket: number;
  /** Null: only the key is known, and no rule about requests fits. */
  readonly facts: RequestFacts | null;
}
