import type { Estimate } from '../measured/range.ts';
import type { HazardDetail } from '../check/finding.ts';
import type { RiskLevel } from '../plan-document.ts';

/*
 * The rollback runbook as INTERFACE gives it; the fields after each comment are Banyan's own.
 */

export type Urgency = 'low' | 'medium' | 'high' | 'emergency';

export interface RollbackStep {
  readonly step_id: string;
  readonly name: string;
  readonly description: string;
  readonly script_type: 'sql' | 'bash' | 'api' | 'manual';
  readonly script_content: string;
  readonly estimated_duration_minutes: number;
  /** Steps that come before, those of the phase before among them. */
  readonly dependencies: readonly string[];
  readonly validation_commands: readonly string[];
  readonly success_criteria: readonly string[];
  readonly failure_escalation: string;
  /** From 1, within its phase. */
  readonly rollback_order: number;
  // Banyan's own.
  /** What it can not bring back. */
  readonly loses?: string;
  /** Of which rows, at most. */
  readonly loses_rows?: readonly LostRows[];
  /** What may hurt while it runs, by the names of `banyan check`. Absent: nothing, or its statements were not read. */
  readonly hazards?: readonly string[];
  readonly hazard_details?: readonly HazardDetail[];
}

/** How many rows of a table undoing a step concerns. */
export interface LostRows {
  readonly table: string;
  /** Absent: not known. */
  readonly rows?: number;
  /** Every row was counted; else an estimate. */
  readonly exact: boolean;
  /** How it is known. */
  readonly from: string;
  /** Tells how many it is when it is run. */
  readonly query: string;
}

export interface RollbackPhase {
  readonly phase_name: string;
  readonly description: string;
  readonly urgency_level: Urgency;
  readonly estimated_duration_minutes: number;
  readonly prerequisites: readonly string[];
  readonly steps: readonly RollbackStep[];
  readonly validation_checkpoints: readonly string[];
  readonly communication_requirements: readonly string[];
  readonly risk_level: RiskLevel;
}

export interface TriggerCondition {
  readonly trigger_id: string;
  readonly name: string;
  readonly condition: string;
  readonly metric_threshold: {
    readonly metric: string;
    readonly operator: '>' | '>=' | '<' | '<=';
    readonly value: number;
    readonly duration_minutes: number;
    // Banyan's own: `%`, `ms` or `x baseline`.
    readonly unit?: string;
  };
  readonly evaluation_window_minutes: number;
  readonly auto_execute: boolean;
  readonly escalation_contacts: readonly string[];
}

export interface DataRecoveryPlan {
  readonly recovery_method: string;
  readonly backup_location: string;
  readonly recovery_scripts: readonly string[];
  readonly data_validation_queries: readonly string[];
  readonly estimated_recovery_time_minutes: number;
  readonly recovery_dependencies: readonly string[];
  // Banyan's own.
  /** What the minutes are made of. */
  readonly estimated_from: string;
  /** Of all tables that are dumped, one after the other, as their restore was tried. Absent: not measured. */
  readonly restore_time?: Estimate;
}

export interface CommunicationTemplate {
  readonly template_type: 'rollback_start' | 'rollback_complete' | 'emergency_escalation';
  readonly audience: 'technical' | 'business' | 'executive';
  readonly subject: string;
  readonly body: string;
  readonly urgency: Urgency;
  readonly delivery_methods: readonly string[];
}

export interface EscalationLevel {
  readonly trigger: string;
  readonly response_time_minutes: number;
  readonly contacts: readonly string[];
  readonly actions: readonly string[];
}

export interface EmergencyContact {
  readonly role: string;
  readonly name: string;
  readonly primary_phone: string;
  readonly email: string;
  readonly backup_contact: string;
  // Banyan's own: where they read.
  readonly channel?: string;
}

export interface RollbackRunbook {
  /** Banyan's own, and first: whether every step was run forward and back. */
  readonly tested: boolean;
  readonly tested_at?: string;
  /** The last time it was tried. Absent: never. */
  readonly rehearsal?: {
    readonly at: string;
    /** Steps that were run forward and back, and left everything as it was. */
    readonly came_back: number;
    /** Steps that were not run, each with the reason. */
    readonly not_rehearsed: readonly string[];
    /** The first step that did not come back. */
    readonly failed?: string;
  };
  readonly runbook_id: string;
  readonly migration_id: string;
  readonly created_at: string;
  readonly rollback_phases: readonly RollbackPhase[];
  readonly trigger_conditions: readonly TriggerCondition[];
  readonly data_recovery_plan: DataRecoveryPlan;
  readonly communication_templates: readonly CommunicationTemplate[];
  readonly escalation_matrix: Readonly<Record<'level_1' | 'level_2' | 'level_3' | 'emergency', EscalationLevel>>;
  readonly validation_checklist: readonly string[];
  readonly post_rollback_procedures: readonly string[];
  readonly emergency_contacts: readonly EmergencyContact[];
}
