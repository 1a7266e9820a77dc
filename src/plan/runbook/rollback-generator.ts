import { systemClock, type Clock } from '../../core/clock.ts';
import type { HazardDetail } from '../check/finding.ts';
import { stableHash } from '../stable-hash.ts';
import { postRollback, validationChecklist } from './checklists.ts';
import { escalationOf, templatesOf } from './communication.ts';
import type { PlanToUndo } from './plan-to-undo.ts';
import { recoveryOf } from './recovery.ts';
import type { DatabaseLook } from './lost-rows.ts';
import type { NotRehearsed } from './rehearsal-scope.ts';
import type { RestoreProbe } from './restore-time.ts';
import { contactsOf, reachText } from './roles.ts';
import { rollbackPhasesOf } from './rollback-phases.ts';
import type { EmergencyContact, RollbackRunbook } from './runbook-document.ts';
import { triggerConditionsOf } from './triggers.ts';

export interface GenerateOptions {
  /** Who is called. Default: nobody; the plan's roles are then marked as to be filled in. */
  readonly contacts?: readonly EmergencyContact[];
  /** When each of its statements was last run forward and back, and all came back. Default: never. */
  readonly testedAt?: Date;
  /** What a look at the database found. Default: rows as the plan has them. */
  readonly look?: DatabaseLook;
  /** What each way back may hurt, by its text. Default: nobody has read the statements. */
  readonly hazards?: ReadonlyMap<string, readonly HazardDetail[]>;
  /** How long restoring sample rows took. Default: it was not tried. */
  readonly restores?: readonly RestoreProbe[];
  /** What came of trying it. Default: it was not tried. */
  readonly rehearsal?: RehearsalOutcome;
}

export interface RehearsalOutcome {
  readonly at: Date;
  /** Steps that came back. */
  readonly cameBack: number;
  readonly notRehearsed: readonly NotRehearsed[];
  /** The first that did not. */
  readonly failed?: string;
}

/** Makes rollback runbooks of plans. Pure: the same plan at the same time gives the same runbook. */
export class RollbackGenerator {
  readonly #clock: Pick<Clock, 'now'>;

  /** @param options.clock says when a runbook was made. Default: the machine's. */
  constructor({ clock = systemClock }: { readonly clock?: Pick<Clock, 'now'> } = {}) {
    this.#clock = clock;
  }

  /**
   * The way back of each phase, from the last to the first, with what is watched, said and restored.
   * @param plan of {@link MigrationPlanner}, or of another tool in the same form; its id does not depend on when it was made.
   */
  generate(plan: PlanToUndo, { contacts: named = [], testedAt, rehearsal, look, restores, hazards }: GenerateOptions = {}): RollbackRunbook {
    const contacts = contactsOf(plan, named);
    const phases = rollbackPhasesOf(plan, { ...(look ? { look } : {}), ...(hazards ? { hazards } : {}) });
    const triggers = triggerConditionsOf(plan, contacts.map(reachText));
    const minutes = phases.reduce((sum, phase) => sum + phase.estimated_duration_minutes, 0);
    return {
      ...outcomeOf(rehearsal, testedAt),
      runbook_id: `rb_${stableHash({ ...plan, created_at: '' })}`,
      migration_id: plan.migration_id,
      created_at: new Date(this.#clock.now()).toISOString(),
      rollback_phases: phases,
      trigger_conditions: triggers,
      data_recovery_plan: recoveryOf(plan, minutes, { ...(look ? { look } : {}), ...(restores ? { restores } : {}) }),
      communication_templates: templatesOf({ plan, phases, triggers, contacts }),
      escalation_matrix: escalationOf(contacts),
      validation_checklist: validationChecklist(plan, phases),
      post_rollback_procedures: postRollback(plan),
      emergency_contacts: contacts,
    };
  }
}

/** The same runbook, with what came of trying it now. */
export function withOutcome({ tested: _tested, tested_at: _at, rehearsal: _before, ...runbook }: RollbackRunbook, outcome: RehearsalOutcome): RollbackRunbook {
  return { ...outcomeOf(outcome), ...runbook };
}

function outcomeOf(rehearsal?: RehearsalOutcome, testedAt?: Date): Pick<RollbackRunbook, 'tested' | 'tested_at' | 'rehearsal'> {
  const tested = testedAt ?? (rehearsal !== undefined && passed(rehearsal) ? rehearsal.at : undefined);
  return {
    tested: tested !== undefined,
    ...(tested === undefined ? {} : { tested_at: tested.toISOString() }),
    ...(rehearsal === undefined ? {} : { rehearsal: {
      at: rehearsal.at.toISOString(), came_back: rehearsal.cameBack, not_rehearsed: rehearsal.notRehearsed.map(({ step_id: id, name, why }) => `${id} (${name}): ${why}`),
      ...(rehearsal.failed === undefined ? {} : { failed: rehearsal.failed }),
    } }),
  };
}

/** Only if nothing was left out. */
function passed({ cameBack, notRehearsed, failed }: RehearsalOutcome): boolean {
  return failed === undefined && cameBack > 0 && notRehearsed.length === 0;
}
