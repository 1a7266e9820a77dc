import { changeSteps, type ChangeStep } from './schema-change-sql.ts';
import type { Specification } from './specification.ts';

/** What the phases of a plan say by name. */
export interface Facts {
  readonly source: string;
  readonly target: string;
  /** For commands: the service of banyan.yaml. */
  readonly service: string;
  readonly tables: readonly { readonly name: string; readonly rows?: number; readonly sizeMb?: number; readonly critical: boolean }[];
  readonly changes: readonly ChangeStep[];
  readonly endpoints: { readonly before: readonly string[]; readonly after: readonly string[] };
  readonly flags: readonly { readonly name: string; readonly initial: number; readonly steps: readonly { readonly percentage: number; readonly hours: number }[] }[];
  readonly metrics: readonly string[];
  /** `p95 under 200 ms`, as far as they were given. */
  readonly performance: readonly string[];
  /** How the users' phases are described by whoever wrote the specification, by their name. */
  readonly described: ReadonlyMap<string, string>;
}

export function factsOf(specification: Specification): Facts {
  const { source, target, tables_to_migrate: tables = [], schema_changes: changes = [], service_details: details, feature_flags: flags = [], monitoring, performance_requirements: performance = {}, migration_phases: phases = [] } = specification;
  const named = new Set(tables.map(({ name }) => name));
  const others = changes.map(({ table }) => table).filter((name) => !named.has(name) && named.add(name));
  return {
    source, target,
    service: specification.service ?? slug(target),
    tables: [
      ...tables.map(({ name, row_count: rows, size_mb: sizeMb, critical = false }) => ({ name, critical, ...(rows === undefined ? {} : { rows }), ...(sizeMb === undefined ? {} : { sizeMb }) })),
      ...others.map((name) => ({ name, critical: false })),
    ],
    changes: changeSteps(changes),
    endpoints: { before: endpointsOf(details?.legacy_service), after: endpointsOf(details?.new_service) },
    flags: flags.map(({ name, initial_percentage: initial = 0, rollout_schedule: schedule = [] }) => ({
      name, initial, steps: schedule.map(({ percentage, duration_hours: hours = 0 }) => ({ percentage, hours })),
    })),
    metrics: monitoring?.critical_metrics ?? [],
    performance: [
      ...(performance.max_query_response_time_ms === undefined ? [] : [`every query within ${performance.max_query_response_time_ms} ms`]),
      ...(performance.transactions_per_second === undefined ? [] : [`${performance.transactions_per_second} transactions a second`]),
      ...(performance.concurrent_connections === undefined ? [] : [`${performance.concurrent_connections} connections at once`]),
    ],
    described: new Map(phases.flatMap(({ phase, description = '' }) => (description === '' ? [] : [[phase, description] as const]))),
  };
}

function endpointsOf(side: { readonly endpoints?: readonly unknown[] } | undefined): string[] {
  return (side?.endpoints ?? []).map((endpoint) => (typeof endpoint === 'string' ? endpoint : JSON.stringify(endpoint)));
}

/** A name for commands from a system's: `New User Service (v2)` becomes `new-user-service-v2`. */
function slug(name: string): string {
  const plain = name.normalize('NFKD').toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '');
  return plain === '' ? 'service' : plain.slice(0, 40).replace(/-$/, '');
}
