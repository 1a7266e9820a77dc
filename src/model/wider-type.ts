/** Whether a column of type `wide` holds every text that one of type `narrow` writes, unchanged. As the server spells types. Pure. */
export function holdsValuesOf(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  if (wide.endsWith('[]') && narrow.endsWith('[]')) return holdsValuesOf(wide.slice(0, -2), narrow.slice(0, -2));
  const [to, from] = [partsOf(wide), partsOf(narrow)];
  const [whole, wholeFrom] = [WHOLE.indexOf(to.name), WHOLE.indexOf(from.name)];
  if (wholeFrom >= 0) return whole >= wholeFrom || (to.name === 'numeric' && to.sizes.length === 0);
  if (from.name === 'real') return to.name === 'double precision';
  if (TEXTS.has(from.name)) return TEXTS.has(to.name) && (to.sizes.length === 0 || (from.sizes.length > 0 && Number(to.sizes[0]) >= Number(from.sizes[0])));
  if (from.name === 'numeric' && to.name === 'numeric') {
    const [digits = 0, scale = 0] = from.sizes;
    return to.sizes.length === 0 || (from.sizes.length > 0 && (to.sizes[1] ?? 0) === scale && (to.sizes[0] ?? 0) >= digits);
  }
  return false;
}

/** Each holds those before it. */
const WHOLE = ['smallint', 'integer', 'bigint'];
const TEXTS: ReadonlySet<string> = new Set(['character varying', 'text']);

function partsOf(type: string): { readonly name: string; readonly sizes: readonly number[] } {
  const found = /^(.*?)\((\d+)(?:,(-?\d+))?\)$/.exec(type);
  if (!found) return { name: type, sizes: [] };
  return { name: found[1] ?? type, sizes: [found[2], found[3]].filter((size) => size !== undefined).map(Number) };
}
