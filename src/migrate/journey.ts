import type { FlagStage } from '../model/route-decision.ts';
import { STAGES, type Stage } from '../model/stage.ts';
import type { GateResult, MigrationSteps } from '../ports/migration.ts';

/** How a stage is entered: first its gates are asked, then its deed is done. */
export interface StageRule {
  readonly gates: readonly ((steps: MigrationSteps) => Promise<GateResult>)[];
  readonly enter: (steps: MigrationSteps) => Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

/** The service's share of users at each stage; those before `canary` have none. */
export const PERCENT: Readonly<Partial<Record<Stage, number>>> = { canary: 1, half: 50, live: 100 };

/**
 * How far application code that asks the migration's flag may go at each stage. `complete` is no stage's: it ends
 * the writes to the old store and with them the application's own way back, which only the operator does.
 */
export const FLAG: Readonly<Record<Stage, FlagStage>> = {
  planned: 'off', prepared: 'off', provisioned: 'off',
  synced: 'dual-write',
  validated: 'shadow', routed: 'shadow',
  canary: 'live', half: 'live',
  live: 'ramp-down',
};

const flagged = (stage: Stage) => (steps: MigrationSteps): Promise<void> => steps.flag(FLAG[stage]);

const moving = (percent: number, stage: Stage): StageRule => ({
  gates: [(steps) => steps.following(), (steps) => steps.served(), (steps) => steps.equal()],
  enter: (steps) => steps.shift(percent, FLAG[stage]),
});

/** A total table: every stage but the first, with what lets one in and what is done there. */
export const RULES: Readonly<Record<Exclude<Stage, 'planned'>, StageRule>> = {
  prepared: { gates: [(steps) => steps.prerequisites()], enter: nothing },
  provisioned: { gates: [], enter: (steps) => steps.provision() },
  synced: { gates: [(steps) => steps.following()], enter: flagged('synced') },
  validated: { gates: [(steps) => steps.equal()], enter: flagged('validated') },
  routed: { gates: [(steps) => steps.served()], enter: flagged('routed') },
  canary: moving(1, 'canary'),
  half: moving(50, 'half'),
  live: moving(100, 'live'),
};

/** The stages to go through from one to another, the first not included. */
export function pathTo(from: Stage, to: Stage): readonly Stage[] {
  return STAGES.slice(STAGES.indexOf(from) + 1, STAGES.indexOf(to) + 1);
}

export function isStage(text: string): text is Stage {
  return STAGES.some((stage) => stage === text);
}
