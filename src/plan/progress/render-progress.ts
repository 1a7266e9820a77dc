import type { ProgressReport, ServiceProgressReport } from './report-document.ts';

/*
 * A status report for people, as text and as Markdown.
 */

const TITLE = { executive: 'Status of the move', technical: 'Migration status', stakeholders: 'Where the move stands' } as const;

interface Section {
  readonly title: string;
  readonly lines: readonly string[];
}

function sections(each: ServiceProgressReport): Section[] {
  const { numbers, since_last_stage: since, next, waiting, way_back: back, history, streams, tables, not_known: unknown } = each;
  const all: Section[] = [
    { title: 'In numbers', lines: numbers.map(({ name, value, unit }) => `${name}: ${value === null ? 'not known' : `${typeof value === 'number' ? value.toLocaleString('en-US') : value}${unit === '%' || unit === 'ms' ? ` ${unit}` : ''}`}`) },
    { title: 'Since the last stage', lines: since.length === 0 ? ['Nothing was begun yet'] : since },
    { title: 'Next', lines: next === null ? ['Nothing: it is done'] : [next.what, ...next.needs.map((need) => `needs: ${need}`), ...(next.command === undefined ? [] : [`command: ${next.command}`])] },
    { title: 'What waits', lines: waiting.length === 0 ? ['Nothing'] : waiting.map(({ what, action }) => `${what}. ${action}`) },
    { title: 'The way back', lines: [`${back.open ? 'Open' : 'Not without loss'}: ${back.how}`, ...(back.command === undefined ? [] : [`command: ${back.command}`])] },
    { title: 'Streams', lines: (streams ?? []).map(({ direction, state, lagMs, lagBytes, rows, conflicts, quarantined }) => `${direction}: ${state}, ${lagMs ?? 'unknown'} ms and ${lagBytes ?? 'unknown'} bytes behind, ${rows} rows, ${conflicts} conflicts, ${quarantined} in quarantine`) },
    { title: 'Last compared', lines: (tables ?? []).map(({ table, at, level, rows, differences, consistent }) => `${table}: ${at}, ${level}, ${rows} rows, ${consistent ? 'equal' : `${differences} differ`}`) },
    { title: 'History', lines: (history ?? []).map(({ at, from, to, why }) => `${at}: ${from} to ${to} (${why})`) },
    { title: 'Not known', lines: unknown },
  ];
  return all.filter(({ lines }) => lines.length > 0);
}

function head(each: ServiceProgressReport): string {
  return `${each.headline}. Stage ${each.stage_number} of ${each.stages}, ${each.percent_complete} %, ${each.status}.`;
}

export function progressText({ audience, generated_at: at, services }: ProgressReport): string {
  const parts = services.flatMap((each) => ['', each.service.toUpperCase(), head(each), ...sections(each).flatMap(({ title, lines }) => [`  ${title}`, ...lines.map((line) => `    ${line}`)])]);
  return `${[`${TITLE[audience]}, ${at.slice(0, 16).replace('T', ' ')} UTC`, ...parts].join('\n')}\n`;
}

export function progressMarkdown({ audience, generated_at: at, services }: ProgressReport): string {
  const parts = services.flatMap((each) => [`## ${each.service}`, '', head(each), '', ...sections(each).flatMap(({ title, lines }) => [`### ${title}`, '', ...lines.map((line) => `- ${line}`), ''])]);
  return `${[`# ${TITLE[audience]}`, '', `${at.slice(0, 16).replace('T', ' ')} UTC`, '', ...parts].join('\n').trimEnd()}\n`;
}
