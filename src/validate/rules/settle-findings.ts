import type { Barrier } from '../barrier.ts';
import type { RuleDifference } from './rule-report.ts';

/** What one look found, by an identity. */
export type Findings = ReadonlyMap<string, { readonly stamp: string; readonly finding: RuleDifference }>;

export interface SettledFindings<L> {
  readonly confirmed: readonly RuleDifference[];
  /** How many changed at every look. */
  readonly unsettled: number;
  readonly last: L;
}

/**
 * Looks again after each barrier until what was found is gone, or has stayed as it is over so many barriers
 * that nothing in flight can have made it so (see `settle` for rows).
 *
 * @param options.stays barriers over which a finding must not change.
 * @param options.follow `first`: what the first look did not find is not looked for, it came later. `all`:
 *   where a finding can come back under another identity.
 */
export async function settleFindings<L extends { readonly findings: Findings }>(options: {
  readonly look: () => Promise<L>;
  readonly barrier: Barrier;
  readonly stays: number;
  readonly rounds: number;
  readonly follow: 'first' | 'all';
}): Promise<SettledFindings<L>> {
  const { look, barrier, stays, rounds, follow } = options;
  await barrier.after(barrier.moment());
  let last = await look();
  let open = new Map([...last.findings].map(([id, { stamp, finding }]) => [id, { stamp, finding, held: 0 }]));
  const confirmed = new Map<string, RuleDifference>();
  for (let round = 0; round < rounds && open.size > 0; round++) {
    await barrier.after(barrier.moment());
    last = await look();
    const next: typeof open = new Map();
    for (const [id, { stamp, finding }] of last.findings) {
      if (confirmed.has(id)) continue;
      const before = open.get(id);
      if (before === undefined && follow === 'first') continue;
      const held = before?.stamp === stamp ? before.held + 1 : 0;
      if (held >= stays) confirmed.set(id, finding);
      else next.set(id, { stamp, finding, held });
    }
    open = next;
  }
  return { confirmed: [...confirmed.values()], unsettled: open.size, last };
}
