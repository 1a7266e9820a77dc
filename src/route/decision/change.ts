import { BanyanError } from '../../core/errors.ts';
import {
  PLAIN_DECISION, type AudienceRule, type FlagStage, type RouteDecision, type ScheduledStep, type Strategy,
} from '../../model/route-decision.ts';
import { isPercent } from '../decide.ts';
import { refuseStage } from './flag-stage.ts';
import { shareOut } from './variants.ts';

/** The most keys in one list: a decision is read by every router whenever it changes. */
const MOST_LISTED = 10_000;

/** What is to become of a decision; what is not named stays as it is. */
export interface DecisionChange {
  readonly percent?: number;
  readonly strategy?: Strategy;
  /** Keys to add to the service's users, whatever the percentage; they leave the other list. */
  readonly allow?: readonly string[];
  /** Keys to keep with the monolith. */
  readonly deny?: readonly string[];
  /** Keys to take off both lists. */
  readonly unlist?: readonly string[];
  /** Take the place of all rules. */
  readonly rules?: readonly AudienceRule[];
  /** Weights of variants; one that is not named keeps its own, 0 takes it away. */
  readonly variants?: Readonly<Record<string, number>>;
  /** Another name shares the users out anew. */
  readonly experiment?: string;
  readonly stage?: FlagStage;
  /** Takes the place of the steps still to come. Default: a new percentage ends the schedule, nothing else does. */
  readonly schedule?: readonly ScheduledStep[];
}

/** A percentage with what else was decided. */
export interface Decided {
  readonly percent: number;
  readonly decision: RouteDecision;
}

/**
 * The next decision after `before`. Pure: the same for whoever makes it.
 * @throws BANYAN_ROUTE_INVALID
 */
export function changeDecision(service: string, before: Decided, change: DecisionChange): Decided {
  const wrong = (message: string): BanyanError => new BanyanError('BANYAN_ROUTE_INVALID', { message: `The route of ${service}: ${message}.` });
  const { decision } = before;
  const percent = change.percent ?? before.percent;
  if (!isPercent(percent)) throw wrong(`found ${percent} %; expected 0 to 100 in steps of 0.01`);
  const strategy = change.strategy ?? decision.strategy;
  if (strategy === 'blue-green' && percent !== 0 && percent !== 100) throw wrong(`found ${percent} % with the strategy blue-green; expected 0 or 100`);
  const experiment = change.experiment ?? decision.experiment;
  const variants = nextVariants({ change, decision, experiment: experiment || service, wrong });
  if (strategy === 'variants' && variants.length === 0) throw wrong('found no variant with the strategy variants; expected one at least');
  for (const rule of change.rules ?? []) {
    if (!isPercent(rule.percent)) throw wrong(`found a rule with ${rule.percent} %; expected 0 to 100 in steps of 0.01`);
    if (Object.keys(rule.when).length === 0) throw wrong('found a rule for everybody; expected something that its requests have in common');
  }
  const { allow, deny } = nextLists(decision, change);
  for (const list of [allow, deny]) {
    if (list.length > MOST_LISTED) throw wrong(`found ${list.length} keys in a list; expected ${MOST_LISTED} at most: a rule by tenant or header reaches more`);
  }
  const refused = change.stage === undefined ? undefined : refuseStage(decision.stage, change.stage);
  if (refused !== undefined) throw wrong(`found the stage ${change.stage ?? ''}; ${refused}`);
  if (change.stage === 'complete' && percent !== 100) throw wrong(`found the stage complete at ${percent} %; expected everybody on the service first`);
  const stage = change.stage ?? decision.stage;
  return {
    percent,
    decision: {
      strategy, allow, deny, variants,
      experiment: variants.length > 0 ? experiment || service : experiment,
      // Whoever names a percentage wants it to hold.
      pinned: change.percent === undefined ? decision.pinned : null,
      rules: change.rules ?? decision.rules,
      // Who comes home needs his writes there again.
      stage: stage === 'complete' && percent < 100 ? 'ramp-down' : stage,
      schedule: change.schedule ?? (change.percent === undefined ? decision.schedule : []),
      gradual: change.percent === undefined ? decision.gradual : null,
    },
  };
}

/** Everybody home, whatever lists and rules say; they are kept for the next attempt. Steps still to come are dropped. */
export function rolledBack(decision: RouteDecision): RouteDecision {
  return { ...decision, pinned: 'monolith', schedule: [], gradual: null, stage: decision.stage === 'complete' ? 'ramp-down' : decision.stage };
}

/** What stays of a decision when only a percentage is named: all but the pin and the steps still to come. */
export function carriedOver(decision: RouteDecision): RouteDecision {
  return { ...decision, pinned: null, schedule: [], gradual: null };
}

/** An earlier decision as it is when it is made again: it does not start its schedule anew. */
export function madeAgain(earlier: Decided): Decided {
  return { percent: earlier.percent, decision: { ...earlier.decision, schedule: [], gradual: null } };
}

/** With what a route begins of which no store knows. */
export function beginningOf(rule: { readonly service: string; readonly strategy?: Strategy; readonly decision?: Partial<RouteDecision> }): RouteDecision {
  return { ...PLAIN_DECISION, ...rule.decision, strategy: rule.strategy ?? rule.decision?.strategy ?? PLAIN_DECISION.strategy };
}

function nextLists(decision: RouteDecision, { allow = [], deny = [], unlist = [] }: DecisionChange): Pick<RouteDecision, 'allow' | 'deny'> {
  const next = (list: readonly string[], added: readonly string[], removed: readonly string[]): string[] => [
    ...new Set([...list.filter((key) => !removed.includes(key)), ...added]),
  ];
  return { allow: next(decision.allow, allow, [...deny, ...unlist]), deny: next(decision.deny, deny, [...allow, ...unlist]) };
}

function nextVariants(options: {
  readonly change: DecisionChange;
  readonly decision: RouteDecision;
  readonly experiment: string;
  readonly wrong: (message: string) => BanyanError;
}): RouteDecision['variants'] {
  const { change, decision, experiment, wrong } = options;
  if (!change.variants && change.experiment === undefined) return decision.variants;
  const weights = new Map(decision.variants.map(({ name, weight }) => [name, weight]));
  for (const [name, weight] of Object.entries(change.variants ?? {})) {
    if (!Number.isFinite(weight) || weight < 0) throw wrong(`found the weight ${weight} of the variant ${name}; expected 0 or more`);
    if (weight === 0) weights.delete(name);
    else weights.set(name, weight);
  }
  const wanted = [...weights].map(([name, weight]) => ({ name, weight }));
  if (wanted.length === 0) return [];
  // Another hash shares the users out anew, whatever range they had in the last.
  return shareOut(wanted, experiment === decision.experiment ? decision.variants : []);
}
