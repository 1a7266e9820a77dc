/** Where two answers differ. Values are cut short and masked: they are shown to people. */
export interface Difference {
  /** A path such as `$.items[2].price`. */
  readonly path: string;
  readonly primary: string;
  readonly shadow: string;
}

/** Names whose values are never shown. */
const SECRET = /pass|secret|token|session|cookie|auth|card|iban|ssn|cvv|pin\b|key$/i;
const MAX_SHOWN = 60;
const MAX_DIFFERENCES = 20;

/**
 * Differences between two JSON values, at most 20. `ignore` holds paths that don't count; `*` in them
 * stands for any name or index: `$.items[*].updatedAt` or `$.*.etag`.
 */
export function compareJson(primary: unknown, shadow: unknown, ignore: readonly RegExp[]): Difference[] {
  const differences: Difference[] = [];
  walk('$', primary, shadow);
  return differences;

  function walk(path: string, a: unknown, b: unknown): void {
    if (differences.length >= MAX_DIFFERENCES || Object.is(a, b) || ignore.some((pattern) => pattern.test(path))) return;
    if (Array.isArray(a) && Array.isArray(b)) {
      if (a.length !== b.length) differ(`${path}.length`, a.length, b.length);
      for (let i = 0; i < Math.min(a.length, b.length); i++) walk(`${path}[${i}]`, a[i], b[i]);
    } else if (isObject(a) && isObject(b)) {
      for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) walk(`${path}.${name}`, a[name], b[name]);
    } else {
      differ(path, a, b);
    }
  }

  function differ(path: string, a: unknown, b: unknown): void {
    differences.push({ path, primary: show(path, a), shadow: show(path, b) });
  }
}

/** A path with `*` as a pattern for {@link compareJson}. */
export function ignorePattern(path: string): RegExp {
  const escaped = path.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', String.raw`[^.\[\]]+`);
  return new RegExp(`^${escaped}$`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function show(path: string, value: unknown): string {
  if (value === undefined) return '(absent)';
  if (SECRET.test(path)) return '***';
  // Only the names of an object are shown: it may hold secrets at any depth.
  if (isObject(value)) return `{${Object.keys(value).join(', ').slice(0, MAX_SHOWN)}}`;
  if (Array.isArray(value)) return `[${value.length} items]`;
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
