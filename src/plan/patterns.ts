import type { Complexity } from './complexity.ts';
import type { MigrationType, Specification } from './specification.ts';

/** A way to migrate: its phases in their order, and the reference estimate's figures. */
export interface Pattern {
  /** As it is written in a specification; `default` where none is. */
  readonly name: string;
  readonly phases: readonly string[];
  readonly baseHours: number;
  readonly multipliers: Readonly<Record<Complexity, number>>;
}

const factors = (low: number, medium: number, high: number, critical: number): Pattern['multipliers'] => ({ low, medium, high, critical });

/** What the reference estimate gives to every pattern that it has no figures of. */
const PLAIN_HOURS = 48;
const PLAIN = factors(1.5, 1.5, 1.5, 1.5);

const plain = (name: string, phases: readonly string[]): Pattern => ({ name, phases, baseHours: PLAIN_HOURS, multipliers: PLAIN });

const DATABASE: readonly Pattern[] = [
  { name: 'schema_change', phases: ['preparation', 'expand', 'migrate', 'contract', 'cleanup'], baseHours: 24, multipliers: factors(1, 1.5, 2.5, 4) },
  { name: 'data_migration', phases: ['assessment', 'setup', 'bulk_copy', 'delta_sync', 'validation', 'cutover'], baseHours: 48, multipliers: factors(1.2, 2, 3, 5) },
  plain('parallel_schema', ['preparation', 'parallel_schema', 'dual_write', 'backfill', 'switch_reads', 'cleanup']),
  plain('event_sourcing', ['preparation', 'event_store', 'capture', 'replay', 'switch_reads', 'cleanup']),
  plain('dual_write', ['preparation', 'setup', 'dual_write', 'backfill', 'validation', 'cutover']),
  plain('change_data_capture', ['preparation', 'setup', 'capture', 'delta_sync', 'validation', 'cutover']),
];

const SERVICE: readonly Pattern[] = [
  { name: 'strangler_fig', phases: ['intercept', 'implement', 'redirect', 'validate', 'retire'], baseHours: 168, multipliers: factors(0.8, 1, 1.8, 3) },
  { name: 'parallel_run', phases: ['setup', 'deploy', 'shadow', 'compare', 'cutover', 'cleanup'], baseHours: 72, multipliers: factors(1, 1.3, 2, 3.5) },
  plain('blue_green', ['preparation', 'deploy', 'testing', 'cutover']),
  plain('canary', ['preparation', 'deploy', 'canary', 'redirect', 'validate', 'retire']),
  plain('dual_write', ['preparation', 'setup', 'dual_write', 'backfill', 'validation', 'cutover']),
];

const INFRASTRUCTURE: readonly Pattern[] = [
  { name: 'cloud_migration', phases: ['assessment', 'design', 'pilot', 'migration', 'optimization', 'decommission'], baseHours: 720, multipliers: factors(0.6, 1, 1.5, 2.5) },
  { name: 'on_prem_to_cloud', phases: ['discovery', 'planning', 'pilot', 'migration', 'validation', 'cutover'], baseHours: 480, multipliers: factors(0.8, 1.2, 2, 3) },
  plain('lift_and_shift', ['discovery', 'planning', 'migration', 'testing', 'cutover', 'decommission']),
  plain('hybrid_cloud', ['assessment', 'design', 'connectivity', 'pilot', 'migration', 'validation']),
  plain('multi_cloud', ['assessment', 'design', 'connectivity', 'migration', 'validation', 'optimization']),
];

/** Data moves as databases do, and interfaces as services. */
const BY_TYPE: Readonly<Record<MigrationType, { readonly patterns: readonly Pattern[]; readonly otherwise: Pattern }>> = {
  database: { patterns: DATABASE, otherwise: plain('default', ['preparation', 'migration', 'validation', 'cutover']) },
  data: { patterns: DATABASE, otherwise: plain('default', ['preparation', 'migration', 'validation', 'cutover']) },
  service: { patterns: SERVICE, otherwise: plain('default', ['preparation', 'deployment', 'testing', 'cutover']) },
  api: { patterns: SERVICE, otherwise: plain('default', ['preparation', 'deployment', 'testing', 'cutover']) },
  infrastructure: { patterns: INFRASTRUCTURE, otherwise: plain('default', ['assessment', 'preparation', 'migration', 'validation']) },
};

/** Names under which patterns are known elsewhere. */
const ALSO_CALLED: Readonly<Record<string, string>> = {
  cdc: 'change_data_capture', strangler: 'strangler_fig', hybrid: 'hybrid_cloud', multicloud: 'multi_cloud', rehost: 'lift_and_shift', expand_contract: 'schema_change', shadow: 'parallel_run',
};

/** Every pattern that a type of migration has. */
export function patternsOf(type: MigrationType): readonly Pattern[] {
  return BY_TYPE[type].patterns;
}

/** The pattern that a specification names; what it does not name, or nobody knows, is planned in the common way. */
export function patternOf({ type, pattern }: Pick<Specification, 'type' | 'pattern'>): Pattern {
  const { patterns, otherwise } = BY_TYPE[type];
  const name = (pattern ?? '').trim().toLowerCase().replaceAll(/[\s-]+/g, '_');
  return patterns.find((each) => each.name === (ALSO_CALLED[name] ?? name)) ?? otherwise;
}

/** Hours of the reference estimate: whole ones, shared equally over the phases. */
export function referenceHours({ phases, baseHours, multipliers }: Pattern, complexity: Complexity): { readonly each: number; readonly total: number } {
  // As a decimal: 0.6 × 720 is 432, and not a little less.
  const whole = Math.floor(Math.round(baseHours * multipliers[complexity] * 1000) / 1000);
  const each = Math.floor(whole / phases.length);
  return { each, total: each * phases.length };
}
