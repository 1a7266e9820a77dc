import type { Complexity } from './complexity.ts';
import type { MeasuredEstimate } from './measured/document.ts';
import type { Specification } from './specification.ts';

/*
 * The plan as INTERFACE gives it; the fields after each comment are Banyan's own.
 */

export type RiskLevel = 'low' | 'medium' | 'high' | 'critical';

export interface RollbackTrigger {
  readonly metric: string;
  readonly threshold: string | number;
  readonly duration_minutes: number;
  readonly action: string;
}

/** Something of a phase that Banyan or a script carries out; each part is a command, or says what a person does. */
export interface PlanStep {
  readonly step_id: string;
  readonly name: string;
  readonly script_type: 'banyan' | 'sql' | 'manual';
  readonly start: string;
  /** Makes it final; empty where starting it did. */
  readonly complete: string;
  readonly rollback: string;
  readonly validate: string;
  /** Whether it is as before the step: one row, `t`. */
  readonly validate_rollback?: string;
  /** What its rollback can not bring back. */
  readonly loses?: string;
}

export interface PlanGate {
  readonly name: string;
  /** By what it is measured. */
  readonly criterion: string;
}

export interface PlanPhase {
  readonly name: string;
  readonly description: string;
  readonly duration_hours: number;
  readonly dependencies: readonly string[];
  readonly validation_criteria: readonly string[];
  readonly rollback_triggers: readonly string[];
  readonly tasks: readonly string[];
  readonly risk_level: RiskLevel;
  readonly resources_required: readonly string[];
  // Banyan's own.
  readonly steps: readonly PlanStep[];
  readonly gates: readonly PlanGate[];
}

export interface Risk {
  readonly category: string;
  readonly description: string;
  readonly probability: 'low' | 'medium' | 'high';
  readonly impact: RiskLevel;
  readonly severity: RiskLevel;
  readonly mitigation: string;
  readonly owner: string;
}

export interface RollbackPlan {
  readonly rollback_phases: readonly {
    readonly phase: string;
    readonly rollback_actions: readonly string[];
    readonly validation_criteria: readonly string[];
    readonly estimated_time_minutes: number;
  }[];
  readonly rollback_triggers: readonly RollbackTrigger[];
  readonly rollback_decision_matrix: Readonly<Record<'low_severity' | 'medium_severity' | 'high_severity' | 'critical_severity', string>>;
  readonly rollback_contacts: readonly { readonly role: string; readonly contact: string }[];
}

export interface PlanTable {
  readonly name: string;
  readonly row_count?: number;
  readonly size_mb?: number;
  readonly critical: boolean;
}

/** When a phase is due. */
export interface Appointment {
  readonly phase: string;
  /** With the zone's offset at that time: `2027-03-28T22:00:00+02:00`. */
  readonly begins: string;
  readonly ends: string;
}

export interface MigrationPlan {
  readonly migration_id: string;
  readonly source_system: string;
  readonly target_system: string;
  readonly migration_type: string;
  readonly complexity: Complexity;
  readonly estimated_duration_hours: number;
  readonly phases: readonly PlanPhase[];
  readonly risks: readonly Risk[];
  readonly success_criteria: readonly string[];
  readonly rollback_plan: RollbackPlan;
  readonly stakeholders: readonly string[];
  readonly created_at: string;
  // Banyan's own.
  readonly pattern: string;
  readonly recommended_pattern: string;
  readonly recommended_because: string;
  readonly service: string;
  readonly description?: string;
  /** Those that move or change. */
  readonly tables: readonly PlanTable[];
  /** Of the specification. */
  readonly schema_changes?: NonNullable<Specification['schema_changes']>;
  /** What the complexity is made of. */
  readonly complexity_points: readonly { readonly of: string; readonly points: number; readonly because: string }[];
  readonly checklist: readonly { readonly requirement: string; readonly items: readonly string[] }[];
  readonly feature_flags: readonly { readonly name: string; readonly steps: readonly { readonly percentage: number; readonly duration_hours: number }[] }[];
  /** Only where a database was in reach. */
  readonly measured?: MeasuredEstimate;
  /** Only where the specification says on which day to begin. */
  readonly timeline?: { readonly timezone: string; readonly phases: readonly Appointment[]; readonly notes: readonly string[] };
}
