import { systemClock, type Clock } from '../core/clock.ts';
import type { Survey } from '../model/survey.ts';
import { complexityOf, complexityPoints } from './complexity.ts';
import { factsOf, type Facts } from './facts.ts';
import { measuredEstimate } from './measured/estimate.ts';
import { surveyedRisks } from './measured/risks.ts';
import { ruleOf, sensitiveColumns } from './measured/sensitive-columns.ts';
import { patternOf, referenceHours, type Pattern } from './patterns.ts';
import { contentOf } from './phase-content.ts';
import type { MigrationPlan, PlanPhase } from './plan-document.ts';
import { recommend } from './recommend.ts';
import { checklistOf, risksOf } from './risks.ts';
import { rollbackPlanOf, triggersOf, triggerText } from './rollback-plan.ts';
import type { Specification } from './specification.ts';
import { stableHash } from './stable-hash.ts';
import { timelineOf } from './timeline.ts';

/**
 * Makes plans of specifications: in which steps, how long by the reference estimate, what may go wrong, and how to get
 * back. Pure: the same specification at the same time gives the same plan.
 */
export class MigrationPlanner {
  readonly #clock: Pick<Clock, 'now'>;

  /** @param options.clock says when a plan was made. Default: the machine's. */
  constructor({ clock = systemClock }: { readonly clock?: Pick<Clock, 'now'> } = {}) {
    this.#clock = clock;
  }

  /**
   * @param specification what {@link readSpecification} gives: a pattern that nobody knows is planned in the common way,
   * and `recommended_pattern` says what would fit.
   * @param options.survey what a look at the source found: measured estimates, and risks of what is there. Absent: the
   * plan is made of the specification alone.
   */
  plan(specification: Specification, { survey }: { readonly survey?: Survey } = {}): MigrationPlan {
    const pattern = patternOf(specification);
    const complexity = complexityOf(specification);
    const facts = factsOf(specification);
    const { each, total } = referenceHours(pattern, complexity);
    const phases = phasesOf(specification, { pattern, facts, hours: each });
    const { pattern: recommended, because } = recommend(specification);
    const compliance = specification.constraints?.compliance_requirements ?? [];
    const measured = survey && measuredEstimate(survey);
    const surveyed = survey && measured ? surveyedRisks({ survey, measured, compliance }) : [];
    const timeline = timelineOf(specification, phases);
    return {
      migration_id: stableHash(specification),
      source_system: specification.source,
      target_system: specification.target,
      migration_type: specification.type,
      complexity,
      estimated_duration_hours: total,
      phases,
      risks: risksOf(specification, { facts, complexity, surveyed }),
      success_criteria: successOf(specification, facts),
      rollback_plan: rollbackPlanOf(specification, phases),
      stakeholders: stakeholdersOf(phases),
      created_at: new Date(this.#clock.now()).toISOString(),
      pattern: pattern.name,
      recommended_pattern: recommended,
      recommended_because: because,
      service: facts.service,
      ...(specification.description === undefined ? {} : { description: specification.description }),
      tables: facts.tables.map(({ name, rows, sizeMb, critical }) => ({ name, critical, ...(rows === undefined ? {} : { row_count: rows }), ...(sizeMb === undefined ? {} : { size_mb: sizeMb }) })),
      ...(specification.schema_changes ? { schema_changes: specification.schema_changes } : {}),
      complexity_points: complexityPoints(specification),
      checklist: compliance.map((requirement) => ({ requirement, items: [...columnsToMark(requirement, survey), ...checklistOf(requirement)] })),
      feature_flags: facts.flags.map(({ name, initial, steps }) => ({
        name, steps: [{ percentage: initial, duration_hours: 0 }, ...steps.map(({ percentage, hours }) => ({ percentage, duration_hours: hours }))],
      })),
      ...(measured ? { measured } : {}),
      ...(timeline ? { timeline } : {}),
    };
  }
}

function phasesOf(specification: Specification, { pattern, facts, hours }: { readonly pattern: Pattern; readonly facts: Facts; readonly hours: number }): PlanPhase[] {
  const triggers = triggersOf(specification).map(triggerText);
  return pattern.phases.map((name, i) => {
    const content = contentOf(name);
    const before = pattern.phases[i - 1];
    return {
      name,
      description: facts.described.get(name) ?? content.description,
      duration_hours: hours,
      dependencies: before === undefined ? [] : [before],
      validation_criteria: [...content.criteria(facts)],
      rollback_triggers: triggers,
      tasks: [...content.tasks(facts)],
      risk_level: content.risk,
      resources_required: [...content.people],
      steps: (content.steps?.(facts) ?? []).map((step, n) => ({ step_id: `${name}_${n + 1}`, ...step })),
      gates: content.gates?.(facts) ?? [],
    };
  });
}

/** What the rule is about, by name, where the server was seen. */
function columnsToMark(requirement: string, survey: Survey | undefined): string[] {
  const rule = ruleOf(requirement);
  if (!survey || rule === undefined) return [];
  const surveyed = new Set(survey.tables.map(({ name }) => name));
  const columns = sensitiveColumns(survey.schema.tables.filter(({ name }) => surveyed.has(name)), rule);
  return columns.length === 0 ? ['No column is named like what it is about: ask who knows the rows'] : [`Look at these columns, by their names of this kind: ${columns.join(', ')}`];
}

function successOf({ constraints = {} }: Specification, facts: Facts): string[] {
  const { max_downtime_minutes: downtime, compliance_requirements: compliance = [] } = constraints;
  return [
    'No acknowledged write is lost', 'Both sides hold the same rows when the last user has moved', 'No request failed because of the migration',
    ...(downtime === undefined ? [] : [`Downtime of at most ${downtime} minutes`]),
    ...facts.performance,
    ...facts.tables.filter(({ critical }) => critical).map(({ name }) => `${name}: no row differs`),
    ...compliance.map((each) => `${each}: every item of the checklist is done`),
    'The way back stayed open until it was closed by hand',
  ];
}

function stakeholdersOf(phases: readonly PlanPhase[]): string[] {
  return [...new Set(['migration lead', 'product owner', ...phases.flatMap(({ resources_required: people }) => people)])];
}
