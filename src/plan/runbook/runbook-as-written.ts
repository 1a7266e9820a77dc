import type { PlanToUndo, StepToUndo } from './plan-to-undo.ts';
import { whyNotRun, type NotRehearsed } from './rehearsal-scope.ts';
import { wayBackText } from './rollback-steps.ts';
import type { RollbackRunbook, RollbackStep } from './runbook-document.ts';

/** A step of a runbook's file that is not as the plan makes it. */
export interface EditedStep {
  readonly step_id: string;
  readonly name: string;
  readonly how: string;
}

/** A plan whose ways back are those of a runbook's file. */
export interface PlanAsWritten {
  readonly plan: PlanToUndo;
  readonly edited: readonly EditedStep[];
  /** Steps of the plan whose way back was edited, by their ids, each with the runbook's step, if it still has it. */
  readonly replaced: ReadonlyMap<string, Pick<RollbackStep, 'step_id' | 'name'>>;
  /** Steps that the plan does not make, and that are no statements. */
  readonly notRehearsed: readonly NotRehearsed[];
}

/**
 * What is run at night is the file: where it differs from what the plan makes, the plan goes back as the file says.
 * @param options.made The runbook that the plan makes.
 * @param options.written The runbook of the file.
 */
export function planAsWritten({ plan, made, written }: { readonly plan: PlanToUndo; readonly made: RollbackRunbook; readonly written: RollbackRunbook }): PlanAsWritten {
  const [was, is] = [stepsById(made), stepsById(written)];
  const replaced = new Map<string, Pick<RollbackStep, 'step_id' | 'name'>>();
  const phases = plan.phases.map((phase) => {
    const own = made.rollback_phases.find(({ phase_name: name }) => name === `rollback_${phase.name}`)?.steps ?? [];
    const steps = phase.steps?.map((step) => {
      const generated = own.find(({ name, script_content: script }) => name.startsWith('undo: ') && script === wayBackText(step.rollback));
      if (step.script_type !== 'sql' || step.rollback === '' || !generated) return step;
      const now = is.get(generated.step_id);
      if (now && differences(generated, now).length === 0) return step;
      replaced.set(step.step_id, now ?? generated);
      return goingBackAs(step, { generated, ...(now ? { now } : {}) });
    });
    return { ...phase, ...(steps ? { steps } : {}) };
  });
  const added = [...is.values()].filter(({ step_id: id }) => !was.has(id));
  return {
    plan: { ...plan, phases }, replaced,
    edited: [...changedSteps(was, is), ...added.map(({ step_id: id, name }) => ({ step_id: id, name, how: 'it is not of the plan' }))],
    notRehearsed: added.filter(({ script_type: type }) => type !== 'sql').map(({ step_id: id, name, script_type: type }) => ({ step_id: id, name, why: whyNotRun(type) })),
  };
}

function goingBackAs({ validate_rollback: check, ...step }: StepToUndo, { generated, now }: { readonly generated: RollbackStep; readonly now?: RollbackStep }): StepToUndo {
  const rollback = now === undefined ? '' : now.script_type === 'sql' ? now.script_content : now.script_content.split('\n').map((line) => `-- ${line}`).join('\n');
  const asked = now && !same(now.validation_commands, generated.validation_commands) ? now.validation_commands[0]?.replace(/;\s*$/, '') : check;
  return { ...step, rollback, ...(asked === undefined ? {} : { validate_rollback: asked }) };
}

function changedSteps(was: ReadonlyMap<string, RollbackStep>, is: ReadonlyMap<string, RollbackStep>): EditedStep[] {
  const stillThere = [...was.keys()].filter((id) => is.has(id));
  const order = [...is.keys()].filter((id) => was.has(id));
  return [...was].flatMap(([id, step]): EditedStep[] => {
    const now = is.get(id);
    if (!now) return [{ step_id: id, name: step.name, how: 'it was taken out' }];
    const found = [...differences(step, now), ...(stillThere.indexOf(id) === order.indexOf(id) ? [] : ['its place'])];
    return found.length === 0 ? [] : [{ step_id: id, name: now.name, how: `${found.join(', ')} ${found.length > 1 ? 'differ' : 'differs'} from what the plan makes` }];
  });
}

/** Of what is run; words that people read may be edited freely. */
function differences(made: RollbackStep, written: RollbackStep): string[] {
  return [
    ...(made.script_type === written.script_type ? [] : ['script_type']), ...(made.script_content === written.script_content ? [] : ['script_content']),
    ...(same(made.validation_commands, written.validation_commands) ? [] : ['validation_commands']),
  ];
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}

function stepsById({ rollback_phases: phases }: RollbackRunbook): Map<string, RollbackStep> {
  return new Map(phases.flatMap(({ steps }) => steps.map((step) => [step.step_id, step] as const)));
}
