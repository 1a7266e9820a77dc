import { createHash } from 'node:crypto';
import { canonical, isNode } from './form.ts';
import { referenceOf, type OpenApi } from './open-api.ts';

/**
 * One text for a value and all that it refers to, so that a change in a shared schema shows wherever it is used. Each
 * reference is read once, whatever circles they make.
 */
export function fingerprints(api: OpenApi): (value: unknown, path: string) => string {
  const known = new Map<string, { readonly digest: string; readonly references: ReadonlySet<string> }>();
  const read = (reference: string, path: string) => {
    const target = api.resolve({ $ref: reference }, path);
    const seen = known.get(reference) ?? { digest: digest(canonical(target)), references: referencesIn(target) };
    known.set(reference, seen);
    return seen;
  };
  return (value, path) => {
    const found = new Map<string, string>();
    const waiting = [...referencesIn(value)];
    for (let reference = waiting.pop(); reference !== undefined; reference = waiting.pop()) {
      if (found.has(reference)) continue;
      const { digest, references } = read(reference, path);
      found.set(reference, digest);
      waiting.push(...references);
    }
    return digest([canonical(value), ...[...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map((pair) => pair.join(' '))].join('\n'));
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function referencesIn(root: unknown): Set<string> {
  const references = new Set<string>();
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== 'object' || value === null) continue;
    const reference = isNode(value) ? referenceOf(value) : undefined;
    if (reference !== undefined) references.add(reference);
    for (const child of Object.values(value)) waiting.push(child);
  }
  return references;
}
