import { redactUrl } from '../core/redact.ts';

const LONGEST = 80;

/** Text of the file as it may be shown: one short line in which nothing that looks like a secret is left. */
export function maskText(text: string): string {
  const oneLine = text.replace(/\p{Cc}+/gu, ' ');
  // User and password go up to the last @: a password may hold an unescaped /, : or @.
  const safe = redactUrl(oneLine.replace(/:\/\/\S*@/g, '://***@')).replace(
    /(pass(?:word|wd)?|secret|token|api_?key)(\s*[=:]\s*)(?!\*\*\*).*/gi,
    '$1$2***',
  );
  return safe.length > LONGEST ? `${safe.slice(0, LONGEST)}…` : safe;
}
