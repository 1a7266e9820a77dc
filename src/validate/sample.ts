import type { Checksummer, RowIdentity } from '../ports/checksummer.ts';
import { upperBound } from './bound.ts';
import type { TablePair } from './pair.ts';
import type { SampleBound } from './report.ts';
import { agree, byIndex, observe, type Suspect } from './suspects.ts';

export interface Sample {
  /** Keys drawn from each side. */
  readonly drawn: { readonly source: ReadonlySet<string>; readonly target: ReadonlySet<string> };
  /** Rows that each side has under any of these keys. */
  readonly rows: { readonly source: number; readonly target: number };
  readonly suspects: readonly Suspect[];
}

const keyText = (identity: RowIdentity): string => JSON.stringify(identity.key);

/** Draws rows from each side, so that missing and extra rows have their chance too, and looks all of them up on both. */
export async function drawSample(options: {
  readonly pair: TablePair;
  readonly source: Checksummer;
  readonly target: Checksummer;
  /** From each side. */
  readonly rows: number;
  /** In [0, 1). The same seed draws the same rows of an unchanged table. */
  readonly seed: number;
  readonly signal?: AbortSignal;
}): Promise<Sample> {
  const { pair, source, target, rows, seed } = options;
  const reading = options.signal ? { signal: options.signal } : {};
  const [fromSource, fromTarget] = await Promise.all([
    source.sample(pair.source, { rows, seed, ...reading }),
    // Another seed: two copies of a table that lie alike on disk would give the same rows twice.
    target.sample(pair.target, { rows, seed: (seed + 0.5) % 1, ...reading }),
  ]);
  const identities = [...new Map([...fromSource, ...fromTarget].map(({ place, key }) => [keyText({ place, key }), { place, key }])).values()];
  const how = { values: false, hashed: true, ...reading };
  const [onSource, onTarget] = await Promise.all([source.rowStates(pair.source, identities, how), target.rowStates(pair.target, identities, how)]);
  const [bySource, byTarget] = [byIndex(onSource), byIndex(onTarget)];
  return {
    drawn: { source: new Set(fromSource.map(keyText)), target: new Set(fromTarget.map(keyText)) },
    rows: { source: onSource.length, target: onTarget.length },
    suspects: identities
      .map((identity, i) => ({ identity, source: observe(bySource.get(i) ?? []), target: observe(byTarget.get(i) ?? []) }))
      .filter((row) => !agree(row.source, row.target)),
  };
}

/**
 * What the sample says of both tables: the larger of the two sides' bounds, each with half of the
 * doubt, because either may be the wrong one.
 */
export function boundOf(sample: Sample, differing: readonly RowIdentity[], confidence: number): SampleBound {
  const keys = differing.map(keyText);
  const bounds = [sample.drawn.source, sample.drawn.target]
    // A side without rows has none that could differ.
    .filter((drawn) => drawn.size > 0)
    .map((drawn) => upperBound({ rows: drawn.size, differing: keys.filter((key) => drawn.has(key)).length, confidence: 1 - (1 - confidence) / 2 }));
  return {
    rows: new Set([...sample.drawn.source, ...sample.drawn.target]).size,
    confidence,
    differingShareAtMost: Math.max(0, ...bounds),
  };
}
