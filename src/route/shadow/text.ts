import { isUtf8 } from 'node:buffer';
import type { Difference } from './difference.ts';
import { maskedText } from './mask.ts';

const CONTEXT = 24;

/**
 * Two bodies that are no JSON. Of texts with as many lines each line is compared; its place is named by what stands
 * around that which differs, so a random token in one line of a page does not stand for the whole page.
 */
export function compareTexts(a: Buffer, b: Buffer, note: (difference: Omit<Difference, 'signature'>) => void): void {
  const bytes = { path: 'body', at: 'body', monolith: `${a.length} bytes`, service: `${b.length} bytes` };
  if (!isUtf8(a) || !isUtf8(b)) {
    note({ ...bytes, kind: 'value' });
    return;
  }
  const [left, right] = [a, b].map((body) => body.toString('utf8').split('\n'));
  if (!left || !right || left.length !== right.length) {
    note({ ...bytes, kind: 'length', monolith: `${left?.length ?? 0} lines`, service: `${right?.length ?? 0} lines` });
    return;
  }
  for (const [n, line] of left.entries()) {
    const other = right[n] ?? '';
    if (line === other) continue;
    const { before, after } = around(line, other);
    const shown = (text: string): string => maskedText(text.slice(before.length, text.length - after.length));
    const context = `${maskedText(before.slice(-CONTEXT))}…${maskedText(after.slice(0, CONTEXT))}`;
    note({ path: `body ${context}`, at: `body line ${n + 1}`, kind: 'value', monolith: shown(line), service: shown(other) });
  }
}

/** What two lines have in common at their beginning and their end, up to whole words. */
function around(a: string, b: string): { readonly before: string; readonly after: string } {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start++;
  while (start > 0 && /[\w-]/.test(a[start - 1] ?? '')) start--;
  let end = 0;
  while (end < most - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  while (end > 0 && /[\w-]/.test(a[a.length - end] ?? '')) end--;
  return { before: a.slice(0, start), after: end === 0 ? '' : a.slice(-end) };
}
