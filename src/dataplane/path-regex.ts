import type { PlaneMatch, PlaneTemplate } from '../ports/data-plane.ts';

/*
 * Path templates as regular expressions over the path as the client wrote it. Banyan's own router
 * splits a path at `/` and only then resolves its escapes, so `/%61pi` is `/api` and `/a%2Fb` is one
 * segment. An expression says the same by allowing each character of a literal in both spellings.
 */

const UNRESERVED = /^[A-Za-z0-9._~-]*$/;
const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** One byte of a literal: as itself where RFC 3986 allows that in a path, or as an escape in either case. */
function byteRegex(byte: number): string {
  const digits = hex(byte).split('').map((digit) => (/[a-f]/.test(digit) ? `[${digit}${digit.toUpperCase()}]` : digit)).join('');
  const escape = `%${digits}`;
  const char = String.fromCharCode(byte);
  if (byte >= 0x80 || char === '%' || char === '/' || byte <= 0x20) return escape;
  // Written as its number unless it means nothing in any regular expression or configuration.
  return `(?:${/[A-Za-z0-9_]/.test(char) ? char : `\\x${hex(byte)}`}|${escape})`;
}

/** A decoded segment in every spelling that a client may use. */
export function literalRegex(literal: string): string {
  return [...Buffer.from(literal, 'utf8')].map(byteRegex).join('');
}

/** What a segment of any value is; without `?` for engines that see the query too. */
const ANY_SEGMENT = '[^/?]+';

/**
 * The whole path, anchored, without the query.
 * @param group how a parameter's segment is written; by its index among the segments. Default: not captured.
 */
export function templateRegex(template: PlaneTemplate, group: (index: number) => string = () => ANY_SEGMENT, rest = '(?:/[^?]*)?'): string {
  const segments = template.segments.map((literal, index) => `/${literal === null ? group(index) : literalRegex(literal)}`);
  return `^${segments.join('')}${template.below ? rest : ''}`;
}

/** The path of a template without parameters whose every character stands for itself in any spelling of a path; else undefined. */
export function plainPath({ segments }: PlaneTemplate): string | undefined {
  const plain = segments.every((literal) => literal !== null && UNRESERVED.test(literal));
  return plain ? segments.map((literal) => `/${literal ?? ''}`).join('') : undefined;
}

/** The methods of a rule, where GET brings HEAD with it: it asks for the same resource. Null: all. */
export function methodsOf({ methods }: PlaneMatch): readonly string[] | null {
  if (methods === null || methods.length === 0) return null;
  return methods.includes('GET') && !methods.includes('HEAD') ? [...methods, 'HEAD'] : methods;
}

/** A literal segment as the service's path has it. */
export function encodeLiteral(literal: string): string {
  return encodeURI(literal).replaceAll(/[?#'$;&"`\\]/g, (char) => `%${hex(char.charCodeAt(0)).toUpperCase()}`);
}

/** The path a service gets, in parts: text, the number of a segment of the client's path, or null for what is below the template. */
export function adaptedPath(from: PlaneTemplate, to: PlaneTemplate): readonly (string | number | null)[] {
  const parts: (string | number | null)[] = [];
  to.segments.forEach((literal, index) => {
    if (literal !== null) {
      parts.push(`/${encodeLiteral(literal)}`);
      return;
    }
    const name = to.names[index] ?? null;
    parts.push('/', name === null ? index : from.names.indexOf(name));
  });
  if (to.below) parts.push(null);
  return parts;
}
