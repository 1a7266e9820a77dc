import type { RouteDecision } from '../../model/route-decision.ts';

/** What a status tells of a decision: how many are listed, not who, since keys may be secrets. */
export interface DecisionSummary {
  readonly strategy: RouteDecision['strategy'];
  readonly pinned: RouteDecision['pinned'];
  readonly stage: RouteDecision['stage'];
  readonly allowed: number;
  readonly denied: number;
  readonly rules: number;
  /** Shares in percent by name. */
  readonly variants: Readonly<Record<string, number>>;
  /** The step that comes next, if any is scheduled. */
  readonly next: RouteDecision['schedule'][number] | null;
}

export function summaryOf(decision: RouteDecision): DecisionSummary {
  const shares = decision.variants.map(({ name, ranges }): [string, number] => [name, ranges.reduce((sum, [from, to]) => sum + to - from, 0) / 100]);
  return {
    strategy: decision.strategy,
    pinned: decision.pinned,
    stage: decision.stage,
    allowed: decision.allow.length,
    denied: decision.deny.length,
    rules: decision.rules.length,
    variants: Object.fromEntries(shares),
    next: decision.schedule[0] ?? null,
  };
}
