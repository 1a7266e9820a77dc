import { malformed } from '../wal/reader.ts';
import type { Value } from '../../model/change.ts';

/**
 * Reads a row as PostgreSQL writes it, `(1,"a ""b""",,"")`: nothing is null, `""` is the empty text; in
 * quotes, a quote and a backslash stand twice.
 * @throws BANYAN_WAL_FORMAT if it is no such text; never a wrong value.
 */
export function parseRow(text: string): Value[] {
  const end = text.length - 1;
  if (end < 1 || text[0] !== '(' || text[end] !== ')') throw malformed('a row that is not in parentheses');
  const cells: Value[] = [];
  let at = 1;
  for (;;) {
    let cell = '';
    let quoted = false;
    while (at < end && text[at] !== ',') {
      if (text[at] !== '"') {
        const from = at;
        while (at < end && text[at] !== ',' && text[at] !== '"') at += 1;
        cell += text.slice(from, at);
        continue;
      }
      quoted = true;
      at += 1;
      for (;;) {
        const from = at;
        while (at < end && text[at] !== '"' && text[at] !== '\\') at += 1;
        if (at >= end) throw malformed('a row with a quote that does not end');
        cell += text.slice(from, at);
        const twice = text[at + 1] === text[at];
        if (!twice) {
          if (text[at] === '\\') throw malformed('a row with a single backslash');
          at += 1;
          break;
        }
        cell += text[at];
        at += 2;
      }
    }
    cells.push(cell === '' && !quoted ? null : cell);
    if (at >= end) return cells;
    at += 1;
  }
}
