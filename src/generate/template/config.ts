/** What the service reads from its environment. */
export interface Config {
  /** `postgres://…` of the service's own database. Secret: never logged. */
  readonly databaseUrl: string;
  readonly host: string;
  /** 0: any free port; the line printed at start names it. */
  readonly port: number;
  readonly logLevel: string;
  /** Most database connections at once. */
  readonly poolSize: number;
  /** A statement that runs longer is cancelled and answered with 503. Milliseconds. */
  readonly statementTimeoutMs: number;
  /** How long a request waits for a free connection before it is answered with 503. Milliseconds. */
  readonly connectTimeoutMs: number;
  /** Larger request bodies are answered with 413. Bytes. */
  readonly bodyLimitBytes: number;
  /** Requests still running this long after SIGTERM are cut. Milliseconds. */
  readonly shutdownTimeoutMs: number;
  /** Signs page cursors. Give every instance of the service the same one. */
  readonly cursorSecret: string;
}

/** Reads the configuration. Throws with every wrong variable named, before anything is started. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const wrong: string[] = [];

  const text = (name: string, fallback: string): string => env[name] ?? fallback;
  const whole = (name: string, fallback: number, largest: number): number => {
    const given = env[name];
    if (given === undefined || given === '') return fallback;
    const value = Number(given);
    if (/^\d+$/.test(given) && value <= largest) return value;
    wrong.push(`${name} must be a whole number from 0 to ${largest}, not "${given}"`);
    return fallback;
  };

  const databaseUrl = text('DATABASE_URL', '');
  if (databaseUrl === '') wrong.push('DATABASE_URL is missing; expected postgres://user:password@host:5432/database');

  const config: Config = {
    databaseUrl,
    host: text('HOST', '127.0.0.1'),
    port: whole('PORT', 3000, 65_535),
    logLevel: text('LOG_LEVEL', 'info'),
    poolSize: whole('POOL_SIZE', 10, 1000) || 1,
    statementTimeoutMs: whole('STATEMENT_TIMEOUT_MS', 10_000, 3_600_000),
    connectTimeoutMs: whole('CONNECT_TIMEOUT_MS', 5_000, 600_000),
    bodyLimitBytes: whole('BODY_LIMIT_BYTES', 1_048_576, 1_073_741_824) || 1,
    shutdownTimeoutMs: whole('SHUTDOWN_TIMEOUT_MS', 10_000, 600_000),
    cursorSecret: text('CURSOR_SECRET', ''),
  };
  if (wrong.length > 0) throw new Error(`Configuration: ${wrong.join('; ')}`);
  return config;
}
