import type { Evidence, Signal } from './signals.ts';

/** What binds each table to others, strongest first, and through which signals. */
export interface Bond {
  readonly other: number;
  readonly weight: number;
}

export function bondsOf(evidence: Evidence, size: number): readonly (readonly Bond[])[] {
  const bonds: Bond[][] = Array.from({ length: size }, () => []);
  for (const [a, b, weight] of evidence.pairs.entries()) {
    bonds[a]?.push({ other: b, weight });
    bonds[b]?.push({ other: a, weight });
  }
  for (const list of bonds) list.sort((x, y) => y.weight - x.weight || x.other - y.other);
  return bonds;
}

/** The signals of one pair with their share, strongest first: `foreign keys 62 %, words in table names 38 %`. */
export function explainPair(evidence: Evidence, a: number, b: number): string {
  const parts: { readonly signal: Signal; readonly weight: number }[] = [];
  let total = 0;
  for (const signal of evidence.signals) {
    const weight = signal.pairs.get(a, b) * signal.factor;
    if (weight > 0) parts.push({ signal, weight });
    total += weight;
  }
  return parts
    .sort((x, y) => y.weight - x.weight)
    .map(({ signal, weight }) => `${signal.title} ${Math.round((100 * weight) / total)} %`)
    .join(', ');
}
