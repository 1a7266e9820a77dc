import { Client } from 'undici';
import { isUnknown, type JournalEntry, type Write } from './journal-entry.ts';

export type Body = Readonly<Record<string, unknown>>;

export interface Sending {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT';
  readonly path: string;
  readonly body?: Body;
  readonly may?: readonly number[];
  /** What the request writes, as far as the client knows before the answer. */
  readonly attempt?: Write;
  /** The whole write, from the answer. */
  readonly acknowledged?: (answer: Body) => Write;
  readonly read?: (answer: Body) => NonNullable<JournalEntry['read']>;
}

export interface Answer {
  readonly status: number | null;
  readonly body: Body;
  readonly ok: boolean;
  /** The write may have happened or not: read the state before going on. */
  readonly unknown: boolean;
}

export interface VisitorClientOptions {
  /** Asked before each request: the target may change between two of them. */
  readonly target: () => string;
  readonly timeoutMs: number;
  readonly record: (entry: JournalEntry) => void;
}

/** The browser of one visitor: cookies, one keep-alive connection, one request at a time, each one journalled. */
export class VisitorClient {
  readonly #options: VisitorClientOptions;
  readonly #cookies = new Map<string, string>();
  #connection: { readonly origin: string; readonly client: Client } | undefined;
  /** The id of the session whose cookie is kept; set it after a login. */
  sessionId: string | undefined;

  constructor(options: VisitorClientOptions) {
    this.#options = options;
  }

  get visitor(): string {
    return this.#cookies.get('vid') ?? '';
  }

  forgetSession(): void {
    this.#cookies.delete('sid');
    this.sessionId = undefined;
  }

  async send(sending: Sending): Promise<Answer> {
    const client = await this.#connect();
    const t = Date.now();
    const started = performance.now();
    const line = {
      t,
      visitor: this.visitor,
      method: sending.method,
      path: sending.path,
      ...(this.sessionId === undefined ? {} : { session: this.sessionId }),
      ...(sending.may === undefined ? {} : { may: sending.may }),
    };
    const elapsed = (): number => Math.round((performance.now() - started) * 10) / 10;
    try {
      const response = await client.request({
        method: sending.method,
        path: sending.path,
        headers: {
          cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
          'user-agent': 'shop-workload',
          ...(sending.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(sending.body === undefined ? {} : { body: JSON.stringify(sending.body) }),
      });
      const text = await response.body.text();
      const status = response.statusCode;
      const ok = status >= 200 && status < 300;
      // An answer of 2xx that is not the shop's JSON proves nothing, and lands below as one that did not come.
      const body = ok ? parseObject(text) : {};
      if (ok) this.#keepCookies(response.headers['set-cookie']);
      const unknown = isUnknown(status);
      this.#options.record({
        ...line,
        status,
        ms: elapsed(),
        ...named('side', response.headers['x-banyan-side']),
        ...named('servedBy', response.headers['x-served-by']),
        ...(ok ? {} : { error: text.slice(0, 200) }),
        ...(ok && sending.acknowledged ? { write: sending.acknowledged(body) } : {}),
        ...(ok && sending.read ? { read: sending.read(body) } : {}),
        ...(unknown && sending.attempt ? { attempt: sending.attempt } : {}),
      });
      return { status, body, ok, unknown };
    } catch (error) {
      this.#options.record({
        ...line,
        status: null,
        ms: elapsed(),
        error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
        ...(sending.attempt ? { attempt: sending.attempt } : {}),
      });
      return { status: null, body: {}, ok: false, unknown: true };
    }
  }

  async close(): Promise<void> {
    await this.#connection?.client.close();
  }

  async #connect(): Promise<Client> {
    const { origin } = new URL(this.#options.target());
    if (this.#connection?.origin !== origin) {
      await this.#connection?.client.close();
      const { timeoutMs } = this.#options;
      const client = new Client(origin, { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connectTimeout: timeoutMs });
      this.#connection = { origin, client };
    }
    return this.#connection.client;
  }

  #keepCookies(header: string | string[] | undefined): void {
    for (const line of typeof header === 'string' ? [header] : (header ?? [])) {
      const match = /^([^=]+)=([^;]*)/.exec(line);
      if (match?.[1] === undefined || match[2] === undefined) continue;
      if (match[2] === '') this.#cookies.delete(match[1]);
      else this.#cookies.set(match[1], match[2]);
    }
  }
}

const named = (name: 'side' | 'servedBy', header: string | string[] | undefined): Partial<JournalEntry> =>
  header === undefined ? {} : { [name]: String(header) };

function parseObject(text: string): Body {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error('the answer is not an object');
  return Object.fromEntries(Object.entries(value));
}
