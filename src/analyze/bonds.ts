import type { Evidence } from './signals.ts';

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
