import { describe, expect, it, test } from 'vitest';
import { complexityOf } from './complexity.ts';
import { MigrationPlanner } from './migration-planner.ts';
import { patternOf, patternsOf, referenceHours } from './patterns.ts';
import { isKnownPhase } from './phase-content.ts';
import type { MigrationPlan } from './plan-document.ts';
import { recommend } from './recommend.ts';
import { planMarkdown, planText } from './render-plan.ts';
import { MIGRATION_TYPES, type Specification } from './specification.ts';

const NOON = Date.UTC(2027, 0, 11, 12);
const planOf = (specification: Specification): MigrationPlan => new MigrationPlanner({ clock: { now: () => NOON } }).plan(specification);

const bare = (type: Specification['type'], pattern?: string, constraints?: Specification['constraints']): Specification => ({
  type, source: 'Legacy Shop', target: 'Accounts Service (v2)', ...(pattern === undefined ? {} : { pattern }), ...(constraints ? { constraints } : {}),
});

describe('the reference estimate', () => {
  const HARD = { data_volume_gb: 20_000, dependencies: Array.from({ length: 11 }, (_, i) => `d${i}`), max_downtime_minutes: 30 };
  test.each([
    [{}, 'low'],
    [{ data_volume_gb: 100, dependencies: ['a', 'b'], max_downtime_minutes: 480 }, 'low'],
    [{ data_volume_gb: 101, max_downtime_minutes: 479 }, 'low'],
    [{ data_volume_gb: 101, max_downtime_minutes: 239 }, 'medium'],
    [{ dependencies: ['a', 'b', 'c'], special_requirements: ['x', 'y'] }, 'medium'],
    [{ data_volume_gb: 2500, max_downtime_minutes: 59 }, 'high'],
    [{ data_volume_gb: 10_000, dependencies: Array.from({ length: 10 }, (_, i) => `d${i}`) }, 'medium'],
    [HARD, 'critical'],
  ] as const)('%j is %s', (constraints, complexity) => {
    expect(complexityOf(bare('database', undefined, { ...constraints, ...('dependencies' in constraints ? { dependencies: [...constraints.dependencies] } : {}), ...('special_requirements' in constraints ? { special_requirements: [...constraints.special_requirements] } : {}) } as Specification['constraints']))).toBe(complexity);
  });

  // Low, medium, high, critical: floor(base × multiplier), shared in whole hours.
  test.each([
    ['database', 'schema_change', [20, 35, 60, 95]],
    ['database', 'data_migration', [54, 96, 144, 240]],
    ['service', 'strangler_fig', [130, 165, 300, 500]],
    ['service', 'parallel_run', [72, 90, 144, 252]],
    ['infrastructure', 'cloud_migration', [432, 720, 1080, 1800]],
    ['infrastructure', 'on_prem_to_cloud', [384, 576, 960, 1440]],
    ['database', undefined, [72, 72, 72, 72]],
    ['service', 'no such pattern', [72, 72, 72, 72]],
    ['infrastructure', undefined, [72, 72, 72, 72]],
  ] as const)('%s by %s takes %j hours', (type, pattern, hours) => {
    const found = patternOf(bare(type, pattern));
    expect((['low', 'medium', 'high', 'critical'] as const).map((complexity) => referenceHours(found, complexity).total)).toEqual(hours);
  });

  it('is what the plan says, phase by phase', () => {
    const plan = planOf(bare('database', 'data_migration', { ...HARD, dependencies: [...HARD.dependencies] }));
    expect([plan.complexity, plan.estimated_duration_hours, plan.phases.map(({ duration_hours: hours }) => hours)]).toEqual(['critical', 240, [40, 40, 40, 40, 40, 40]]);
    expect(plan.rollback_plan.rollback_phases.map(({ phase, estimated_time_minutes: minutes }) => [phase, minutes])[0]).toEqual(['rollback_cutover', 600]);
  });
});

describe('a plan', () => {
  const full: Specification = {
    type: 'service', pattern: 'strangler-fig', source: 'Monolith', target: 'Accounts', service: 'accounts', description: 'Take the accounts out',
    constraints: { max_downtime_minutes: 10, data_volume_gb: 2500, dependencies: ['billing', 'search', 'mail'], compliance_requirements: ['GDPR', 'pci-dss', 'House rule'], special_requirements: ['no weekend work'] },
    tables_to_migrate: [{ name: 'users', row_count: 2_000_000_000, size_mb: 900, critical: true }, { name: 'sessions' }],
    schema_changes: [{ table: 'users', changes: [{ type: 'add_column', column: 'email_verified', data_type: 'boolean', nullable: false }] }],
    performance_requirements: { max_query_response_time_ms: 50, transactions_per_second: 900, concurrent_connections: 300 },
    service_details: { legacy_service: { endpoints: ['GET /api/users/{id}', 'POST /login'] }, new_service: { endpoints: ['GET /v2/accounts/{id}'] } },
    feature_flags: [{ name: 'accounts_v2', initial_percentage: 0, rollout_schedule: [{ percentage: 10, duration_hours: 24 }, { percentage: 100, duration_hours: 72 }] }],
    monitoring: { critical_metrics: ['login_errors'] },
    migration_phases: [{ phase: 'redirect', description: 'Move users in the quiet hours' }],
    rollback_triggers: [{ metric: 'error_rate', threshold: '2%', duration_minutes: 3, action: 'automatic_rollback' }],
  };

  it('names what its specification names, and leaves no placeholder', () => {
    const plan = planOf(full);
    const text = planText(plan) + planMarkdown(plan);
    for (const name of ['users', 'GET /api/users/{id}', 'GET /v2/accounts/{id}', 'accounts_v2', 'login_errors', 'every query within 50 ms', 'banyan route set accounts 10', 'Move users in the quiet hours', 'error_rate beyond 2% for 3 min: automatic_rollback', 'Special requirement: no weekend work', 'request for erasure', 'verification code', 'House rule']) {
      expect(text, name).toContain(name);
    }
    expect(JSON.stringify(plan).replaceAll(/\/\{id\}/g, '')).not.toMatch(/\{\w+\}|undefined|null(?!able)/);
  });

  it('has its phases in order, each after the one before, its steps with a way back', () => {
    const { phases } = planOf(full);
    expect(phases.map(({ name, dependencies }) => [name, ...dependencies])).toEqual([['intercept'], ['implement', 'intercept'], ['redirect', 'implement'], ['validate', 'redirect'], ['retire', 'validate']]);
    const ids = phases.flatMap(({ steps }) => steps.map(({ step_id: id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
    for (const { steps } of phases) for (const step of steps) if (/route set|provision|sync run/.test(step.start)) expect(step.rollback, step.name).not.toBe('');
  });

  it('has an id that depends on what is said, and not on how it is written', () => {
    const { migration_id: id } = planOf(full);
    expect(id).toMatch(/^[0-9a-f]{12}$/);
    const turned = Object.fromEntries(Object.entries(full).toReversed()) as Specification;
    expect(planOf(turned).migration_id).toBe(id);
    expect(planOf({ ...full, target: 'Accounts 2' }).migration_id).not.toBe(id);
  });

  it('puts its risks in order, each with an owner', () => {
    const { risks } = planOf(full);
    const order = ['critical', 'high', 'medium', 'low'];
    expect(risks.map(({ severity }) => order.indexOf(severity))).toEqual(risks.map(({ severity }) => order.indexOf(severity)).toSorted((a, b) => a - b));
    expect(risks.every(({ owner, mitigation }) => owner !== '' && mitigation !== '')).toBe(true);
  });

  it.each(MIGRATION_TYPES.flatMap((type) => [undefined, ...patternsOf(type).map(({ name }) => name)].map((pattern) => [type, pattern] as const)))('of %s by %s knows each of its phases, and what is recommended exists', (type, pattern) => {
    const plan = planOf(bare(type, pattern));
    for (const { name } of plan.phases) expect(isKnownPhase(name), name).toBe(true);
    expect(plan.pattern).toBe(pattern ?? 'default');
    expect(plan.service).toBe('accounts-service-v2');
    expect(patternsOf(type).map(({ name }) => name)).toContain(plan.recommended_pattern);
  });
});

describe('what is recommended', () => {
  test.each([
    [{ ...bare('database'), schema_changes: [{ table: 't', changes: [] }] }, 'schema_change'],
    [{ ...bare('database', undefined, { data_volume_gb: 20_000, max_downtime_minutes: 10 }), schema_changes: [{ table: 't', changes: [] }] }, 'parallel_schema'],
    [bare('database', undefined, { max_downtime_minutes: 0 }), 'change_data_capture'],
    [bare('data'), 'data_migration'],
    [bare('service', undefined, { max_downtime_minutes: 479 }), 'blue_green'],
    [bare('service', undefined, { max_downtime_minutes: 0 }), 'canary'],
    [bare('service', undefined, { data_volume_gb: 20_000, max_downtime_minutes: 0 }), 'parallel_run'],
    [{ ...bare('infrastructure'), description: 'to a hybrid cloud' }, 'hybrid_cloud'],
    [bare('infrastructure'), 'lift_and_shift'],
  ] as const)('for %j is %s', (specification, pattern) => {
    expect(recommend(specification as Specification).pattern).toBe(pattern);
  });
});
