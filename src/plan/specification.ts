import { Type, type Static, type TSchema } from 'typebox';
import { readDocument, type DocumentIssue, type ReadDocument } from './document.ts';

/*
 * What a user writes about a migration, in the form that INTERFACE gives. Objects are open: what other tools keep in
 * the same file is left alone.
 */

const text = (description?: string) => Type.String({ minLength: 1, ...(description === undefined ? {} : { description }) });
const amount = (description: string) => Type.Number({ minimum: 0, description });
const texts = (description: string) => Type.Array(Type.String(), { description });
const optional = <T extends Record<string, TSchema>>(properties: T) => Type.Optional(Type.Object(properties));
const anything = () => Type.Optional(Type.Object({}));
const clock = () => Type.String({ pattern: '^([01]?\\d|2[0-3]):[0-5]\\d$', description: 'a time of day such as 09:00' });

export const MIGRATION_TYPES = ['database', 'service', 'infrastructure', 'data', 'api'] as const;
export type MigrationType = (typeof MIGRATION_TYPES)[number];

const change = Type.Object({
  type: text('add_column, modify_column, drop_column, rename_column, add_constraint, drop_constraint, add_index or another'),
  column: Type.Optional(text()),
  data_type: Type.Optional(text()),
  nullable: Type.Optional(Type.Boolean()),
  default: Type.Optional(Type.Unknown()),
  old_type: Type.Optional(text()),
  new_type: Type.Optional(text()),
  old_name: Type.Optional(text()),
  new_name: Type.Optional(text()),
  constraint_type: Type.Optional(text()),
  constraint_name: Type.Optional(text()),
  columns: Type.Optional(texts('columns')),
  definition: Type.Optional(text()),
});

/** What changes of each table. */
export const schemaChanges = Type.Array(Type.Object({ table: text(), changes: Type.Array(change) }));

const window = () => optional({
  start: Type.Optional(clock()), end: Type.Optional(clock()),
  timezone: Type.Optional(text('a time zone such as Europe/Berlin')),
  days: Type.Optional(texts('days of the week')),
});

const servers = () => optional({ endpoints: Type.Optional(Type.Array(Type.Unknown())), current_load: anything(), target_performance: anything(), infrastructure: anything() });

export const specificationSchema = Type.Object({
  type: Type.Enum([...MIGRATION_TYPES]),
  source: text('what is migrated from'),
  target: text('what is migrated to'),
  /** Banyan's own: the service of banyan.yaml that the steps' commands name. */
  service: Type.Optional(text('a service of banyan.yaml')),
  /** Banyan's own: the day on which the plan begins. */
  start_date: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\d$', description: 'a day such as 2027-01-11' })),
  /** Banyan's own: who stands for a role of the plan, such as `database administrator`. */
  owners: Type.Optional(Type.Record(Type.String(), text('a name'))),
  pattern: Type.Optional(Type.String()),
  description: Type.Optional(Type.String()),
  constraints: optional({
    max_downtime_minutes: Type.Optional(amount('minutes')),
    data_volume_gb: Type.Optional(amount('GB')),
    dependencies: Type.Optional(texts('systems')),
    compliance_requirements: Type.Optional(texts('GDPR, SOX, HIPAA, PCI DSS or another')),
    special_requirements: Type.Optional(texts('requirements')),
  }),
  tables_to_migrate: Type.Optional(Type.Array(Type.Object({
    name: text(), row_count: Type.Optional(amount('rows')), size_mb: Type.Optional(amount('MB')), critical: Type.Optional(Type.Boolean()),
  }))),
  schema_changes: Type.Optional(schemaChanges),
  performance_requirements: optional({
    max_query_response_time_ms: Type.Optional(amount('ms')),
    concurrent_connections: Type.Optional(amount('connections')),
    transactions_per_second: Type.Optional(amount('transactions a second')),
  }),
  business_continuity: optional({ critical_business_hours: window(), preferred_migration_window: window() }),
  service_details: optional({ legacy_service: servers(), new_service: servers() }),
  migration_phases: Type.Optional(Type.Array(Type.Object({
    phase: text(), description: Type.Optional(Type.String()), estimated_duration_hours: Type.Optional(amount('hours')),
  }))),
  feature_flags: Type.Optional(Type.Array(Type.Object({
    name: text(), description: Type.Optional(Type.String()),
    initial_percentage: Type.Optional(Type.Number({ minimum: 0, maximum: 100, description: 'percent' })),
    rollout_schedule: Type.Optional(Type.Array(Type.Object({
      percentage: Type.Number({ minimum: 0, maximum: 100, description: 'percent' }), duration_hours: Type.Optional(amount('hours')),
    }))),
  }))),
  monitoring: optional({ critical_metrics: Type.Optional(texts('metrics')), alert_thresholds: anything() }),
  rollback_triggers: Type.Optional(Type.Array(Type.Object({
    metric: text(), threshold: Type.Union([Type.Number(), Type.String()]), duration_minutes: Type.Optional(amount('minutes')), action: Type.Optional(text('automatic_rollback, alert_team or scale_up')),
  }))),
});

/** A migration as its user describes it. */
export type Specification = Static<typeof specificationSchema>;

/**
 * Reads a specification, JSON or YAML.
 * @throws BANYAN_DOCUMENT for each key that is missing or of another form.
 */
export function readSpecification({ file, text: content }: { readonly file: string; readonly text: string }): ReadDocument<Specification> {
  return readDocument({ file, text: content, schema: specificationSchema, check: inItself });
}

/** What no schema says: zones that nobody's clock shows, flags that go back. */
function inItself({ business_continuity: continuity, feature_flags: flags = [], start_date: start }: Specification): DocumentIssue[] {
  const issues: DocumentIssue[] = [];
  for (const name of ['critical_business_hours', 'preferred_migration_window'] as const) {
    const zone = continuity?.[name]?.timezone;
    if (zone !== undefined && !isTimezone(zone)) {
      issues.push({ path: `business_continuity.${name}.timezone`, found: JSON.stringify(zone), expected: 'a time zone such as UTC or Europe/Berlin' });
    }
  }
  for (const [i, { rollout_schedule: schedule = [] }] of flags.entries()) {
    for (const [j, { percentage }] of schedule.entries()) {
      const before = schedule[j - 1]?.percentage ?? 0;
      if (percentage < before) issues.push({ path: `feature_flags[${i}].rollout_schedule[${j}].percentage`, found: `${percentage}, after ${before}`, expected: 'a schedule that goes up' });
    }
  }
  if (start !== undefined && new Date(`${start}T00:00:00Z`).toJSON()?.slice(0, 10) !== start) issues.push({ path: 'start_date', found: JSON.stringify(start), expected: 'a day of the calendar' });
  return issues;
}

/** Zones as other tools write them: EST and PST are no places, but every clock knows them. */
function isTimezone(name: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return name in COMMON_ZONES;
  }
}

const COMMON_ZONES: Readonly<Record<string, string>> = { PST: 'America/Los_Angeles', PDT: 'America/Los_Angeles', EDT: 'America/New_York', CST: 'America/Chicago', CDT: 'America/Chicago', CET: 'Europe/Berlin', CEST: 'Europe/Berlin', BST: 'Europe/London' };

/** The name by which `Intl` knows a zone. */
export function zoneOf(name: string | undefined): string {
  return name === undefined ? 'UTC' : (COMMON_ZONES[name] ?? name);
}
