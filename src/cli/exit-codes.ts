import type { ErrorCode } from '../core/error-codes.ts';
import { isBanyanError } from '../core/errors.ts';

/** What the process says when it ends; `banyan help exit-codes` explains it. */
export const EXIT = { fine: 0, no: 1, refused: 2, failed: 3, killed: 130 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODES_HELP = `Exit codes

  0    fine
  1    the answer is "no": differences found, potentially breaking, a gate not passed
  2    the answer is "certainly not" (breaking), or wrong usage, configuration or input
  3    an operation failed
  130  stopped at once by a second Ctrl-C

Every error has a code such as BANYAN_CONNECT, printed on stderr with its remedy
and, with --json, on stdout as {"error":{"code","message","remedy"}}.

Example:
  $ banyan validate --json > report.json; echo $?
`;

/** The errors that say: what you typed or wrote is wrong. */
const INPUT_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'BANYAN_USAGE',
  'BANYAN_CONFIG',
  'BANYAN_CONFIG_NOT_FOUND',
  'BANYAN_DOCUMENT',
  'BANYAN_HAZARD',
  'BANYAN_PLAN_CHANGED',
  'BANYAN_PLAN_ROWS',
  'BANYAN_SERVICE_UNKNOWN',
  'BANYAN_TABLE_NAME',
  'BANYAN_TABLE_UNKNOWN',
  'BANYAN_VALIDATE_COLUMN',
]);

export function exitCodeOf(error: unknown): ExitCode {
  return isBanyanError(error) && INPUT_ERRORS.has(error.code) ? EXIT.refused : EXIT.failed;
}
