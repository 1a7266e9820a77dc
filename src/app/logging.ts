import { pino, type Logger as PinoLogger } from 'pino';
import type { Clock } from '../core/clock.ts';
import { isBanyanError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { redactUrl } from '../core/redact.ts';
import type { Logging, LogLevel } from './application.ts';

export interface LoggingOptions {
  /** Where lines go: stderr. */
  readonly output: { write(text: string): unknown; readonly isTTY?: boolean | undefined };
  readonly clock: Clock;
  /** Wins over the configured level: what `-q` and `-v` ask for. */
  readonly level?: LogLevel;
}

type Fields = Readonly<Record<string, unknown>>;

/** Logging by pino: one JSON document a line, or a line of text on a terminal. URLs lose their secrets. */
export function createLogging(options: LoggingOptions): Logging {
  return {
    logger: ({ level, format }) => {
      const asText = format === 'text' || (format === 'auto' && options.output.isTTY === true);
      const output = asText ? { write: (line: string) => options.output.write(textLine(line)) } : options.output;
      return adapt(
        pino(
          {
            level: options.level ?? level,
            base: null,
            messageKey: 'message',
            timestamp: () => `,"time":"${new Date(options.clock.now()).toISOString()}"`,
            formatters: { level: (label) => ({ level: label }) },
          },
          { write: (line) => void output.write(line) },
        ),
      );
    },
  };
}

function adapt(target: PinoLogger): Logger {
  const at = (level: LogLevel) => (message: string, fields?: Fields) => target[level](safeFields(fields), redactUrls(message));
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => adapt(target.child(safeFields(fields))),
  };
}

const SECRET_NAME = /^(password|passwd|pass|secret|token|authorization|cookie|api_?key)$/i;
const DEEPEST = 6;

/** Names that code gives its fields: few, and asked for with every line. */
const known = new Map<string, boolean>();
const MOST_KNOWN = 1000;

function isSecret(name: string): boolean {
  const before = known.get(name);
  if (before !== undefined) return before;
  const secret = SECRET_NAME.test(name);
  if (known.size < MOST_KNOWN) known.set(name, secret);
  return secret;
}

/** An access log writes a line for each request: nothing is made here that is not needed. */
function safeFields(fields: Fields = {}): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    safe[name] = isSecret(name) ? '***' : typeof value === 'number' ? value : safeValue(value, 0);
  }
  return safe;
}

function safeValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactUrls(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return safeError(value, depth);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEEPEST) return '…';
  if (Array.isArray(value)) return value.map((item) => safeValue(item, depth + 1));
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return safeValue(Object.fromEntries(value), depth);
  if (value instanceof Set) return safeValue([...value], depth);
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, SECRET_NAME.test(name) ? '***' : safeValue(item, depth + 1)]),
  );
}

function safeError(error: Error, depth: number): unknown {
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    ...(code === undefined ? {} : { code }),
    message: redactUrls(messageOf(error)),
    ...(isBanyanError(error) ? { remedy: error.remedy, details: safeValue(error.details, depth + 1) } : {}),
    ...(error.cause === undefined || depth >= DEEPEST ? {} : { cause: safeValue(error.cause, depth + 1) }),
  };
}

/** Every URL inside a text without its secrets. */
export function redactUrls(text: string): string {
  return text.includes('://') ? text.replace(/[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi, (url) => redactUrl(url)) : text;
}

/** A line of JSON from pino as people read it: `12:00:00.000 INFO  caught up service=accounts lagMs=12`. */
function textLine(json: string): string {
  const { level, time, message, ...fields } = JSON.parse(json) as Fields;
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${typeof value === 'string' && !/\s/.test(value) ? value : JSON.stringify(value)}`);
  return `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${String(message)}${rest.join('')}\n`;
}
