import { isList, isObject, typeOf, type Tree } from './json-tree.ts';

/** Names whose values are never shown. */
const SECRET = /pass|secret|token|session|cookie|auth|credential|card|iban|ssn|cvv|otp\b|pin\b|key$|signature/i;
const MAX_SHOWN = 60;
/** Digits that a card might have, with what people put between them. */
const CARD = /\b\d(?:[ -]?\d){12,18}\b/g;
const SECRETS: readonly RegExp[] = [
  /[\w.%+-]+@[\w-]+(?:\.[\w-]+)+/g,
  /\b(?:Bearer|Basic|Digest)\s+[\w.~+/=-]+/gi,
  /\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g,
  // What is long and random is most likely a key of something. A UUID is shorter.
  /\b(?=[\w+/-]*\d)(?=[\w+/-]*[A-Za-z])[\w+/-]{40,}={0,2}/g,
  /\b[A-Z]{2}\d{2}(?: ?[\dA-Z]{4}){3,7}(?: ?[\dA-Z]{1,3})?\b/g,
];

/** A text in which nothing that looks like a secret or a person's is left, cut short. */
export function maskedText(text: string): string {
  let safe = text.slice(0, 1000);
  for (const secret of SECRETS) safe = safe.replace(secret, '***');
  safe = safe.replace(CARD, (digits) => (isCard(digits.replaceAll(/\D/g, '')) ? '***' : digits));
  return safe.length > MAX_SHOWN ? `${safe.slice(0, MAX_SHOWN)}…` : safe;
}

/** Whether what stands at this path is never shown. */
export const isSecret = (path: string): boolean => SECRET.test(path);

/** A JSON value for people; undefined: it is not there. */
export function maskedTree(path: string, tree: Tree | undefined): string {
  if (tree === undefined) return '(absent)';
  if (isSecret(path)) return '***';
  // Only the names of an object are shown: it may hold secrets at any depth.
  if (isObject(tree)) return `{${maskedText(Object.keys(tree).map((name) => name.slice(1)).join(', '))}}`;
  if (isList(tree)) return `[${tree.length} items]`;
  if (typeof tree !== 'string') return String(tree);
  const text = maskedText(tree.slice(1));
  return typeOf(tree) === 'number' ? text : JSON.stringify(text);
}

/** Luhn's check: what passes it may be a card. */
function isCard(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
