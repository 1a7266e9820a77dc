import { webhookBody, type BodyOptions } from '../core/webhook-body.ts';
import type { TableAlert } from './alert.ts';
import { percentText } from './report-checks.ts';

/** The JSON document that tells of an alert. */
export function alertBody(alert: TableAlert, options: BodyOptions): unknown {
  const { event, dedupKey, at, service, table, severity, score, level, counts, summary } = alert;
  return webhookBody(
    {
      resolved: event === 'resolved',
      dedupKey, at, severity, summary, service,
      footnote: `score ${percentText(score)} · ${counts.missing} missing · ${counts.extra} extra · ${counts.different} different · ${level} · ${at}`,
      component: table,
      class: 'validation',
      details: { score, level, ...counts },
      document: alert,
    },
    options,
  );
}
