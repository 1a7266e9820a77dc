import { connect as connectTcp } from 'node:net';
import { userInfo } from 'node:os';
import { Client } from 'pg';
import type pg from 'pg';
import { readPasswordFile } from './password-file.ts';
import { readTls, TLS_PARAMETERS, type TlsMode } from './tls.ts';

/** What a URL and the environment say of how to connect, in the driver's words. */
export interface SessionTarget {
  readonly config: pg.ClientConfig;
  readonly mode: TlsMode;
}

/**
 * Reads a URL as libpq would: `sslmode` and its files, the environment (`PGSSLMODE`, `PGPASSWORD`, `PGPASSFILE` …),
 * the password file, unix sockets (`postgres:///db?host=/run/postgresql`).
 *
 * @throws BANYAN_CONNECT
 */
export function sessionTarget(options: {
  readonly url: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly warn?: (reason: string) => void;
}): SessionTarget {
  const { url, env = process.env, warn } = options;
  const [address, query] = splitOnce(url, '?');
  const parameters = new URLSearchParams(query);
  const kept = new URLSearchParams([...parameters].filter(([name]) => !TLS_PARAMETERS.has(name)));
  const whom = questionOf(address, parameters, env);
  const local = whom.host.startsWith('/') || whom.host === '';
  const tls = local ? { mode: 'disable' as const, options: undefined } : readTls(parameters, env);
  if (whom.password === undefined) {
    const password = readPasswordFile({ question: whom, env, ...(warn ? { warn } : {}) });
    if (password !== undefined) kept.set('password', password);
  }
  const rest = kept.toString().replaceAll('+', '%20');
  return {
    mode: tls.mode,
    config: { connectionString: rest === '' ? address : `${address}?${rest}`, ssl: tls.options ?? false },
  };
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

interface Whom {
  readonly host: string;
  readonly port: string;
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
}

function questionOf(address: string, parameters: URLSearchParams, env: NodeJS.ProcessEnv): Whom {
  // A user without a host (`postgres://me@/db`) is no URL to the standard.
  const complete = URL.canParse(address) ? address : address.replace('@/', '@placeholder/');
  const parsed = URL.canParse(complete) ? new URL(complete) : undefined;
  const hostname = parsed && parsed.hostname !== 'placeholder' ? decodeURIComponent(parsed.hostname).replace(/^\[(.+)\]$/, '$1') : '';
  const user = parameters.get('user') ?? nonEmpty(decodeURIComponent(parsed?.username ?? '')) ?? env['PGUSER'] ?? userInfo().username;
  return {
    user,
    host: parameters.get('host') ?? nonEmpty(hostname) ?? env['PGHOST'] ?? 'localhost',
    port: parameters.get('port') ?? nonEmpty(parsed?.port ?? '') ?? env['PGPORT'] ?? '5432',
    database: nonEmpty(decodeURIComponent(parsed?.pathname.slice(1) ?? '')) ?? env['PGDATABASE'] ?? user,
    password: parameters.get('password') ?? nonEmpty(parsed?.password ?? '') ?? env['PGPASSWORD'],
  };
}

const nonEmpty = (text: string): string | undefined => (text === '' ? undefined : text);

type Connected = (error: Error | null, client: Client) => void;

/** Servers that have said that they do not speak TLS, as `host:port`. */
const withoutTls = new Set<string>();

/**
 * The driver's client, which knows `prefer`: it asks the server whether it speaks TLS before it connects,
 * and goes on without where it does not. The answer "no" is remembered while this process lives.
 */
export class PreferringClient extends Client {
  override connect(): Promise<Client>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<Client> | void {
    const ready = this.#negotiated();
    if (!callback) return ready.then(() => super.connect());
    void this.#connectThen(ready, callback);
  }

  /** For pools, which take callbacks. */
  async #connectThen(ready: Promise<void>, callback: Connected): Promise<void> {
    await ready;
    super.connect(callback);
  }

  /** Never rejects: what goes wrong is told by connecting. */
  async #negotiated(): Promise<void> {
    const { host, port } = this;
    const name = `${host}:${port}`;
    if (!withoutTls.has(name)) {
      if (await speaksTls({ host, port })) return;
      withoutTls.add(name);
    }
    Object.assign(this, { ssl: false });
    Object.assign(this.connection, { ssl: false });
  }
}

/** A code that asks "TLS?" in the place of a protocol version. */
const TLS_REQUEST = Buffer.from([0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]);
const YES = 'S'.charCodeAt(0);

/** Whether the server at an address speaks TLS; true also when it can not be asked, so that connecting tells why. */
function speaksTls(address: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(address);
    const answer = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.setTimeout(10_000, () => answer(true));
    socket.once('connect', () => socket.write(TLS_REQUEST));
    socket.once('data', (bytes) => answer(bytes[0] === YES));
    socket.once('error', () => answer(true));
    socket.once('close', () => resolve(true));
  });
}
