import type { Transaction } from '../model/change.ts';
import type { Position } from '../model/position.ts';

/** What a stream of one server's commits delivers, in commit order. */
export type SourceEvent =
  | { readonly kind: 'transaction'; readonly transaction: Transaction }
  /**
   * Parts of transactions whose changes interleave, so that only all of them together are a point to
   * stop at. In the order of the changes; one transaction may come in several parts, none of which
   * lies behind the unit's position.
   */
  | { readonly kind: 'unit'; readonly position: Position; readonly parts: readonly Transaction[] }
  /** Everything at or before the position has been delivered. */
  | { readonly kind: 'progress'; readonly position: Position };

/** Where a source begins to deliver: everything after that position, of that history of the server's log. */
export interface Beginning {
  readonly position: Position;
  /** Positions of different histories can not be compared: another server, a promoted standby, a log that was made anew. */
  readonly history: string;
}

/** Capture: one server's commits from a position on. */
export interface ChangeSource {
  /**
   * Delivers every transaction that committed after the last acknowledged position, in order.
   * Positions before what the caller has applied may be repeated; the caller skips them.
   * Ends with an error if the connection is lost, and with the signal's reason when aborted.
   *
   * @param options.onBegin Told on each connection, and waited for, before the first event. One that is unknown is not told of.
   */
  stream(options: { readonly signal: AbortSignal; readonly onBegin?: (beginning: Beginning) => Promise<void> }): AsyncIterable<SourceEvent>;
  /**
   * Tells the server that everything up to `position` need not be kept. Only ever called with what
   * is durable on the other side.
   */
  acknowledge(position: Position): void;
}
