import type { BoundaryDocument } from '../document.ts';

/** Where the workload was learned, as Markdown; empty without one. */
export function workloadSection({ details: { workload } }: BoundaryDocument): string {
  if (!workload) return '';
  const lines = workload.sources.map((source) => {
    const time = source.from === undefined ? '' : `, ${source.from} to ${source.to ?? source.from}`;
    const counts = [
      [source.transactions, 'transactions'], [source.rolledBack, 'rolled back'], [source.unfinished, 'without an end'],
      [source.statements, 'statements'], [source.forms, 'forms'], [source.unread, 'not understood'],
    ] as const;
    const told = counts.filter(([count, what]) => count > 0 || what === 'transactions').map(([count, what]) => `${count} ${what}`);
    return `- ${source.name} (${source.format}${time}): ${told.join(', ')}.`;
  });
  const examples = workload.sources
    .flatMap((source) => source.unreadExamples)
    .slice(0, 5)
    .map(({ file, line, text, reason }) => `  - ${file === undefined ? '' : `${file} `}line ${line}: \`${text.replaceAll('`', "'")}\` (${reason})`);
  return ['## Where the workload comes from', '', ...lines, ...(examples.length > 0 ? ['- Not understood, for example:', ...examples] : [])].join('\n');
}
