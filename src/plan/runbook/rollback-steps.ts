import type { HazardDetail } from '../check/finding.ts';
import type { PhaseToUndo, PlanToUndo, StepToUndo } from './plan-to-undo.ts';
import { lostRowsOf, lostRowsText, type DatabaseLook } from './lost-rows.ts';
import type { RollbackStep, Urgency } from './runbook-document.ts';

/** A step before its place among the others is known. */
type Draft = Pick<RollbackStep, 'name' | 'description' | 'script_type' | 'script_content' | 'validation_commands' | 'success_criteria'> & Pick<RollbackStep, 'loses' | 'loses_rows' | 'hazards' | 'hazard_details'>;

/** What is known besides the plan. */
export interface RollbackKnowledge {
  readonly look?: DatabaseLook;
  /** What each way back may hurt, by its text. */
  readonly hazards?: ReadonlyMap<string, readonly HazardDetail[]>;
}

/** What is done to be where the phase began: stop it, undo its steps from the last to the first, look. */
export function rollbackStepsOf(plan: PlanToUndo, { phase, urgency, minutes, after, known = {} }: { readonly phase: PhaseToUndo; readonly urgency: Urgency; readonly minutes: number; readonly after: readonly string[]; readonly known?: RollbackKnowledge }): RollbackStep[] {
  const drafts = [stopOf(phase), ...flagsOf(plan, phase), ...undoingOf(plan, phase, known), lookOf(plan, phase)];
  const each = Math.max(1, Math.floor(minutes / drafts.length));
  const id = (index: number): string => `rb_${phase.name}_${index + 1}`;
  return drafts.map((draft, i) => ({
    step_id: id(i),
    name: draft.name,
    description: draft.description,
    script_type: draft.script_type,
    script_content: draft.script_content,
    estimated_duration_minutes: each,
    dependencies: i === 0 ? [...after] : [id(i - 1)],
    validation_commands: draft.validation_commands,
    success_criteria: draft.success_criteria,
    failure_escalation: ESCALATION[urgency],
    rollback_order: i + 1,
    ...(draft.loses === undefined ? {} : { loses: draft.loses }),
    ...(draft.loses_rows === undefined ? {} : { loses_rows: draft.loses_rows }),
    ...(draft.hazards === undefined ? {} : { hazards: draft.hazards }),
    ...(draft.hazard_details === undefined ? {} : { hazard_details: draft.hazard_details }),
  }));
}

const ESCALATION: Readonly<Record<Urgency, string>> = {
  low: 'Stop here and tell level_1; go on when it is understood',
  medium: 'Stop here and call level_1; level_2 after 15 minutes',
  high: 'Stop here and call level_2 at once; level_3 after 15 minutes',
  emergency: 'Call the emergency level at once, and keep everybody on the side that answers',
};

function stopOf({ name, tasks = [] }: PhaseToUndo): Draft {
  return {
    name: `stop ${name}`, description: `Nobody goes on with ${name}`, script_type: 'manual',
    script_content: [`Stop ${name}: whoever works on one of these says how far it is, and stops.`, ...tasks.map((task) => `- ${task}`)].join('\n'),
    validation_commands: [], success_criteria: [`It is known how far ${name} came`],
  };
}

/** Flags that the phase turns are turned back to where they began. */
function flagsOf({ feature_flags: flags = [] }: PlanToUndo, { tasks = [] }: PhaseToUndo): Draft[] {
  return flags.filter(({ name }) => tasks.some((task) => task.includes(`Flag ${name}:`))).map(({ name, steps = [] }) => {
    const first = steps[0]?.percentage ?? 0;
    return {
      name: `set flag ${name} back`, description: `Flag ${name} is as before`, script_type: 'manual', script_content: `Set flag ${name} to ${first} %.`,
      validation_commands: [], success_criteria: [`Flag ${name} is at ${first} %`],
    };
  });
}

function undoingOf(plan: PlanToUndo, phase: PhaseToUndo, known: RollbackKnowledge): Draft[] {
  const steps = (phase.steps ?? []).toReversed().filter(({ rollback }) => rollback !== '');
  if ((phase.steps ?? []).length > 0) return steps.filter(({ rollback }, i) => steps.findIndex((other) => other.rollback === rollback) === i).map((step) => undo(plan, step, { same: steps.filter(({ rollback }) => rollback === step.rollback), known }));
  return byHandOf(plan, phase);
}

/** What goes back only by hand stands in comments, which nobody runs. */
function isSpoken(rollback: string): boolean {
  return rollback.split('\n').every((line) => line.startsWith('--'));
}

/** A way back as a runbook writes it: what is for people, without the marks of a comment. */
export function wayBackText(rollback: string): string {
  return isSpoken(rollback) ? rollback.split('\n').map((line) => line.replace(/^--\s*/, '')).join('\n') : rollback;
}

/** One command may undo several steps: going back from 25 % goes back from 5 % as well. */
function undo(plan: PlanToUndo, step: StepToUndo, { same, known: { look, hazards } }: { readonly same: readonly StepToUndo[]; readonly known: RollbackKnowledge }): Draft {
  const type = isSpoken(step.rollback) || !(step.script_type === 'sql' || step.script_type === 'banyan' || step.script_type === 'bash') ? 'manual' : step.script_type === 'sql' ? 'sql' : 'bash';
  const details = hazards?.get(step.rollback) ?? [];
  const names = same.toReversed().map(({ name }) => name);
  const losses = [...new Set(same.flatMap(({ loses }) => (loses === undefined ? [] : [loses])))].join('; ');
  const rows = losses === '' ? [] : lostRowsOf(plan, step, look);
  const lost = losses === '' ? '' : `${losses}${lostRowsText(rows)}`;
  return {
    name: `undo: ${names.length > 3 ? `${names[0] ?? ''} … ${names.at(-1) ?? ''}` : names.join(', ')}`,
    description: `${names.length > 1 ? `Undoes ${names.join('; ')}` : `Undoes ${step.name}`}${lost === '' ? '; the plan names nothing that is lost' : `. Is lost: ${lost}`}`,
    script_type: type,
    script_content: wayBackText(step.rollback),
    validation_commands: step.script_type === 'sql' ? (step.validate_rollback === undefined ? [] : [`${step.validate_rollback};`]) : [step.validate ?? ''].filter((command) => command !== ''),
    success_criteria: [step.script_type === 'sql' && step.validate_rollback !== undefined ? 'The query answers t' : `${type === 'bash' ? 'The command answers 0' : 'It is done'}, and what it validates is as before`],
    ...(lost === '' ? {} : { loses: lost }),
    ...(rows.length === 0 ? {} : { loses_rows: rows }),
    ...(details.length === 0 ? {} : { hazards: [...new Set(details.map(({ hazard }) => hazard))], hazard_details: details }),
  };
}

/** Where a plan has no steps, what it says of the way back, and its tasks from the last to the first. */
function byHandOf({ rollback_plan: back }: PlanToUndo, { name, tasks = [] }: PhaseToUndo): Draft[] {
  const actions = (back?.rollback_phases ?? []).find(({ phase }) => phase === `rollback_${name}` || phase === name)?.rollback_actions ?? [];
  const said = actions.filter((action) => !/^(stop|see that everything|tell everybody)/i.test(action)).map((action) => manual(action, `Said by the plan: ${action}`));
  return [...said, ...tasks.toReversed().map((task) => manual(`undo: ${task}`, `If it was begun, undo: ${task}`))];
}

function manual(name: string, content: string): Draft {
  return { name, description: content, script_type: 'manual', script_content: content, validation_commands: [], success_criteria: ['It is done, and somebody else has looked'] };
}

function lookOf(plan: PlanToUndo, phase: PhaseToUndo): Draft {
  const criteria = (plan.rollback_plan?.rollback_phases ?? []).find((each) => each.phase === `rollback_${phase.name}` || each.phase === phase.name)?.validation_criteria ?? [];
  const back = (phase.steps ?? []).flatMap(({ validate_rollback: query }) => (query === undefined ? [] : [`${query};`]));
  const commands = (phase.steps ?? []).filter(({ script_type: type }) => type === 'banyan').flatMap(({ validate = '' }) => (validate === '' ? [] : [validate]));
  const script = [...new Set(commands)];
  return {
    name: `see that everything is as before ${phase.name}`, description: `Compares the system with what it was before ${phase.name}`,
    script_type: script.length > 0 ? 'bash' : back.length > 0 ? 'sql' : 'manual',
    script_content: script.length > 0 ? script.join('\n') : back.length > 0 ? back.join('\n') : [`See that it is as before ${phase.name}:`, ...criteria.map((each) => `- ${each}`)].join('\n'),
    validation_commands: [...script, ...back],
    success_criteria: criteria.length > 0 ? [...criteria] : [`The system is as before ${phase.name}`],
  };
}
