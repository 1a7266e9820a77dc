import { Type, type TSchema } from 'typebox';
import { HAZARD_SEVERITIES } from '../check/finding.ts';
import { readDocument } from '../document.ts';
import type { RollbackRunbook } from './runbook-document.ts';

/*
 * A runbook's file, as `banyan runbook` wrote it or as somebody has edited it. All of it is checked, since what is not
 * run is still written again with what came of the rest.
 */

const text = () => Type.String();
const maybe = () => Type.Optional(Type.String());
const texts = () => Type.Array(Type.String());
const amount = () => Type.Number({ minimum: 0 });
const one = <const T extends string>(...values: readonly T[]) => Type.Union(values.map((value) => Type.Literal(value)));
const list = <T extends TSchema>(items: T) => Type.Array(items);
const urgency = () => one('low', 'medium', 'high', 'emergency');

const lostRows = Type.Object({ table: text(), rows: Type.Optional(amount()), exact: Type.Boolean(), from: text(), query: text() });
const hazard = Type.Object({ hazard: text(), relation: Type.Union([text(), Type.Null()]), rows: Type.Union([amount(), Type.Null()]), bytes: Type.Union([amount(), Type.Null()]), severity: one(...HAZARD_SEVERITIES) });
const estimate = Type.Object({
  unit: one('rows', 'bytes', 'seconds', 'rows/s', 'bytes/s'), low: amount(), likely: amount(), high: Type.Union([amount(), Type.Null()]), basis: one('measured', 'statistics', 'stated'), arithmetic: text(),
});
const level = () => Type.Object({ trigger: text(), response_time_minutes: amount(), contacts: texts(), actions: texts() });

const step = Type.Object({
  step_id: Type.String({ minLength: 1 }), name: text(), description: text(), script_type: one('sql', 'bash', 'api', 'manual'), script_content: text(), estimated_duration_minutes: amount(), dependencies: texts(),
  validation_commands: texts(), success_criteria: texts(), failure_escalation: text(), rollback_order: amount(), loses: maybe(), loses_rows: Type.Optional(list(lostRows)), hazards: Type.Optional(texts()),
  hazard_details: Type.Optional(list(hazard)),
});

const runbookSchema = Type.Object({
  tested: Type.Boolean(), tested_at: maybe(),
  rehearsal: Type.Optional(Type.Object({ at: text(), came_back: amount(), not_rehearsed: texts(), failed: maybe() })),
  runbook_id: text(), migration_id: Type.String({ minLength: 1 }), created_at: text(),
  rollback_phases: list(Type.Object({
    phase_name: text(), description: text(), urgency_level: urgency(), estimated_duration_minutes: amount(), prerequisites: texts(), steps: list(step), validation_checkpoints: texts(),
    communication_requirements: texts(), risk_level: one('low', 'medium', 'high', 'critical'),
  })),
  trigger_conditions: list(Type.Object({
    trigger_id: text(), name: text(), condition: text(),
    metric_threshold: Type.Object({ metric: text(), operator: one('>', '>=', '<', '<='), value: Type.Number(), duration_minutes: amount(), unit: maybe() }),
    evaluation_window_minutes: amount(), auto_execute: Type.Boolean(), escalation_contacts: texts(),
  })),
  data_recovery_plan: Type.Object({
    recovery_method: text(), backup_location: text(), recovery_scripts: texts(), data_validation_queries: texts(), estimated_recovery_time_minutes: amount(), recovery_dependencies: texts(), estimated_from: text(),
    restore_time: Type.Optional(estimate),
  }),
  communication_templates: list(Type.Object({
    template_type: one('rollback_start', 'rollback_complete', 'emergency_escalation'), audience: one('technical', 'business', 'executive'), subject: text(), body: text(), urgency: urgency(), delivery_methods: texts(),
  })),
  escalation_matrix: Type.Object({ level_1: level(), level_2: level(), level_3: level(), emergency: level() }),
  validation_checklist: texts(), post_rollback_procedures: texts(),
  emergency_contacts: list(Type.Object({ role: text(), name: text(), primary_phone: text(), email: text(), backup_contact: text(), channel: maybe() })),
});

/**
 * Reads a runbook, JSON or YAML.
 * @throws BANYAN_DOCUMENT for each key that is missing or of another form.
 */
export function readRunbook({ file, text: content }: { readonly file: string; readonly text: string }): RollbackRunbook {
  return readDocument({
    file, text: content, schema: runbookSchema,
    check: ({ rollback_phases: phases }) => {
      const seen = new Set<string>();
      return phases.flatMap(({ steps }, i) => steps.flatMap(({ step_id: id }, j) => {
        if (!seen.has(id)) return (seen.add(id), []);
        return [{ path: `rollback_phases[${i}].steps[${j}].step_id`, found: `${id} once more`, expected: 'a name that no other step has' }];
      }));
    },
  }).value;
}
