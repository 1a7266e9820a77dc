/** How two answers differ in one place. */
export type DifferenceKind =
  | 'status'
  /** Another value of the same type. */
  | 'value'
  | 'type'
  /** Only the monolith has it. */
  | 'missing'
  /** Only the service has it. */
  | 'extra'
  /** Of a list or a text. */
  | 'length'
  /** The items of a list are the same, in another order. */
  | 'order';

/** Where two answers differ. Values are cut short and masked: they are shown to people. */
export interface Difference {
  /** The same for all items of a list: `$.items[*].price`, `header etag`, `status`, `body`. */
  readonly path: string;
  readonly kind: DifferenceKind;
  /** In these two answers: `$.items[2].price`. */
  readonly at: string;
  readonly monolith: string;
  readonly service: string;
  /**
   * What noise must be like to hide it: noise of values hides no missing field, noise between null and a text no
   * number.
   */
  readonly signature: string;
}

/** The name of a difference among all of one endpoint. */
export const keyOf = ({ path, signature }: Pick<Difference, 'path' | 'signature'>): string => `${path} ${signature}`;

export function signatureOf(kind: DifferenceKind, a: string, b: string): string {
  if (kind === 'missing' || kind === 'extra') return 'presence';
  return kind === 'type' || kind === 'status' ? `${kind} ${[a, b].sort().join('|')}` : kind;
}
