import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { otherSide, type Side } from '../model/side.ts';
import type { Fence } from '../ports/fence.ts';
import type { BucketFlow, BucketHold } from './bucket-flow.ts';
import type { Assignment } from './decision/assignment.ts';
import { within } from './within.ts';

export interface MoveOptions {
  readonly flow: BucketFlow;
  readonly service: string;
  /** Buckets of which users are on the other side of `to`, and should not be. */
  readonly buckets: readonly number[];
  /** What a bucket goes by afterwards. It moves users to `to` only. */
  readonly next: (bucket: number) => Assignment;
  readonly to: Side;
  /** Absent: the two sides share their data, or the caller answers for it. */
  readonly fence: Fence | undefined;
  readonly clock: Clock;
  /** Longest time, in milliseconds, that a request of a moving user is held. */
  readonly boundMs: number;
  /** Most requests held at once. */
  readonly maxHeld: number;
  /** Awaited before anybody is held. Empty: users may be moved; else why not. Default: they may. */
  readonly permission?: Promise<string> | undefined;
  readonly signal: AbortSignal;
}

export interface MoveResult {
  /** Buckets whose users are where they should be now. */
  readonly moved: number;
  /** Buckets put off: they stay where they were. */
  readonly left: number;
  /** Why any were put off; empty if none. */
  readonly reason: string;
  /** Whether it was because too many requests waited: a smaller move may pass. */
  readonly overflowed: boolean;
}

const OVERFLOW = Symbol('overflow');

/**
 * Moves users from one side to the other so that none of them reads the past:
 *
 * 1. Before anybody is held, a fence must pass within the bound: if sync lags, nobody waits in vain.
 * 2. The new requests of the moving users are held.
 * 3. As soon as the requests of their bucket that were under way are answered, a fence is placed on the
 *    side they leave. Everything they were ever told to be committed lies before that fence.
 * 4. When the other side has applied the fence, the bucket goes by its next assignment and the requests go on.
 *
 * After the bound every bucket that could not be moved goes on where it was. Reads under way keep a
 * bucket back for half of the bound only: they write nothing, so what they still send can't be lost.
 */
export async function moveBuckets(options: MoveOptions): Promise<MoveResult> {
  const { flow, buckets, next, clock, boundMs, signal } = options;
  const rehearsals = await Promise.all([passFence(options, boundMs, signal), options.permission]);
  const refused = rehearsals.find((reason) => reason !== '' && reason !== undefined);
  if (refused !== undefined) return { moved: 0, left: buckets.length, reason: refused, overflowed: false };

  const stop = new AbortController();
  const forward = (): void => {
    stop.abort(signal.reason);
  };
  signal.addEventListener('abort', forward, { once: true });
  const hold = flow.hold({
    buckets,
    next,
    maxRequests: options.maxHeld,
    onOverflow: () => {
      stop.abort(OVERFLOW);
    },
  });
  const deadline = clock.monotonic() + boundMs;
  let reason: string;
  let left: number;
  try {
    reason = await settleDrained(options, { hold, deadline, signal: stop.signal });
  } catch (error) {
    reason = whyStopped(stop.signal, error);
  } finally {
    signal.removeEventListener('abort', forward);
    left = hold.settleRest();
  }
  return {
    moved: buckets.length - left,
    left,
    reason: left === 0 ? '' : reason,
    overflowed: stop.signal.reason === OVERFLOW,
  };
}

async function settleDrained(
  options: MoveOptions,
  state: { readonly hold: BucketHold; readonly deadline: number; readonly signal: AbortSignal },
): Promise<string> {
  const { clock, boundMs } = options;
  const { hold, deadline, signal } = state;
  const readsUntil = deadline - boundMs / 2;
  while (hold.size > 0) {
    signal.throwIfAborted();
    const ready = hold.takeDrained();
    if (ready.length > 0) {
      const reason = await passFence(options, deadline - clock.monotonic(), signal);
      if (reason !== '') return reason;
      hold.settle(ready);
      continue;
    }
    const now = clock.monotonic();
    if (now >= deadline) return `requests of ${hold.size} buckets were still under way after ${boundMs} ms`;
    const until = now < readsUntil ? readsUntil : deadline;
    await within({ clock, ms: until - now, signal }, () => hold.drained());
    if (clock.monotonic() >= readsUntil) hold.ignoreReads();
  }
  return '';
}

/** Places a fence on the side that is left and waits for it. Empty: passed; else why not. */
export async function passFence(options: Pick<MoveOptions, 'fence' | 'service' | 'clock' | 'to' | 'boundMs'>, ms: number, signal: AbortSignal): Promise<string> {
  const { fence, service, clock, to, boundMs } = options;
  if (!fence) return '';
  const side = otherSide(to);
  const started = clock.monotonic();
  const late = `the ${to} has not applied what the ${side} committed within ${boundMs} ms`;
  try {
    const passed = await within({ clock, ms, signal }, async (signal) => {
      const position = await fence.place({ service, side, signal });
      const timeoutMs = Math.max(1, Math.ceil(ms - (clock.monotonic() - started)));
      return fence.passed({ service, side, position, timeoutMs, signal });
    });
    return passed === true ? '' : late;
  } catch (error) {
    // A fence that can't be placed puts the move off; the caller reports it and tries again.
    return whyStopped(signal, error);
  }
}

function whyStopped(signal: AbortSignal, error: unknown): string {
  if (signal.reason === OVERFLOW) return 'too many requests were waiting for the move';
  if (signal.aborted) return `stopped: ${messageOf(signal.reason)}`;
  return `the fence failed: ${messageOf(error)}`;
}
