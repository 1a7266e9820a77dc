import { request } from 'undici';
import { withAbortOf } from '../core/abort-any.ts';
import { PAGERDUTY_URL, type BodyOptions } from '../core/webhook-body.ts';

/**
 * Posts a JSON document and resolves with the answer's status; redirects are not followed. Rejects if there is no
 * answer within `timeoutMs`, or `signal` is aborted first.
 */
async function postJson(options: { readonly url: string; readonly timeoutMs: number; readonly body: string; readonly signal: AbortSignal }): Promise<number> {
  const { url, timeoutMs, body, signal } = options;
  return withAbortOf([signal, AbortSignal.timeout(timeoutMs)], async (either) => {
    const answer = await request(url, { method: 'POST', headers: { 'content-type': 'application/json', 'user-agent': 'banyan' }, body, signal: either });
    // What is not read keeps the connection; what is long is not worth it.
    await answer.body.dump({ limit: 65_536 });
    return answer.statusCode;
  });
}

export interface WebhookConfig extends BodyOptions {
  /** Default: PagerDuty's. */
  readonly url?: string;
  /** Until an answer. */
  readonly timeoutMs: number;
}

/** A webhook of the configuration as who tells it needs it: its form, and how it is posted to. */
export function webhookOf({ format, url = PAGERDUTY_URL, routingKey, timeoutMs }: WebhookConfig): BodyOptions & {
  readonly post: (body: string, signal: AbortSignal) => Promise<number>;
} {
  return {
    format, ...(routingKey === undefined ? {} : { routingKey }),
    post: (body, signal) => postJson({ url, timeoutMs, body, signal }),
  };
}
