import { tablesOf, type BoundaryDocument } from '../document.ts';
import { percent, shortName } from '../text.ts';

/** The short answer for a terminal: at most `width` columns (default 100) where names allow. */
export function renderText(document: BoundaryDocument, options: { readonly width?: number } = {}): string {
  const width = options.width ?? 100;
  const { metrics, transactions, cuts } = document;
  const lines = [
    `${count(metrics.tables, 'table')}, ${count(metrics.services, 'service')}, ${count(cuts.length, 'foreign key')} cut` +
      (transactions.writing > 0 ? `, ${percent(metrics.writesKeptWhole)} of writing transactions kept whole` : ''),
    '',
  ];
  const margin = Math.max(...document.order.map((name) => name.length), 0) + 2;
  for (const name of document.order) {
    const tables = tablesOf(document, name).map(shortName);
    const [first = '', ...rest] = wrap(tables, width - margin);
    lines.push(name.padEnd(margin) + first, ...rest.map((line) => ' '.repeat(margin) + line));
  }
  const notes: string[] = [];
  if (document.shared.length > 0) notes.push(`shared: ${document.shared.map(shortName).join(', ')}`);
  if (document.details.unplaced.length > 0) notes.push(`left aside: ${document.details.unplaced.map(shortName).join(', ')}`);
  for (const cycle of document.cycles) notes.push(`circle: ${cycle.join(' ⇄ ')}`);
  for (const item of transactions.distributed.slice(0, 3)) {
    notes.push(`distributed: ${item.services.join(' → ')}, ${item.calls} calls (${item.writes.map(shortName).join(', ')})`);
  }
  if (transactions.distributed.length > 3) notes.push(`and ${transactions.distributed.length - 3} more distributed transactions`);
  return `${[...lines, ...(notes.length > 0 ? ['', ...notes] : [])].join('\n')}\n`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function wrap(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
