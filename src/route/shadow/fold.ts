/** What stands in the place of an id. */
export const ID = '{id}';

const IDS = [
  /^\d+$/,
  /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i,
  /^(?=.*\d)[\da-f]{12,}$/i,
  // Random letters and digits: words seldom have digits, and dates are no words.
  /^(?=.*\d)[\w-]{20,}$/,
  /^\d[\d:.TZ+-]*$/,
  /@/,
];

/** An id, a number, a date or an address becomes `{id}`; whatever is a name stays. */
export function foldName(name: string): string {
  const known = folded.get(name);
  if (known !== undefined) return known;
  const result = IDS.some((pattern) => pattern.test(name)) ? ID : name;
  if (folded.size >= MOST_KNOWN) folded.clear();
  folded.set(name, result);
  return result;
}

/** The same names come again and again. */
const folded = new Map<string, string>();
const MOST_KNOWN = 2000;
