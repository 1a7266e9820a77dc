import { request } from 'undici';

/**
 * Posts a JSON document and resolves with the answer's status; redirects are not followed. Rejects if there is no
 * answer within `timeoutMs`, or `signal` is aborted first.
 */
export async function postJson(options: { readonly url: string; readonly timeoutMs: number; readonly body: string; readonly signal: AbortSignal }): Promise<number> {
  const { url, timeoutMs, body, signal } = options;
  const answer = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'banyan' },
    body,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  });
  // What is not read keeps the connection; what is long is not worth it.
  await answer.body.dump({ limit: 65_536 });
  return answer.statusCode;
}
