import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

const BRAND = Symbol.for('banyan.error');

export interface BanyanErrorOptions {
  /** What happened, with the names and values of this case. Never a secret. */
  readonly message: string;
  /** The error underneath, if any. */
  readonly cause?: unknown;
  /** Overrides the code's general remedy where this case has a more exact one. */
  readonly remedy?: string;
  /** Machine-readable facts of the case: table, key, position. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The only error Banyan throws on purpose: a stable code, what happened, what to do.
 * Use {@link isBanyanError} instead of `instanceof`; it also holds across two copies of the package.
 */
export class BanyanError extends Error {
  override readonly name = 'BanyanError';
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, options: BanyanErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy ?? ERROR_CODES[code].remedy;
    this.details = options.details ?? {};
  }
}

/** Whether `error` is Banyan's own, and, if `code` is given, has that code. */
export function isBanyanError(error: unknown, code?: ErrorCode): error is BanyanError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as BanyanError).code === code;
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** For the branch that can't be reached: throws BANYAN_INTERNAL if it is. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BanyanError('BANYAN_INTERNAL', { message });
}
