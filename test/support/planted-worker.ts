import { Client, type QueryResult } from 'pg';
import type { SourceEvent } from '../../src/ports/change-source.ts';
import { WalChangeSource } from '../../src/postgres/wal/change-source.ts';

/*
 * `banyan sync run` with a bug planted, by the name in SOAK_PLANT: for a chaos soak that must find it. Nothing
 * else runs this file.
 */
type Ask = (this: Client, query: unknown, ...rest: readonly unknown[]) => unknown;
const prototype = Client.prototype as { query: Ask };
const ask = prototype.query;

const textOf = (query: unknown): string =>
  typeof query === 'string' ? query : typeof query === 'object' && query !== null && 'text' in query && typeof query.text === 'string' ? query.text : '';

const BUGS: Readonly<Record<string, () => void>> = {
  /** The source is told to forget what was read, before it is durable anywhere. */
  'acknowledged-early': () => {
    const stream = Reflect.get(WalChangeSource.prototype, 'stream') as (this: WalChangeSource, options: { readonly signal: AbortSignal }) => AsyncGenerator<SourceEvent>;
    WalChangeSource.prototype.stream = async function* early(options): AsyncGenerator<SourceEvent> {
      for await (const event of stream.call(this, options)) {
        this.acknowledge(event.kind === 'transaction' ? event.transaction.position : event.position);
        yield event;
      }
    };
  },

  /** The checkpoint commits in a transaction of its own, a moment before the rows. */
  'checkpoint-apart': () => {
    const others = new Map<string, Promise<Client>>();
    prototype.query = function apart(this: Client, query, ...rest) {
      const found = /^(.*); (UPDATE banyan\.stream SET position.*); COMMIT$/.exec(textOf(query));
      const connection = `postgres://${this.user}:${this.password ?? ''}@${this.host}:${this.port}/${this.database ?? ''}`;
      if (!found) return ask.call(this, query, ...rest);
      const [, mark = '', checkpoint = ''] = found;
      const first = async (): Promise<unknown> => {
        const other = await (others.get(connection) ?? others.set(connection, connected(connection)).get(connection));
        // Where the row is locked for this transaction alone, both go together.
        const went = await other?.query(`SET lock_timeout = '50ms'; ${checkpoint}`).then(() => true, () => false);
        if (went !== true) return ask.call(this, query);
        await new Promise((resolve) => setTimeout(resolve, 200));
        return ask.call(this, `${mark}; COMMIT`);
      };
      return first();
    };
  },

  /** Who holds a lease writes, whoever else has claimed the stream since; and nobody's sessions are ended. */
  'not-fenced': () => {
    prototype.query = function unfenced(this: Client, query, ...rest) {
      const text = textOf(query);
      const token = /^banyan (\d+) /.exec(String(Reflect.get(Reflect.get(this, 'connectionParameters') as object, 'application_name')))?.[1];
      // A pool hands its answers to a callback.
      const instead = (sql: string): unknown => ask.call(this, sql, ...rest.filter((each) => typeof each === 'function'));
      if (text.includes('AS mine FROM banyan.stream')) return instead("SELECT 't' AS mine");
      if (text.includes('FILTER (WHERE pg_terminate_backend(pid)) AS ended')) return instead("SELECT '0' AS ended");
      const asks = text.includes('SELECT token') && text.includes('FROM banyan.stream WHERE name');
      const answer = ask.call(this, query, ...rest);
      if (!asks || token === undefined) return answer;
      return (answer as Promise<QueryResult<{ token: string }> | QueryResult<{ token: string }>[]>).then((results) => {
        for (const result of Array.isArray(results) ? results : [results]) for (const row of result.rows) row.token = token;
        return results;
      });
    };
  },
};

async function connected(url: string): Promise<Client> {
  const client = new Client(url);
  client.on('error', () => {});
  await client.connect();
  return client;
}

const plant = BUGS[process.env['SOAK_PLANT'] ?? ''];
if (!plant) throw new Error(`SOAK_PLANT names one of ${Object.keys(BUGS).join(', ')}`);
plant();
await import('../../src/cli/main.ts');
