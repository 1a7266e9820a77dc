/** Text in which `${NAME}` was replaced from the environment. */
export interface Expansion {
  readonly text: string;
  /** The variables that are neither set nor have a default. */
  readonly missing: readonly string[];
  /** The first `${…}` that is not of either form. */
  readonly malformed?: string;
}

/**
 * Replaces `${NAME}` and `${NAME:-default}` (the default counts when the variable is unset or
 * empty); `$${` stands for a literal `${`. Values are not expanded again.
 */
export function expandEnvironment(text: string, env: Readonly<Record<string, string | undefined>>): Expansion {
  const missing: string[] = [];
  let malformed: string | undefined;
  const expanded = text.replace(/\$\$\{|\$\{(?:([A-Za-z_]\w*)(?::-([^}]*))?\}|([^}]*\}?))/g, (whole, name?: string, fallback?: string) => {
    if (whole === '$${') return '${';
    if (name === undefined) {
      malformed ??= whole;
      return whole;
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined && (value !== '' || fallback === undefined)) return value;
    if (fallback !== undefined) return fallback;
    missing.push(name);
    return '';
  });
  return { text: expanded, missing, ...(malformed === undefined ? {} : { malformed }) };
}
