/** A media type or a range of them, as RFC 9110 (8.3.1 and 12.5.1) reads it. */
export interface MediaType {
  /** In small letters; `*`: any. */
  readonly type: string;
  readonly subtype: string;
  /** By their names in small letters. */
  readonly parameters: ReadonlyMap<string, string>;
  /** One text for the same type, in whatever letters and order it was written. */
  readonly text: string;
}

/**
 * What a key of `content` names. JSON has no character set (RFC 8259), and UTF-8 is what everybody takes text for, so
 * that to say either makes no other type.
 */
export function mediaType(key: string): MediaType {
  const [name = ''] = key.split(';', 1);
  const [type = '', subtype = ''] = name.trim().toLowerCase().split('/', 2);
  const isJson = subtype === 'json' || subtype.endsWith('+json');
  const parameters = new Map<string, string>();
  for (const [, attribute = '', quoted, token = ''] of key.slice(name.length).matchAll(/;\s*([^=;\s]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g)) {
    const called = attribute.toLowerCase();
    const value = quoted === undefined ? token.trim() : quoted.replace(/\\(.)/g, '$1');
    if (called !== 'charset') parameters.set(called, value);
    else if (!isJson && value.toLowerCase() !== 'utf-8') parameters.set(called, value.toLowerCase());
  }
  const written = [...parameters].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([attribute, value]) => `; ${attribute}=${/^[\w!#$%&'*+.^`|~-]+$/.test(value) ? value : JSON.stringify(value)}`).join('');
  return { type, subtype, parameters, text: `${type}${subtype === '' ? '' : `/${subtype}`}${written}` };
}

/** Whether a range takes in all of another. A type is a range that takes in itself, with whatever more parameters. */
export function takesIn(range: MediaType, other: MediaType): boolean {
  if (range.type !== '*' && range.type !== other.type) return false;
  if (range.subtype !== '*' && range.subtype !== other.subtype) return false;
  return [...range.parameters].every(([name, value]) => other.parameters.get(name) === value);
}

/** How much a range says: of those that fit, the one that says most counts. */
export function precision({ type, subtype, parameters }: MediaType): number {
  return (type === '*' ? 0 : 1000) + (subtype === '*' ? 0 : 1000) + parameters.size;
}
