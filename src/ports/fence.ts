import type { Position } from '../model/position.ts';
import type { Side } from '../model/side.ts';

/**
 * A fence is a position on the side a user leaves: once the other side has applied it, the user
 * reads nothing older there than what was committed here before the fence was placed.
 */
export interface Fence {
  /**
   * Places a fence on `side` of `service`: a position at or after every commit acknowledged before
   * the call. Makes the stream move even if nothing else is written.
   */
  place(options: { readonly service: string; readonly side: Side; readonly signal?: AbortSignal }): Promise<Position>;
  /**
   * Resolves true as soon as the other side has applied `position` of `side`; false after
   * `timeoutMs` milliseconds.
   */
  passed(options: {
    readonly service: string;
    readonly side: Side;
    readonly position: Position;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  }): Promise<boolean>;
}

/** How live databases are fenced. */
export interface FenceOptions {
  readonly fence: Fence;
  readonly service: string;
  /** The sides whose commits flow to the other one. Default: both. The source is the monolith. */
  readonly sides?: readonly Side[];
  /** How long the streams may take to pass one fence, in milliseconds. Default 60,000. */
  readonly timeoutMs?: number;
}
