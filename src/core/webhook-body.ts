/** Whose form a webhook speaks: Banyan's own JSON, Slack's incoming webhooks, or PagerDuty's Events API v2. */
export type WebhookFormat = 'generic' | 'slack' | 'pagerduty';

/** PagerDuty's address, the same for all of its services. */
export const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue';

export interface BodyOptions {
  readonly format: WebhookFormat;
  /** Of a PagerDuty service. */
  readonly routingKey?: string;
}

/** Something that somebody is told, whatever form he wants it in. */
export interface WebhookNotice {
  readonly resolved: boolean;
  /** A receiver joins what belongs together by it. */
  readonly dedupKey: string;
  /** RFC 3339. */
  readonly at: string;
  readonly severity: 'low' | 'medium' | 'high' | 'critical';
  /** One sentence. */
  readonly summary: string;
  /** More about it, in a line. */
  readonly footnote: string;
  readonly service: string;
  readonly component: string;
  readonly class: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** Banyan's own form of it. */
  readonly document: unknown;
}

/** The JSON document that tells of it. */
export function webhookBody(notice: WebhookNotice, { format, routingKey = '' }: BodyOptions): unknown {
  if (format === 'slack') return slackBody(notice);
  return format === 'pagerduty' ? pagerdutyBody(notice, routingKey) : notice.document;
}

const PAGERDUTY_SEVERITY: Readonly<Record<WebhookNotice['severity'], string>> = { critical: 'critical', high: 'error', medium: 'warning', low: 'info' };

/** PagerDuty joins events of one dedup_key to one incident, and takes at most 1,024 characters of summary. */
function pagerdutyBody(notice: WebhookNotice, routingKey: string): unknown {
  const { resolved, dedupKey, at, service, component, severity, summary, details } = notice;
  const about = { routing_key: routingKey, dedup_key: dedupKey };
  if (resolved) return { ...about, event_action: 'resolve' };
  return {
    ...about,
    event_action: 'trigger',
    client: 'Banyan',
    payload: {
      summary: summary.slice(0, 1024), source: service, severity: PAGERDUTY_SEVERITY[severity], timestamp: at,
      component, group: service, class: notice.class, custom_details: details,
    },
  };
}

function slackBody({ resolved, severity, summary, footnote }: WebhookNotice): unknown {
  const sign = resolved ? ':white_check_mark:' : ':rotating_light:';
  const facts = resolved ? '' : ` · ${severity}`;
  return {
    text: escaped(summary),
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: `${sign} *${escaped(summary)}*${facts}`.slice(0, 3000) } },
      { type: 'context', elements: [{ type: 'mrkdwn', text: escaped(footnote) }] },
    ],
  };
}

/** The three signs that Slack reserves; with them nobody can be called, or a link be made, by a table's name. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
