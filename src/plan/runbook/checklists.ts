import type { PlanToUndo } from './plan-to-undo.ts';
import type { RollbackPhase } from './runbook-document.ts';

/** What is true when everything has gone back. */
export function validationChecklist(plan: PlanToUndo, phases: readonly RollbackPhase[]): string[] {
  const { source_system: source = 'the old side', tables = [] } = plan;
  return [
    ...phases.flatMap(({ phase_name: phase, validation_checkpoints: points }) => points.map((point) => `${phase}: ${point}`)),
    ...tables.map(({ name, critical = false }) => `${name}: as many rows as before, and no row differs${critical ? ' (critical: compare all of them)' : ''}`),
    `Every user is served by ${source}`,
    'Error rate, response time and availability are as before the migration',
    'No write that was acknowledged is missing',
    'Alerts are quiet, and still on',
  ];
}

/** What is left to do afterwards. */
export function postRollback(plan: PlanToUndo): string[] {
  const { target_system: target = 'the new side', feature_flags: flags = [] } = plan;
  return [
    'Send rollback_complete to each audience',
    `Watch for a whole business cycle, and let nobody change ${target} meanwhile`,
    `Keep the data and logs of ${target} until the review is over`,
    ...(flags.length === 0 ? [] : [`See that these flags stay where they are: ${flags.map(({ name }) => name).join(', ')}`]),
    'Write down when it was noticed, decided, begun and over, and what was lost',
    'Review within two working days: what fired, what was slow, which step was wrong',
    'Correct the plan, make its runbook anew, and run `banyan runbook test` before the next attempt',
    'Delete dumps when the agreed time is over',
  ];
}
