import { isBanyanError } from '../core/errors.ts';
import type { Applier } from '../ports/applier.ts';

/**
 * Whether an error is the change's own: the database refused its values, its resolver failed, or it lacks
 * a part of its row. Only that is set aside; a bug of ours, an abort or a passing trouble must not put
 * anybody's write away.
 */
export function isFaultOfValues(error: unknown, applier: Pick<Applier, 'isTransient' | 'codeOf'>): boolean {
  if (isBanyanError(error)) return OF_VALUES.has(error.code);
  return !applier.isTransient(error) && applier.codeOf(error) !== 'unknown';
}

/** Codes of Banyan's own that a change's values may be to blame for. */
const OF_VALUES: ReadonlySet<string> = new Set(['BANYAN_RESOLVER', 'BANYAN_TRANSFORM', 'BANYAN_ROW_MISSING', 'BANYAN_NO_KEY']);
