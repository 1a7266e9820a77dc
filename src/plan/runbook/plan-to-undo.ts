import { Type, type TSchema } from 'typebox';
import { readDocument, type ReadDocument } from '../document.ts';
import { schemaChanges, type Specification } from '../specification.ts';

/*
 * A plan as its runbook needs it: what `banyan plan` writes, and plans of other tools in INTERFACE's form. Those have
 * no steps, and triggers and contacts in words; so nothing is asked for but an id and the phases' names.
 */

export interface StepToUndo {
  readonly step_id: string;
  readonly name: string;
  readonly script_type: string;
  readonly rollback: string;
  readonly validate?: string;
  readonly validate_rollback?: string;
  readonly start?: string;
  readonly complete?: string;
  readonly loses?: string;
}

export interface PhaseToUndo {
  readonly name: string;
  readonly description?: string;
  readonly duration_hours?: number;
  readonly risk_level?: string;
  readonly tasks?: readonly string[];
  readonly validation_criteria?: readonly string[];
  readonly rollback_triggers?: readonly Trigger[];
  readonly resources_required?: readonly string[];
  readonly steps?: readonly StepToUndo[];
}

export type Trigger = string | { readonly metric: string; readonly threshold: string | number; readonly duration_minutes?: number; readonly action?: string };

export interface TableToUndo {
  readonly name: string;
  readonly row_count?: number;
  readonly size_mb?: number;
  readonly critical?: boolean;
}

export interface PlanToUndo {
  readonly migration_id: string;
  readonly source_system?: string;
  readonly target_system?: string;
  readonly migration_type?: string;
  readonly service?: string;
  readonly phases: readonly PhaseToUndo[];
  readonly success_criteria?: readonly string[];
  readonly stakeholders?: readonly string[];
  readonly rollback_plan?: {
    readonly rollback_phases?: readonly { readonly phase: string; readonly rollback_actions?: readonly string[]; readonly validation_criteria?: readonly string[]; readonly estimated_time_minutes?: number }[];
    readonly rollback_triggers?: readonly Trigger[];
    readonly rollback_contacts?: readonly (string | { readonly role: string; readonly contact?: string })[];
  };
  readonly tables?: readonly TableToUndo[];
  readonly schema_changes?: Specification['schema_changes'];
  readonly feature_flags?: readonly { readonly name: string; readonly steps?: readonly { readonly percentage: number }[] }[];
}

const text = () => Type.String({ minLength: 1 });
const maybe = () => Type.Optional(Type.String());
const amount = (description: string) => Type.Optional(Type.Number({ minimum: 0, description }));
const texts = () => Type.Optional(Type.Array(Type.String()));
const list = <T extends TSchema>(items: T) => Type.Optional(Type.Array(items));
const trigger = () => Type.Union([
  Type.String(),
  Type.Object({ metric: text(), threshold: Type.Union([Type.Number(), Type.String()]), duration_minutes: amount('minutes'), action: maybe() }),
]);

const planSchema = Type.Object({
  migration_id: text(),
  source_system: maybe(),
  target_system: maybe(),
  migration_type: maybe(),
  service: maybe(),
  phases: Type.Array(Type.Object({
    name: text(),
    description: maybe(),
    duration_hours: amount('hours'),
    risk_level: maybe(),
    tasks: texts(),
    validation_criteria: texts(),
    rollback_triggers: list(trigger()),
    resources_required: texts(),
    steps: list(Type.Object({
      step_id: text(), name: text(), script_type: text(), rollback: Type.String(),
      start: maybe(), complete: maybe(), validate: maybe(), validate_rollback: maybe(), loses: maybe(),
    })),
  }), { minItems: 1 }),
  success_criteria: texts(),
  stakeholders: texts(),
  rollback_plan: Type.Optional(Type.Object({
    rollback_phases: list(Type.Object({ phase: text(), rollback_actions: texts(), validation_criteria: texts(), estimated_time_minutes: amount('minutes') })),
    rollback_triggers: list(trigger()),
    rollback_contacts: list(Type.Union([Type.String(), Type.Object({ role: text(), contact: maybe() })])),
  })),
  tables: list(Type.Object({ name: text(), row_count: amount('rows'), size_mb: amount('MB'), critical: Type.Optional(Type.Boolean()) })),
  schema_changes: Type.Optional(schemaChanges),
  feature_flags: list(Type.Object({ name: text(), steps: list(Type.Object({ percentage: Type.Number({ description: 'percent' }) })) })),
});

/**
 * Reads a plan, JSON or YAML.
 * @throws BANYAN_DOCUMENT for each key that is missing or of another form.
 */
export function readPlan({ file, text: content }: { readonly file: string; readonly text: string }): ReadDocument<PlanToUndo> {
  return readDocument({ file, text: content, schema: planSchema });
}
