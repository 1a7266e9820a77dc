import type { CaptureKind } from './capture.ts';

/**
 * How a replay is told from the writes of users: by a replication origin, or, where the role may not
 * have one, by the setting `banyan.replay`, which our triggers read, and the transaction's number.
 */
export type Marking = 'origin' | 'setting';

/** Where triggers capture, nothing needs an origin. */
export const markingOf = (end: { readonly capture?: CaptureKind }): Marking => (end.capture === 'trigger' ? 'setting' : 'origin');
