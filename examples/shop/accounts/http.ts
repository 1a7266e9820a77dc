import { isIP } from 'node:net';

/** What a handler needs to know of an HTTP request, whatever server received it. */
export interface ShopRequest {
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly cookies: ReadonlyMap<string, string>;
  /** The parsed JSON body; `undefined` when there was none. */
  readonly body: unknown;
  readonly ip: string | null;
  readonly userAgent: string;
}

export interface ShopReply {
  readonly status: number;
  readonly body: unknown;
  readonly cookies?: readonly string[];
}

/** The request is refused: answered with `status` (4xx) and the code, never logged as a fault of the server. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export type Fields = Readonly<Record<string, unknown>>;

/** Path and query of a request line's target. Never throws, whatever the client sent. */
export function splitTarget(target: string): { readonly path: string; readonly query: URLSearchParams } {
  const mark = target.indexOf('?');
  return mark < 0
    ? { path: target, query: new URLSearchParams() }
    : { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}

/** The client's address: the first that a proxy in front has noted, or the connection's own. */
export function clientAddress(forwardedFor: string | undefined, connection: string | undefined): string | null {
  const candidates = [forwardedFor?.split(',')[0]?.trim(), connection];
  return candidates.find((candidate) => candidate !== undefined && isIP(candidate) !== 0) ?? null;
}

export function parseCookies(header: string | undefined): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const part of (header ?? '').split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0) cookies.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  return cookies;
}

/** An empty body counts as none; anything else must be JSON. */
export function parseBody(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refusal(400, 'bad_json', 'The body is not JSON.');
    throw error;
  }
}

/** The body as an object that has no other keys than the allowed ones. */
export function fieldsOf(body: unknown, allowed: readonly string[]): Fields {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Refusal(400, 'bad_body', 'The body must be a JSON object.');
  }
  const unknown = Object.keys(body).find((key) => !allowed.includes(key));
  if (unknown !== undefined) throw new Refusal(400, 'unknown_field', `There is no field ${JSON.stringify(unknown)}.`);
  return Object.fromEntries(Object.entries(body));
}

export function text(fields: Fields, name: string, limits: { readonly min: number; readonly max: number }): string {
  const value = fields[name];
  if (typeof value !== 'string' || value.length < limits.min || value.length > limits.max || value.includes('\0')) {
    throw new Refusal(400, 'bad_field', `${name} must be text of ${limits.min} to ${limits.max} characters.`);
  }
  return value;
}

export function optionalText(fields: Fields, name: string, max: number): string | null {
  return fields[name] === undefined || fields[name] === null ? null : text(fields, name, { min: 0, max });
}

export function wholeNumber(fields: Fields, name: string, limits: { readonly min: number; readonly max: number }): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < limits.min || value > limits.max) {
    throw new Refusal(400, 'bad_field', `${name} must be a whole number from ${limits.min} to ${limits.max}.`);
  }
  return value;
}

/** A bigint key as it appears in a path or a body; what cannot be one is simply not found. */
export function rowId(value: unknown): string {
  if (typeof value === 'string' && /^[1-9]\d{0,18}$/.test(value) && BigInt(value) <= 9223372036854775807n) return value;
  throw new Refusal(404, 'not_found', 'There is no such thing.');
}

/** Makes a reply of whatever a handler threw. PostgreSQL's complaints about the input are the client's fault. */
export function replyToError(error: unknown): ShopReply {
  if (error instanceof Refusal) return { status: error.status, body: { error: error.code, message: error.message } };
  const code = sqlState(error);
  if (code?.startsWith('22')) return { status: 400, body: { error: 'bad_value', message: 'A value cannot be stored.' } };
  if (code?.startsWith('23')) return { status: 409, body: { error: 'conflict', message: 'It clashes with what is there.' } };
  return { status: 500, body: { error: 'fault', message: 'Something broke; the log says what.' } };
}

export function sqlState(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
