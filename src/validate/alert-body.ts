import type { TableAlert } from './alert.ts';
import { percentText } from './report-checks.ts';
import type { Severity } from './severity.ts';

/** Whose form a webhook speaks: Banyan's own JSON, Slack's incoming webhooks, or PagerDuty's Events API v2. */
export type WebhookFormat = 'generic' | 'slack' | 'pagerduty';

export interface BodyOptions {
  readonly format: WebhookFormat;
  /** Of a PagerDuty service. */
  readonly routingKey?: string;
}

/** The JSON document that tells of an alert. */
export function alertBody(alert: TableAlert, { format, routingKey = '' }: BodyOptions): unknown {
  if (format === 'slack') return slackBody(alert);
  return format === 'pagerduty' ? pagerdutyBody(alert, routingKey) : alert;
}

const PAGERDUTY_SEVERITY: Readonly<Record<Severity, string>> = { critical: 'critical', high: 'error', medium: 'warning', low: 'info' };

/** PagerDuty joins events of one dedup_key to one incident, and takes at most 1,024 characters of summary. */
function pagerdutyBody(alert: TableAlert, routingKey: string): unknown {
  const { event, dedupKey, at, service, table, severity, score, level, counts, summary } = alert;
  const about = { routing_key: routingKey, dedup_key: dedupKey };
  if (event === 'resolved') return { ...about, event_action: 'resolve' };
  return {
    ...about,
    event_action: 'trigger',
    client: 'Banyan',
    payload: {
      summary: summary.slice(0, 1024), source: service, severity: PAGERDUTY_SEVERITY[severity], timestamp: at,
      component: table, group: service, class: 'validation', custom_details: { score, level, ...counts },
    },
  };
}

const SLACK_SIGN: Readonly<Record<TableAlert['event'], string>> = { triggered: ':rotating_light:', worsened: ':rotating_light:', resolved: ':white_check_mark:' };

function slackBody({ event, severity, score, level, counts, summary, at }: TableAlert): unknown {
  const facts = event === 'resolved' ? '' : ` · ${severity}`;
  const numbers = `score ${percentText(score)} · ${counts.missing} missing · ${counts.extra} extra · ${counts.different} different · ${level} · ${at}`;
  return {
    text: escaped(summary),
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: `${SLACK_SIGN[event]} *${escaped(summary)}*${facts}`.slice(0, 3000) } },
      { type: 'context', elements: [{ type: 'mrkdwn', text: numbers }] },
    ],
  };
}

/** The three signs that Slack reserves; with them nobody can be called, or a link be made, by a table's name. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
