import type { PlanPhase, RollbackPlan, RollbackTrigger } from './plan-document.ts';
import type { Specification } from './specification.ts';

/** A rollback phase takes a quarter of its phase's time (INTERFACE). */
const MINUTES_PER_HOUR = 15;

/** The way back in short: the runbook has its statements. */
export function rollbackPlanOf(specification: Specification, phases: readonly PlanPhase[]): RollbackPlan {
  return {
    rollback_phases: phases.toReversed().map((phase) => ({
      phase: `rollback_${phase.name}`,
      rollback_actions: [
        `Stop ${phase.name}`,
        ...phase.steps.toReversed().map(({ rollback }) => rollback).filter((command) => command !== '' && !command.startsWith('--')).map((command) => command.split('\n').at(-1) ?? ''),
        `See that everything is as before ${phase.name}`,
        'Tell everybody who was told of the beginning',
      ],
      validation_criteria: [`The system is as before ${phase.name}`, 'Both sides hold the same rows', 'Error rate and latency are as before'],
      estimated_time_minutes: phase.duration_hours * MINUTES_PER_HOUR,
    })),
    rollback_triggers: triggersOf(specification),
    rollback_decision_matrix: {
      low_severity: 'Go on, and watch it more closely',
      medium_severity: 'Stop where it is, tell the team; decide within 30 minutes',
      high_severity: 'Go back by this phase; the lead decides alone',
      critical_severity: 'Go back at once, all the way; ask afterwards',
    },
    rollback_contacts: [
      { role: 'migration lead', contact: '' }, { role: 'database administrator', contact: '' }, { role: 'service developer', contact: '' }, { role: 'on-call engineer', contact: '' },
    ],
  };
}

/** The specification's own, and what is watched where it says nothing. */
export function triggersOf({ rollback_triggers: own = [] }: Specification): RollbackTrigger[] {
  if (own.length > 0) return own.map(({ metric, threshold, duration_minutes = 5, action = 'alert_team' }) => ({ metric, threshold, duration_minutes, action }));
  return [
    { metric: 'error_rate', threshold: '5%', duration_minutes: 5, action: 'automatic_rollback' },
    { metric: 'response_time_p95', threshold: '2x baseline', duration_minutes: 10, action: 'alert_team' },
    { metric: 'availability', threshold: '99%', duration_minutes: 2, action: 'automatic_rollback' },
    { metric: 'data_differences', threshold: 0, duration_minutes: 0, action: 'alert_team' },
  ];
}

export function triggerText({ metric, threshold, duration_minutes: minutes, action }: RollbackTrigger): string {
  return `${metric} beyond ${threshold}${minutes > 0 ? ` for ${minutes} min` : ''}: ${action}`;
}
