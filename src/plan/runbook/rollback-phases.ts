import type { RiskLevel } from '../plan-document.ts';
import type { PhaseToUndo, PlanToUndo } from './plan-to-undo.ts';
import { rollbackStepsOf, type RollbackKnowledge } from './rollback-steps.ts';
import type { RollbackPhase, RollbackStep, Urgency } from './runbook-document.ts';

/** A rollback phase takes a quarter of its phase's time (INTERFACE). */
const MINUTES_PER_HOUR = 15;

const URGENCY: Readonly<Record<RiskLevel, Urgency>> = { low: 'low', medium: 'medium', high: 'high', critical: 'emergency' };

const TOLD: Readonly<Record<Urgency, readonly string[]>> = {
  low: ['The team, in its channel'],
  medium: ['The team, in its channel', 'Stakeholders, when it is done'],
  high: ['The team and stakeholders at the beginning, every 30 minutes and at the end', 'Support, before the first step'],
  emergency: ['Everybody who is on call at once, by phone', 'The team, stakeholders and executives at the beginning, every 15 minutes and at the end', 'Support and the status page, before the first step'],
};

/** The plan's phases from the last to the first, each with its way back. */
export function rollbackPhasesOf(plan: PlanToUndo, known: RollbackKnowledge = {}): RollbackPhase[] {
  const phases: RollbackPhase[] = [];
  let before: { readonly phase: string; readonly last: RollbackStep } | undefined;
  for (const phase of plan.phases.toReversed()) {
    const risk = riskOf(phase);
    const urgency = URGENCY[risk];
    const minutes = minutesOf(plan, phase);
    const steps = rollbackStepsOf(plan, { phase, urgency, minutes, after: before ? [before.last.step_id] : [], known });
    phases.push({
      phase_name: `rollback_${phase.name}`,
      description: `Go back to where ${phase.name} began${phase.description === undefined || phase.description === '' ? '' : `. ${phase.name} was: ${phase.description}`}`,
      urgency_level: urgency,
      estimated_duration_minutes: minutes,
      prerequisites: [
        ...(before ? [`${before.phase} is done, or ${before.phase.slice('rollback_'.length)} was never begun`] : []),
        ...(steps.some(({ loses }) => loses !== undefined) ? [`The restore points of before ${phase.name} are there (data_recovery_plan)`] : []),
        ...(urgency === 'emergency' ? ['The migration lead was told; nobody waits for an approval'] : urgency === 'high' ? ['The migration lead has decided it'] : ['The team has decided it']),
        ...(phase.resources_required === undefined || phase.resources_required.length === 0 ? [] : [`Present: ${phase.resources_required.join(', ')}`]),
      ],
      steps,
      validation_checkpoints: [...new Set(steps.flatMap(({ success_criteria: criteria }) => criteria.filter((each) => !/^(The query|The command|It is done)/.test(each))))],
      communication_requirements: TOLD[urgency],
      risk_level: risk,
    });
    const last = steps.at(-1);
    if (last) before = { phase: `rollback_${phase.name}`, last };
  }
  return phases;
}

function riskOf({ risk_level: risk = 'medium' }: PhaseToUndo): RiskLevel {
  return risk === 'low' || risk === 'high' || risk === 'critical' ? risk : 'medium';
}

function minutesOf({ rollback_plan: back }: PlanToUndo, { name, duration_hours: hours }: PhaseToUndo): number {
  if (hours !== undefined) return Math.round(hours * MINUTES_PER_HOUR);
  return back?.rollback_phases?.find(({ phase }) => phase === `rollback_${name}`)?.estimated_time_minutes ?? MINUTES_PER_HOUR;
}
