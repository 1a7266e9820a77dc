import { describe, expect, it, test } from 'vitest';
import { MigrationPlanner } from '../migration-planner.ts';
import { parseTableName } from '../../model/names.ts';
import { patternsOf } from '../patterns.ts';
import { MIGRATION_TYPES, type Specification } from '../specification.ts';
import type { DatabaseLook } from './lost-rows.ts';
import { readPlan, type PlanToUndo } from './plan-to-undo.ts';
import { runbookMarkdown, runbookText } from './render-runbook.ts';
import { RollbackGenerator } from './rollback-generator.ts';
import type { RollbackRunbook } from './runbook-document.ts';
import { parseThreshold } from './triggers.ts';

const NOON = Date.UTC(2027, 0, 11, 12);
const clock = { now: () => NOON };
const generate = (plan: PlanToUndo): RollbackRunbook => new RollbackGenerator({ clock }).generate(plan);

const specification = (type: Specification['type'], pattern?: string): Specification => ({
  type, source: 'Monolith', target: 'Accounts', service: 'accounts', ...(pattern === undefined ? {} : { pattern }),
  tables_to_migrate: [{ name: 'users', row_count: 2_000_000, size_mb: 2400, critical: true }, { name: 'app.sessions' }],
  schema_changes: [{ table: 'users', changes: [
    { type: 'add_column', column: 'verified', data_type: 'boolean', nullable: false }, { type: 'modify_column', column: 'age', old_type: 'integer', new_type: 'bigint' },
    { type: 'drop_column', column: 'note' }, { type: 'add_index', column: 'age', constraint_name: 'by_age' },
  ] }],
  service_details: { legacy_service: { endpoints: ['GET /users'] } },
  feature_flags: [{ name: 'accounts_v2', initial_percentage: 0, rollout_schedule: [{ percentage: 10 }, { percentage: 100 }] }],
  rollback_triggers: [{ metric: 'error_rate', threshold: '2%', duration_minutes: 3, action: 'automatic_rollback' }],
});
const planOf = (type: Specification['type'], pattern?: string) => new MigrationPlanner({ clock }).plan(specification(type, pattern));

/** What nobody who reads a runbook at night may find. */
const PLACEHOLDER = /\{[a-z_]+\}|<[a-z_]+>|\[[A-Z][A-Z_ ]*\]|undefined|:null|NaN/;

describe('of every pattern of every type', () => {
  test.each(MIGRATION_TYPES.flatMap((type) => [undefined, ...patternsOf(type).map(({ name }) => name)].map((pattern) => [type, pattern] as const)))('%s by %s', (type, pattern) => {
    const plan = planOf(type, pattern);
    const runbook = generate(plan);
    expect(runbook.rollback_phases.map(({ phase_name: name }) => name)).toEqual(plan.phases.map(({ name }) => `rollback_${name}`).toReversed());
    for (const text of [JSON.stringify(runbook), runbookText(runbook), runbookMarkdown(runbook)]) expect(text).not.toMatch(PLACEHOLDER);
    const steps = runbook.rollback_phases.flatMap((phase) => phase.steps);
    const ids = steps.map(({ step_id: id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    // Each step has only such before it as were listed before it: the runbook can be read from top to bottom.
    for (const [i, { dependencies }] of steps.entries()) for (const before of dependencies) expect(ids.slice(0, i)).toContain(before);
    for (const [i, phase] of runbook.rollback_phases.entries()) {
      const of = plan.phases.toReversed()[i];
      expect(phase.estimated_duration_minutes).toBe((of?.duration_hours ?? 0) * 15);
      expect(phase.steps.map(({ rollback_order: order }) => order)).toEqual(phase.steps.map((_, n) => n + 1));
      expect(phase.steps.every(({ script_content: script, failure_escalation: failure, success_criteria: criteria }) => script !== '' && failure !== '' && criteria.length > 0)).toBe(true);
      // Every way back that the plan has is in it, and no word of a comment is taken for a statement.
      for (const { rollback, loses, script_type: kind } of of?.steps ?? []) {
        if (rollback === '') continue;
        const undone = phase.steps.find(({ script_content: script }) => script === rollback.replaceAll(/^-- /gm, '') || script === rollback);
        expect(undone?.script_type, rollback).toBe(rollback.split('\n').every((line) => line.startsWith('--')) || kind === 'manual' ? 'manual' : /^(banyan|rm) /.test(rollback) ? 'bash' : 'sql');
        if (loses !== undefined) expect(undone?.loses).toContain(loses);
      }
    }
  });
});

describe('a runbook', () => {
  const runbook = generate(planOf('database', 'schema_change'));

  it('undoes with the statements of the plan, from the last to the first', () => {
    const expand = runbook.rollback_phases.find(({ phase_name: name }) => name === 'rollback_expand');
    const scripts = expand?.steps.filter(({ script_type: type }) => type === 'sql').map(({ script_content: script }) => script.split('\n').at(-1));
    expect(scripts?.slice(0, 3)).toEqual(['DROP INDEX CONCURRENTLY IF EXISTS "public"."by_age";', 'ALTER TABLE "public"."users" DROP COLUMN IF EXISTS "age_new";', 'ALTER TABLE "public"."users" DROP COLUMN IF EXISTS "verified";']);
    expect(expand?.steps.find(({ script_content: script }) => script.includes('"verified"'))?.loses).toBe('what was written to users.verified since (at most about 2000000 rows of users: an estimate, the plan says so)');
  });

  it('says how many rows are lost: counted, estimated, planned, or not known and how to count them', () => {
    const stepOf = (look?: DatabaseLook, plan: PlanToUndo = planOf('database', 'schema_change')) => new RollbackGenerator({ clock }).generate(plan, look ? { look } : {}).rollback_phases.flatMap(({ steps }) => steps).find(({ script_content: script }) => script.includes('DROP COLUMN IF EXISTS "verified"'));
    const users = { table: parseTableName('users'), rows: 7, exact: true, from: 'counted', bytes: 8192, columns: new Map([['verified', 3]]) };
    const at = '2027-01-11T12:00:00.000Z';
    expect(stepOf()?.loses_rows).toEqual([{ table: 'users', rows: 2_000_000, exact: false, from: 'the plan says so', query: 'SELECT count("verified") FROM "public"."users";' }]);
    expect(stepOf({ at, tables: [users] })?.loses).toBe(`what was written to users.verified since (at most 3 rows of users: those with a value in it, counted, ${at})`);
    const guessed = stepOf({ at, tables: [{ ...users, exact: false, from: 'by statistics', columns: new Map() }] });
    expect(guessed?.loses).toBe(`what was written to users.verified since (at most about 7 rows of users: an estimate, by statistics, ${at})`);
    const unknown = new RollbackGenerator({ clock }).generate({ ...planOf('database', 'schema_change'), tables: [] });
    expect(runbookText(unknown)).toContain('LOSES what was written to users.verified since (how many rows of users is not known)\n      count them: SELECT count("verified") FROM "public"."users";\n');
    expect(runbookMarkdown(unknown)).toContain('SELECT count("verified") FROM "public"."users";');
    expect(unknown.communication_templates.map(({ body }) => body).join('\n')).not.toContain('SELECT');
  });

  it('keeps what will be dropped, under names that exist, and says what a restore takes', () => {
    const { recovery_scripts: scripts, estimated_recovery_time_minutes: minutes, estimated_from: from } = runbook.data_recovery_plan;
    expect(scripts.join('\n')).toContain(`--table='"public"."users"'`);
    expect(scripts.filter((script) => script.startsWith('# Before contract_')).every((script) => script.includes('pg_create_restore_point'))).toBe(true);
    for (const dump of scripts.join('\n').matchAll(/pg_restore .* (\S+\.dump)/g)) expect(scripts.join('\n')).toContain(`--file=${dump[1]}`);
    expect([minutes, from]).toEqual([2, expect.stringContaining('2400 MB of users')]);
  });

  it('is the same for the same plan, whenever that was made, and says first that nobody has run it', () => {
    const again = { ...planOf('database', 'schema_change'), created_at: '2028-01-01T00:00:00.000Z' };
    expect(generate(again).runbook_id).toBe(runbook.runbook_id);
    expect(generate({ ...again, target_system: 'x' }).runbook_id).not.toBe(runbook.runbook_id);
    expect([runbook.tested, Object.keys(runbook)[0], runbook.tested_at]).toEqual([false, 'tested', undefined]);
    expect(runbookText(runbook)).toMatch(/^NOT TESTED.*\nCONTACTS MISSING/);
    expect(runbookMarkdown(runbook)).toMatch(/^> \*\*NOT TESTED/);
    const tested = new RollbackGenerator({ clock }).generate(again, { testedAt: new Date(NOON) });
    expect(runbookText(tested)).toMatch(/^Tested 2027-01-11T12:00:00\.000Z/);
    expect(tested.runbook_id).toBe(runbook.runbook_id);
  });

  it('writes to each audience on each occasion, and names whom it can', () => {
    expect(new Set(runbook.communication_templates.map(({ template_type: type, audience }) => `${type} ${audience}`)).size).toBe(9);
    const contact = { role: 'Migration Lead', name: 'Ada', primary_phone: '+1', email: 'ada@example.org', backup_contact: 'Bo' };
    const named = new RollbackGenerator({ clock }).generate(planOf('service'), { contacts: [contact] });
    expect(named.emergency_contacts.filter(({ role }) => /migration lead/i.test(role))).toEqual([contact]);
    expect(runbookText(named)).toContain('nobody to call as database administrator');
    expect(Object.values(named.escalation_matrix).every(({ contacts, actions }) => contacts.length > 0 && actions.length > 0)).toBe(true);
  });

  it('turns flags back to where they began', () => {
    const redirect = generate(planOf('service', 'strangler_fig')).rollback_phases.find(({ phase_name: name }) => name === 'rollback_redirect');
    expect(redirect?.steps.map(({ script_content: script }) => script)).toEqual(expect.arrayContaining(['Set flag accounts_v2 to 0 %.', 'banyan route rollback accounts']));
  });
});

describe('triggers', () => {
  test.each([
    ['error_rate', '5%', { operator: '>', value: 5, unit: '%' }], ['availability', '99.9%', { operator: '<', value: 99.9, unit: '%' }],
    ['latency', '>= 1,500 ms', { operator: '>=', value: 1500, unit: 'ms' }], ['p95', '2x baseline', { operator: '>', value: 2, unit: 'x baseline' }],
    ['queue', 7, { operator: '>', value: 7 }], ['corruption', 'any', { operator: '>', value: 0 }], ['throughput', '100 per second', { operator: '<', value: 100, unit: 'per second' }],
  ] as const)('%s of %s', (metric, threshold, expected) => {
    expect(parseThreshold({ metric, threshold, minutes: 4 })).toEqual({ metric, duration_minutes: 4, ...expected });
  });

  it('are those of the plan, once, and what it forgot, never by itself', () => {
    const metrics = (type: Specification['type']) => generate(planOf(type)).trigger_conditions.map(({ metric_threshold: { metric }, auto_execute: auto }) => `${metric} ${auto}`);
    expect(metrics('database')).toEqual(['error_rate true', 'response_time_p95 false', 'availability false', 'data_differences false', 'minutes_without_progress false']);
    expect(metrics('service')).toEqual(['error_rate true', 'response_time_p95 false', 'availability false', 'cpu_usage false', 'memory_usage false']);
  });

  it('may be words', () => {
    const { trigger_conditions: triggers } = generate({ migration_id: 'x', phases: [{ name: 'a', rollback_triggers: ['Data corruption detected', 'error rate exceeds 10% for 5 minutes', 'Success below 90 %'] }] });
    expect(triggers.slice(0, 3).map(({ condition, metric_threshold: threshold }) => [condition, threshold])).toEqual([
      ['Data corruption detected', { metric: 'data_corruption_detected', operator: '>', value: 0, duration_minutes: 0 }],
      ['error rate exceeds 10% for 5 minutes', { metric: 'error_rate', operator: '>', value: 10, duration_minutes: 5, unit: '%' }],
      ['Success below 90 %', { metric: 'success', operator: '<', value: 90, duration_minutes: 0, unit: '%' }],
    ]);
  });
});

describe('a plan of another tool', () => {
  const read = (plan: object): PlanToUndo => readPlan({ file: 'plan.json', text: JSON.stringify(plan) }).value;

  it('has a way back for people, made of its tasks and actions', () => {
    const runbook = generate(read({
      migration_id: 'm1', source_system: 'A', target_system: 'B', migration_type: 'infrastructure', complexity: 'high', extra: { kept: true },
      phases: [{ name: 'pilot', duration_hours: 8, risk_level: 'high', tasks: ['Deploy', 'Switch DNS'] }],
      rollback_plan: { rollback_phases: [{ phase: 'rollback_pilot', rollback_actions: ['Stop pilot', 'Point DNS at A'] }], rollback_triggers: ['Outage'], rollback_contacts: ['Migration Lead', 'On-call Engineer'] },
    }));
    expect(runbook.rollback_phases[0]?.steps.map(({ name, script_type: type }) => [name, type])).toEqual([
      ['stop pilot', 'manual'], ['Point DNS at A', 'manual'], ['undo: Switch DNS', 'manual'], ['undo: Deploy', 'manual'], ['see that everything is as before pilot', 'manual'],
    ]);
    expect(runbook.emergency_contacts.map(({ role, name }) => [role, name])).toEqual([['Migration Lead', 'TO BE FILLED IN'], ['On-call Engineer', 'TO BE FILLED IN']]);
  });

  it('is refused where it has no phases, with the key', () => {
    expect(() => read({ migration_id: 'x' })).toThrow('phases: found nothing; expected a list');
    expect(() => read({ migration_id: 'x', phases: [{ name: 'a', tasks: 'b' }] })).toThrow('phases[0].tasks: found "b"; expected a list');
  });

  it('may name tables as people do', () => {
    expect(generate({ migration_id: 'x', phases: [{ name: 'a' }], tables: [{ name: 'order items' }] }).data_recovery_plan.data_validation_queries).toEqual(['SELECT count(*) FROM "public"."order items";']);
  });
});
