import { FLAG_STAGES, type FlagStage } from '../../model/route-decision.ts';
import type { Side } from '../../model/side.ts';

/** What application code asks of a stage, for one user. */
export interface StageAnswers {
  readonly stage: FlagStage;
  readonly readOld: boolean;
  readonly readNew: boolean;
  readonly writeOld: boolean;
  readonly writeNew: boolean;
  /** Both stores are written. */
  readonly dualWrite: boolean;
  /** Both stores are read, and one of the answers only compared. */
  readonly shadow: boolean;
  /** Whose answer counts, and who is written first. */
  readonly authority: 'old' | 'new';
}

const TABLE: Readonly<Record<FlagStage, Omit<StageAnswers, 'stage' | 'dualWrite' | 'shadow'>>> = {
  off: { readOld: true, readNew: false, writeOld: true, writeNew: false, authority: 'old' },
  'dual-write': { readOld: true, readNew: false, writeOld: true, writeNew: true, authority: 'old' },
  shadow: { readOld: true, readNew: true, writeOld: true, writeNew: true, authority: 'old' },
  live: { readOld: true, readNew: true, writeOld: true, writeNew: true, authority: 'new' },
  'ramp-down': { readOld: false, readNew: true, writeOld: true, writeNew: true, authority: 'new' },
  complete: { readOld: false, readNew: true, writeOld: false, writeNew: true, authority: 'new' },
};

/**
 * The stage for one user. From `live` on it holds for users whom the service serves; the others are
 * still in `shadow`, so that a rollback is right for the application too, at whatever stage it comes.
 */
export function stageFor(stage: FlagStage, side: Side): FlagStage {
  return side === 'monolith' && TABLE[stage].authority === 'new' ? 'shadow' : stage;
}

export function answersOf(stage: FlagStage): StageAnswers {
  const row = TABLE[stage];
  return { stage, ...row, dualWrite: row.writeOld && row.writeNew, shadow: row.readOld && row.readNew };
}

/**
 * Whether a flag may go from one stage to another; else why not. Forward one stage at a time, because
 * each leans on what the one before has written; back as far as the old store was written all along,
 * which it was not in `complete`: from there the way back is `ramp-down`, which writes it again.
 */
export function refuseStage(from: FlagStage, to: FlagStage): string | undefined {
  const [now, then] = [FLAG_STAGES.indexOf(from), FLAG_STAGES.indexOf(to)];
  if (then === now || then === now + 1) return undefined;
  if (then > now) return `the next stage after ${from} is ${FLAG_STAGES[now + 1] ?? from}`;
  return from === 'complete' && to !== 'ramp-down' ? 'from complete the way back is ramp-down first' : undefined;
}
