import { measuredMarkdown, measuredText } from './measured/render.ts';
import type { MigrationPlan, PlanPhase, Risk } from './plan-document.ts';
import { triggerText } from './rollback-plan.ts';

/*
 * A plan for people: as text, as Markdown, and as Mermaid diagrams.
 */

/** Plain text, no line wider than it must be. */
export function planText(plan: MigrationPlan): string {
  const lines = [
    `Migration plan ${plan.migration_id}: ${plan.source_system} to ${plan.target_system}`,
    ...(plan.description === undefined ? [] : [plan.description]),
    '',
    `type        ${plan.migration_type}, pattern ${plan.pattern}${plan.recommended_pattern === plan.pattern ? '' : ` (recommended: ${plan.recommended_pattern}, ${plan.recommended_because})`}`,
    `complexity  ${plan.complexity} (${plan.complexity_points.map(({ of, points }) => `${of} ${points}`).join(', ')})`,
    `duration    ${plan.estimated_duration_hours} hours by the reference estimate`,
    '',
    ...plan.phases.flatMap((phase, i) => phaseText(plan, phase, i + 1)),
    ...(plan.measured ? measuredText(plan.measured) : []),
    'RISKS',
    ...plan.risks.map(({ severity, description, probability, impact, mitigation, owner }) => `  ${severity}: ${description} (probability ${probability}, impact ${impact})\n    ${mitigation}. Owner: ${owner}`),
    '',
    'SUCCESS', ...plan.success_criteria.map((each) => `  - ${each}`), '',
    'ROLLBACK', ...plan.rollback_plan.rollback_phases.map(({ phase, estimated_time_minutes: minutes }) => `  ${phase}: ${minutes} min`),
    ...plan.rollback_plan.rollback_triggers.map((trigger) => `  ${triggerText(trigger)}`),
    ...plan.checklist.flatMap(({ requirement, items }) => ['', requirement.toUpperCase(), ...items.map((item) => `  [ ] ${item}`)]),
    '',
    `Stakeholders: ${plan.stakeholders.join(', ')}`,
  ];
  return `${lines.join('\n')}\n`;
}

function phaseText(plan: MigrationPlan, phase: PlanPhase, number: number): string[] {
  const due = plan.timeline?.phases.find((each) => each.phase === phase.name);
  return [
    `${number}. ${phase.name} (${phase.duration_hours} h, risk ${phase.risk_level})${due ? `, ${due.begins} to ${due.ends}` : ''}`,
    `   ${phase.description}`,
    ...phase.tasks.map((task) => `   - ${task}`),
    ...phase.steps.map(({ name, start, script_type: kind }) => `   $ ${kind === 'banyan' ? start : name}`),
    ...phase.gates.map(({ name, criterion }) => `   gate: ${name}: ${criterion}`),
    '',
  ];
}

/** Markdown with a Gantt chart, a diagram of what depends on what, and a matrix of risks. */
export function planMarkdown(plan: MigrationPlan): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  const fence = (language: string, text: string): string[] => ['```' + language, text.trimEnd(), '```', ''];
  const lines = [
    `# Migration plan: ${plan.source_system} to ${plan.target_system}`, '',
    ...(plan.description === undefined ? [] : [plan.description, '']),
    row('', ''), row('---', '---'),
    row('id', plan.migration_id), row('type', plan.migration_type), row('pattern', plan.pattern), row('recommended', `${plan.recommended_pattern}: ${plan.recommended_because}`),
    row('complexity', `${plan.complexity} (${plan.complexity_points.map(({ points, because }) => `${points}: ${because}`).join('; ')})`),
    row('duration', `${plan.estimated_duration_hours} hours (reference estimate)`), '',
    ...fence('mermaid', planGantt(plan)), ...fence('mermaid', planDependencies(plan)),
    ...plan.phases.flatMap((phase, i) => [
      `## ${i + 1}. ${phase.name}`, '', `${phase.description}. ${phase.duration_hours} hours, risk ${phase.risk_level}; ${phase.resources_required.join(', ')}.`, '',
      ...phase.tasks.map((task) => `- [ ] ${task}`), '',
      ...(phase.steps.length === 0 ? [] : [row('step', 'start', 'complete', 'back', 'check'), row('---', '---', '---', '---', '---'), ...phase.steps.map((step) => row(step.name, code(step.start), code(step.complete), code(step.rollback), code(step.validate))), '']),
      ...phase.gates.map(({ name, criterion }) => `- Gate **${name}**: ${criterion}`),
      ...phase.validation_criteria.map((each) => `- Criterion: ${each}`), '',
    ]),
    ...(plan.measured ? measuredMarkdown(plan.measured) : []),
    '## Risks', '', ...riskMatrix(plan.risks), '',
    row('severity', 'what', 'mitigation', 'owner'), row('---', '---', '---', '---'), ...plan.risks.map((risk) => row(risk.severity, risk.description, risk.mitigation, risk.owner)), '',
    '## Success', '', ...plan.success_criteria.map((each) => `- ${each}`), '',
    '## Rollback', '', row('phase', 'minutes', 'actions'), row('---', '---', '---'),
    ...plan.rollback_plan.rollback_phases.map((phase) => row(phase.phase, String(phase.estimated_time_minutes), phase.rollback_actions.join('; '))), '',
    ...plan.rollback_plan.rollback_triggers.map((trigger) => `- ${triggerText(trigger)}`), '',
    ...plan.checklist.flatMap(({ requirement, items }) => [`## ${requirement}`, '', ...items.map((item) => `- [ ] ${item}`), '']),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function code(text: string): string {
  return text === '' ? '' : `\`${text.replaceAll('`', "'")}\``;
}

/** How many risks of each probability and impact there are. */
function riskMatrix(risks: readonly Risk[]): string[] {
  const impacts = ['low', 'medium', 'high', 'critical'] as const;
  return [
    `| probability \\ impact | ${impacts.join(' | ')} |`, '| --- | --- | --- | --- | --- |',
    ...(['high', 'medium', 'low'] as const).map((probability) =>
      `| ${probability} | ${impacts.map((impact) => String(risks.filter((risk) => risk.probability === probability && risk.impact === impact).length)).join(' | ')} |`),
  ];
}

/** A Mermaid Gantt chart: dated if the plan is, else from the day it was made. */
export function planGantt({ phases, timeline, created_at: created, source_system: source, target_system: target }: MigrationPlan): string {
  const lines = ['gantt', `  title ${plainText(`${source} to ${target}`)}`, '  dateFormat YYYY-MM-DDTHH:mm', '  axisFormat %d %b %H:%M'];
  for (const [i, { name, duration_hours: hours, risk_level: risk }] of phases.entries()) {
    const due = timeline?.phases.find(({ phase }) => phase === name);
    const before = phases[i - 1];
    const span = due ? `${due.begins.slice(0, 16)}, ${due.ends.slice(0, 16)}` : `${before ? `after ${before.name}` : created.slice(0, 16)}, ${hours}h`;
    lines.push(`  section ${plainText(name)}`, `  ${plainText(name)} :${risk === 'critical' ? 'crit, ' : ''}${name}, ${span}`);
  }
  return `${lines.join('\n')}\n`;
}

/** A Mermaid diagram of the phases, and what each depends on. */
export function planDependencies({ phases }: MigrationPlan): string {
  const lines = ['flowchart LR', ...phases.map(({ name, duration_hours: hours }) => `  ${name}["${plainText(name)}<br/>${hours} h"]`)];
  for (const { name, dependencies } of phases) for (const before of dependencies) lines.push(`  ${before} --> ${name}`);
  return `${lines.join('\n')}\n`;
}

/** What Mermaid would take for its own. */
function plainText(text: string): string {
  return text.replaceAll(/[;:#"[\]{}<>]/g, ' ').trim();
}
