/**
 * A regular expression, anchored, for the numbers of four digits from 0000 up to, and without, `limit`;
 * undefined if there are none. For proxies that compare a header as text only: with it they serve the
 * same users as a comparison of numbers would.
 */
export function belowRegex(limit: number): string | undefined {
  if (limit <= 0) return undefined;
  if (limit >= 10_000) return '^[0-9]{4}$';
  const digits = String(limit).padStart(4, '0').split('').map(Number);
  // Those that agree with `limit` up to a place and are less there: one alternative for each place.
  const alternatives = digits.flatMap((digit, place) => {
    if (digit === 0) return [];
    const same = digits.slice(0, place).join('');
    const less = digit === 1 ? '0' : `[0-${digit - 1}]`;
    const free = 3 - place;
    return [`${same}${less}${free === 0 ? '' : free === 1 ? '[0-9]' : `[0-9]{${free}}`}`];
  });
  return `^(?:${alternatives.join('|')})$`;
}
