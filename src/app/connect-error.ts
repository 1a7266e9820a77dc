import { BanyanError, isBanyanError, messageOf } from '../core/errors.ts';
import { sqlState } from '../postgres/transient.ts';

/**
 * What a pool's connection fails with, as the driver or the system names it, said as what it is: nothing that is
 * wrong with the program. Other errors are given back as they are.
 */
export function connectError(error: unknown): unknown {
  if (isBanyanError(error) || !(error instanceof Error)) return error;
  if (!REFUSED.test(sqlState(error) ?? '') && !isUnreachable(error)) return error;
  // Of a name with several addresses, each attempt has its own error.
  const reasons = error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : messageOf(error);
  return new BanyanError('BANYAN_CONNECT', { message: `A database could not be reached, or refused the connection: ${reasons}`, cause: error });
}

/** 08: connection, 28: who may, 3D000: no such database, 53300: too many, 57P03: not yet started. */
const REFUSED = /^(08...|28...|3D000|53300|57P03)$/;

function isUnreachable(error: Error): boolean {
  if (/^timeout (expired|exceeded when trying to connect)$/.test(error.message)) return true;
  const { syscall, errors = [] } = error as { readonly syscall?: unknown; readonly errors?: readonly unknown[] };
  return syscall === 'connect' || syscall === 'getaddrinfo' || (errors.length > 0 && errors.every((each) => each instanceof Error && isUnreachable(each)));
}
