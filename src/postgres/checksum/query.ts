import { BanyanError, messageOf } from '../../core/errors.ts';
import type { Selection } from '../../ports/checksummer.ts';
import { isTransient, sqlState } from '../transient.ts';

/**
 * Gives a server's refusal the table it was about. Lost connections and cancelled statements pass
 * as they are: they say nothing about the table.
 */
export function refused(error: unknown, selection: Pick<Selection, 'table' | 'where'>): unknown {
  const state = sqlState(error);
  if (state === undefined || isTransient(error)) return error;
  return new BanyanError('BANYAN_VALIDATE_QUERY', {
    message: `${selection.table} could not be read: ${messageOf(error)}`,
    cause: error,
    details: { table: selection.table, sqlState: state, ...(selection.where === undefined ? {} : { where: selection.where }) },
  });
}
