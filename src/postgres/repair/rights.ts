import { BanyanError, messageOf } from '../../core/errors.ts';
import { sqlState } from '../transient.ts';

/** Gives a server's refusal for want of a right its code; any other error passes as it is. */
export function asMissingRight(error: unknown): unknown {
  if (sqlState(error) !== '42501') return error;
  return new BanyanError('BANYAN_RECONCILE_RIGHTS', { message: `Rows can not be repaired with this role: ${messageOf(error)}`, cause: error });
}
