import type { Checksummer, RowIdentity, RowState } from '../ports/checksummer.ts';
import type { TablePair } from './pair.ts';
import { agree, observe, type Suspect } from './suspects.ts';

export interface Sample {
  /** Distinct keys that were drawn. */
  readonly rows: number;
  /** Rows that each side has under these keys. */
  readonly source: number;
  readonly target: number;
  readonly suspects: readonly Suspect[];
}

/** Draws half of the rows from each side and looks each of them up on both. */
export async function drawSample(options: {
  readonly pair: TablePair;
  readonly source: Checksummer;
  readonly target: Checksummer;
  readonly rows: number;
  /** In [0, 1). The same seed draws the same rows of an unchanged table. */
  readonly seed: number;
  readonly signal?: AbortSignal;
}): Promise<Sample> {
  const { pair, source, target, seed, signal } = options;
  const drawing = { rows: Math.ceil(options.rows / 2), seed, ...(signal ? { signal } : {}) };
  const drawn = await Promise.all([source.sample(pair.source, drawing), target.sample(pair.target, drawing)]);
  const byKey = new Map<string, RowIdentity>();
  for (const { place, key } of drawn.flat()) byKey.set(JSON.stringify(key), { place, key });
  const identities = [...byKey.values()];
  const reading = { values: false, hashed: true, ...(signal ? { signal } : {}) };
  const [sourceStates, targetStates] = await Promise.all([
    source.rowStates(pair.source, identities, reading),
    target.rowStates(pair.target, identities, reading),
  ]);
  const suspects = identities
    .map((identity, i) => ({ identity, source: observe(at(sourceStates, i)), target: observe(at(targetStates, i)) }))
    .filter((row) => !agree(row.source, row.target));
  return { rows: identities.length, source: sourceStates.length, target: targetStates.length, suspects };
}

function at(states: readonly RowState[], index: number): readonly RowState[] {
  return states.filter((state) => state.index === index);
}
