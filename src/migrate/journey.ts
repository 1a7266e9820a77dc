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

const moving = (percent: number): StageRule => ({
  gates: [(steps) => steps.following(), (steps) => steps.served(), (steps) => steps.equal()],
  enter: (steps) => steps.shift(percent),
});

/** A total table: every stage but the first, with what lets one in and what is done there. */
export const RULES: Readonly<Record<Exclude<Stage, 'planned'>, StageRule>> = {
  prepared: { gates: [(steps) => steps.prerequisites()], enter: nothing },
  provisioned: { gates: [], enter: (steps) => steps.provision() },
  synced: { gates: [(steps) => steps.following()], enter: nothing },
  validated: { gates: [(steps) => steps.equal()], enter: nothing },
  routed: { gates: [(steps) => steps.served()], enter: nothing },
  canary: moving(1),
  half: moving(50),
  live: moving(100),
};

/** The stages to go through from one to another, the first not included. */
export function pathTo(from: Stage, to: Stage): readonly Stage[] {
  return STAGES.slice(STAGES.indexOf(from) + 1, STAGES.indexOf(to) + 1);
}

export function isStage(text: string): text is Stage {
  return STAGES.some((stage) => stage === text);
}
