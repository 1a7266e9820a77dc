import { request as ask, Pool } from 'undici';
import { seededRandom } from '../../src/core/random.ts';
import { fuzzCase } from './fuzz.ts';
import { tokensIn, unexplained, type ObservingUpstream, type Seen } from './observed.ts';
import { converse, statuses } from './raw-connection.ts';

/** A proxy under attack, and what is known of it. */
export interface Target {
  readonly port: number;
  readonly upstream: ObservingUpstream;
  /** What the proxy says that it has taken. */
  readonly taken: readonly Seen[];
}

export interface CampaignResult {
  readonly conversations: number;
  /** Answers by status, to know that the cases are neither all refused nor all taken. */
  readonly answers: Readonly<Record<string, number>>;
  readonly reached: number;
  /** Every broken promise, in words. */
  readonly faults: readonly string[];
}

/**
 * Holds conversations with faults in them beside clients that do nothing wrong, and checks what nobody may break:
 * everything that reached the upstream was taken by the proxy as a request, once; nobody is sent what another has
 * sent; every conversation ends; and the honest clients get their own answers all the while.
 */
export async function campaign(target: Target, options: { readonly seed: number; readonly conversations: number; readonly atOnce?: number }): Promise<CampaignResult> {
  const { port, upstream } = target;
  const random = seededRandom(options.seed);
  const faults: string[] = [];
  const answers: Record<string, number> = {};
  // A fault in the middle of a secret makes it nobody's.
  const issued = new Set<string>();
  const strangers = (tokens: ReadonlySet<string>, own: string): string[] => [...tokens].filter((token) => token !== own && issued.has(token));
  let left = options.conversations;
  const attacker = async (): Promise<void> => {
    while (left > 0) {
      left--;
      const one = fuzzCase(random);
      issued.add(one.token);
      const { received, hung } = await converse(port, one);
      const what = (): string => JSON.stringify(one.pieces.join('')).slice(0, 2000);
      if (hung) faults.push(`a connection hung: ${what()}`);
      if (strangers(tokensIn(received), one.token).length > 0) faults.push(`a client was sent another's secret: ${what()}`);
      for (const status of statuses(received)) answers[status] = (answers[status] ?? 0) + 1;
    }
  };
  const over = new AbortController();
  const honest = async (n: number): Promise<void> => {
    const token = `tok-${n.toString(16).padStart(16, 'e')}`;
    issued.add(token);
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 1 });
    for (let i = 0; !over.signal.aborted; i++) {
      const path = `/honest/${n}/${i}`;
      const method = i % 2 === 0 ? 'GET' : 'POST';
      try {
        const response = await pool.request({ method, path, headers: { 'x-user-id': token }, body: method === 'POST' ? `of ${token}` : null });
        const text = await response.body.text();
        if (text !== `answer to ${method} ${path} of ${token};`) faults.push(`an honest client asked for ${path} and was told: ${response.statusCode} ${text}`);
      } catch (error) {
        faults.push(`an honest client's ${method} ${path} failed: ${String(error)}`);
      }
    }
    await pool.close();
  };
  const attackers = Promise.all(Array.from({ length: options.atOnce ?? 64 }, attacker));
  const clients = Promise.all([1, 2, 3, 4].map(honest));
  await attackers;
  over.abort();
  await clients;
  await settled(target);
  for (const { line, tokens = new Set<string>() } of upstream.seen) {
    const [own = ''] = [...tokens].filter((token) => issued.has(token));
    if (strangers(tokens, own).length > 0) faults.push(`a request carried the secrets of several users: ${line}`);
  }
  faults.push(...upstream.faults, ...unexplained(upstream.seen, target.taken));
  return { conversations: options.conversations, answers, reached: upstream.seen.length, faults };
}

/** What the upstream still works at has been written down by the proxy when it is closed; what it never saw is awaited by a last request. */
async function settled({ port, upstream, taken }: Target): Promise<void> {
  try {
    await (await ask(`http://127.0.0.1:${port}/last`)).body.dump();
  } catch {
    // A proxy that no longer answers has been found out already.
  }
  const deadline = performance.now() + 10_000;
  while (unexplained(upstream.seen, taken).length > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
}
