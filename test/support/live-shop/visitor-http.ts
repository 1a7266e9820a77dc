import { request, type Agent } from 'undici';
import type { Side } from '../../../src/model/side.ts';
import type { Entry, ShopJournal } from './journal.ts';
import { PATHS, SERVICES, type ShopService } from './tables.ts';

export interface Told {
  /** 0: the connection broke, 5xx: it may have happened. */
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly side: Side | undefined;
}

/** Whether it may have happened or not. */
export const isUnknown = ({ status }: Told): boolean => status === 0 || status >= 500;

export interface VisitorHttpOptions {
  readonly url: string;
  readonly user: string;
  readonly journal: ShopJournal;
  readonly clients: Agent;
  /** Whether the router knows requests for an item by that item, and not by their user. */
  readonly itemKeys: boolean;
}

/** A browser: cookies, kept connections, and a line in the journal for each request. */
export class VisitorHttp {
  readonly #options: VisitorHttpOptions;
  readonly #cookies = new Map<string, string>();

  constructor(options: VisitorHttpOptions) {
    this.#options = options;
  }

  cookie(name: string): string | undefined {
    return this.#cookies.get(name);
  }

  get(path: string, cookies?: Readonly<Record<string, string>>): Promise<Told> {
    return this.#send('GET', path, undefined, cookies);
  }

  post(path: string, body: Readonly<Record<string, string>> = {}): Promise<Told> {
    return this.#send('POST', path, body);
  }

  async #send(method: 'GET' | 'POST', path: string, body?: object, cookies: Readonly<Record<string, string>> = {}): Promise<Told> {
    const { url, user, journal, clients, itemKeys } = this.#options;
    const from = journal.now();
    const item = itemKeys ? new URLSearchParams(path.split('?')[1]).get('sku') : null;
    const jar = { ...Object.fromEntries(this.#cookies), ...cookies };
    const record = (entry: Pick<Entry, 'status' | 'side'>): void => {
      journal.add({ ...entry, user, key: item ?? jar['uid'] ?? '', service: serviceOf(path), what: `${method} ${path}`, from, to: journal.now() });
    };
    try {
      const response = await request(`${url}${path}`, {
        method, dispatcher: clients,
        headers: { cookie: Object.entries(jar).map(([name, value]) => `${name}=${value}`).join('; '), 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const text = await response.body.text();
      for (const cookie of [response.headers['set-cookie'] ?? []].flat()) {
        const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split('=');
        this.#cookies.set(name, value);
      }
      const side = sideOf(response.headers['x-banyan-side']);
      record({ status: response.statusCode, side });
      return { status: response.statusCode, side, body: response.statusCode < 500 ? (JSON.parse(text) as Record<string, unknown>) : {} };
    } catch {
      record({ status: 0, side: undefined });
      return { status: 0, side: undefined, body: {} };
    }
  }
}

const sideOf = (header: string | string[] | undefined): Side | undefined => (header === 'monolith' || header === 'service' ? header : undefined);

function serviceOf(path: string): ShopService | null {
  const first = `/${path.split(/[/?]/)[1]}`;
  return SERVICES.find((service) => PATHS[service].includes(first)) ?? null;
}
