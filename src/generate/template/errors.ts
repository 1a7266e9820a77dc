import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ConstraintDefinition, Table } from './lib/table.ts';

/** What is wrong with one field of a request. `field` is a property, or a parameter's name. */
export interface FieldError {
  readonly field: string;
  readonly code: string;
  readonly message: string;
}

export interface ProblemOptions {
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  403: 'Forbidden',
  404: 'Not found',
  409: 'Conflict',
  412: 'Precondition failed',
  413: 'Content too large',
  415: 'Unsupported media type',
  422: 'Unprocessable content',
  500: 'Internal server error',
  503: 'Service unavailable',
};

/** An answer other than success, sent as RFC 9457 problem details. */
export class Problem extends Error {
  readonly statusCode: number;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(statusCode: number, options: ProblemOptions = {}) {
    super(options.detail ?? TITLES[statusCode] ?? 'Error');
    this.statusCode = statusCode;
    this.errors = options.errors ?? [];
    this.headers = options.headers ?? {};
  }
}

/** A 400 about one field. */
export function badField(field: string, code: string, message: string): Problem {
  return new Problem(400, { detail: `${field}: ${message}`, errors: [{ field, code, message }] });
}

/** The parts of a PostgreSQL error that decide the answer. */
interface DatabaseError extends Error {
  readonly code: string;
  readonly position?: string;
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
}

function isDatabaseError(error: unknown): error is DatabaseError {
  return error instanceof Error && 'severity' in error && 'code' in error && typeof error.code === 'string';
}

const CONNECTION_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN']);
const CONNECTION_MESSAGES = /timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error/;

function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return CONNECTION_CODES.has(code) || CONNECTION_MESSAGES.test(error.message);
}

function unavailable(detail: string): Problem {
  return new Problem(503, { detail, headers: { 'retry-after': '1' } });
}

function aboutFields(
  statusCode: number,
  code: string,
  message: string,
  fields: readonly string[],
): Problem {
  return new Problem(statusCode, { detail: message, errors: fields.map((field) => ({ field, code, message })) });
}

/** How a PostgreSQL error is answered, by its SQLSTATE. */
function databaseProblem(error: DatabaseError, deleting: boolean, constraint: ConstraintDefinition | undefined): Problem | undefined {
  const fields = constraint?.columns ?? [];
  switch (error.code) {
    case '23505':
      return aboutFields(409, 'unique', `Another row has the same ${fields.join(', ') || 'unique value'}.`, fields);
    case '23P01':
      return aboutFields(409, 'exclusion', 'The row conflicts with another one.', fields);
    case '23503':
      return deleting || constraint?.kind !== 'foreign key'
        ? new Problem(409, { detail: 'Other rows refer to this one.' })
        : aboutFields(422, 'reference', `What ${fields.join(', ')} refers to does not exist.`, fields);
    case '23001':
      return new Problem(409, { detail: 'Other rows refer to this one.' });
    case '23514':
      return aboutFields(422, 'check', `The rule ${error.constraint ?? ''} does not hold.`, fields);
    case '23502':
      return aboutFields(400, 'required', 'A value is required.', error.column === undefined ? [] : [error.column]);
    case '40001':
    case '40P01':
      return new Problem(409, { detail: 'The change met another one; try again.', headers: { 'retry-after': '1' } });
    case '42501':
      return new Problem(403, { detail: 'The database does not allow this.' });
    case '57014':
      return unavailable('The statement took too long.');
    case '55P03':
      return unavailable('The row is locked.');
    case '25006':
      return unavailable('The database accepts no writes at the moment.');
    case '42601':
      // Without a position in the statement, it is a value that has a syntax of its own, such as a tsvector.
      return error.position === undefined ? new Problem(400, { detail: error.message }) : undefined;
  }
  switch (error.code.slice(0, 2)) {
    case '22':
      return new Problem(400, { detail: error.message });
    // A limit of the server, a rule of a view or a message raised by the database's own code.
    case '54':
    case '44':
    case 'P0':
      return new Problem(422, { detail: error.message });
    case '53':
    case '57':
    case '08':
      return unavailable('The database is not available.');
    default:
      return undefined;
  }
}

/** What is answered for whatever was thrown; anything unknown is a 500 that tells nothing. */
export function toProblem(
  error: unknown,
  deleting: boolean,
  constraintOf: (error: { schema?: string; table?: string; constraint?: string }) => ConstraintDefinition | undefined,
): Problem {
  if (error instanceof Problem) return error;
  if (isDatabaseError(error)) {
    const problem = databaseProblem(error, deleting, constraintOf(error));
    if (problem) return problem;
  }
  if (isConnectionLoss(error)) return unavailable('The database is not available.');
  // Fastify's own refusals: a body too large, a media type it does not know, JSON that is none.
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500) {
    return new Problem(error.statusCode, { detail: error.message });
  }
  return new Problem(500);
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.statusCode)
    .headers(problem.headers)
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: 'about:blank',
        title: TITLES[problem.statusCode] ?? 'Error',
        status: problem.statusCode,
        detail: problem.message,
        instance: request.url.split('?', 1)[0],
        request_id: request.id,
        ...(problem.errors.length > 0 ? { errors: problem.errors } : {}),
      }),
    );
}

/** Answers every error with problem details, and names the fields behind the tables' constraints. */
export function answerErrors(app: FastifyInstance, tables: readonly Table[]): void {
  const constraints = new Map<string, ConstraintDefinition>();
  for (const table of tables) {
    for (const constraint of table.constraints) {
      constraints.set(JSON.stringify([table.schema, table.table, constraint.name]), constraint);
    }
  }
  app.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error, request.method === 'DELETE', (violated) =>
      constraints.get(JSON.stringify([violated.schema, violated.table, violated.constraint])),
    );
    if (problem.statusCode >= 500) request.log.error({ err: error }, 'request failed');
    return sendProblem(request, reply, problem);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(request, reply, new Problem(404, { detail: `There is no ${request.method} ${request.url.split('?', 1)[0] ?? ''}.` })),
  );
}
