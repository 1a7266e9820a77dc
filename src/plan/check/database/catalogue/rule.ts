import type { FindingSeverity, Party } from '../../finding.ts';

/** One kind of difference between two databases. */
export interface DatabaseRule {
  /** Stable; the name of its page: `docs/rules/column-removed.md`. */
  readonly id: string;
  /** As INTERFACE names it: `column_removed`. Several rules may share one. */
  readonly type: string;
  readonly severity: FindingSeverity;
  /** Who is hurt; empty: nobody. */
  readonly hurts: readonly Party[];
  /** What breaks. */
  readonly impact: string;
  /** How to do it without downtime. */
  readonly remedy: string;
}

type Letters = '' | `${'r' | ''}${'w' | ''}${'p' | ''}${'a' | ''}`;

const PARTIES: Readonly<Record<string, Party>> = { r: 'readers', w: 'writers', p: 'replication', a: 'generated API' };

/** A row of the catalogue. `hurts`: r(eaders), w(riters), re(p)lication, (a)PI. `type`: that of the rule's name, unless it is told. */
export function rule(id: string, severity: FindingSeverity, hurts: Letters, [impact, remedy]: readonly [impact: string, remedy: string], type = id.replaceAll('-', '_')): DatabaseRule {
  return { id, type, severity, hurts: hurts.split('').flatMap((letter) => PARTIES[letter] ?? []), impact, remedy };
}
