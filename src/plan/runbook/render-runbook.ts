import { hazardDetailsText } from '../check/hazard-text.ts';
import { countingOf } from './lost-rows.ts';
import { isMissing } from './roles.ts';
import type { RollbackRunbook, RollbackStep } from './runbook-document.ts';

/*
 * A runbook for people. Its first line says whether anybody has run it.
 */

/** The first line: what was tried of it, and what was not. */
export function testedText({ tested_at: at, rehearsal }: Pick<RollbackRunbook, 'tested_at' | 'rehearsal'>): string {
  if (at !== undefined) return `Tested ${at}: each of its statements was run forward and back on a throw-away copy.`;
  if (rehearsal === undefined) return 'NOT TESTED: none of its statements was run. `banyan runbook test` runs them on a throw-away copy.';
  const { failed, came_back: came, not_rehearsed: left } = rehearsal;
  if (failed !== undefined) return `NOT TESTED: it was tried ${rehearsal.at}, and does not come back: ${failed.replaceAll('\n', ' ')}`;
  const rest = left.length === 0 ? '' : ` Not rehearsed: ${left.join('; ').replaceAll('\n', ' ')}.`;
  return came === 0 ? `NOT TESTED: nothing in it can be run on a throw-away copy.${rest}` : `PARTLY TESTED ${rehearsal.at}: ${came} of ${came + left.length} steps were run forward and back on a throw-away copy.${rest}`;
}

function unnamedText({ emergency_contacts: contacts }: RollbackRunbook): string[] {
  const roles = contacts.filter(isMissing).map(({ role }) => role);
  return roles.length === 0 ? [] : [`CONTACTS MISSING: nobody to call as ${roles.join(', ')}. The configuration names them (runbook.contacts).`];
}

/** Plain text, in the order in which it is read at night. */
export function runbookText(runbook: RollbackRunbook): string {
  const { data_recovery_plan: recovery } = runbook;
  const bullets = (texts: readonly string[], mark = '-'): string[] => texts.map((each) => `  ${mark} ${each}`);
  const lines = [
    testedText(runbook), ...unnamedText(runbook), '',
    `Rollback runbook ${runbook.runbook_id} of migration ${runbook.migration_id}, made ${runbook.created_at}`, '',
    'CALL', ...runbook.emergency_contacts.map((each) => `  ${each.role}: ${each.name}, phone ${each.primary_phone}, email ${each.email}${each.channel === undefined ? '' : `, in ${each.channel}`}, else ${each.backup_contact}`), '',
    'GO BACK WHEN', ...bullets(runbook.trigger_conditions.map(({ condition, auto_execute: auto }) => `${condition}${auto ? ' (goes back by itself)' : ''}`)), '',
    ...runbook.rollback_phases.flatMap((phase, i) => [
      `${i + 1}. ${phase.phase_name} (${phase.urgency_level}, ${phase.estimated_duration_minutes} min)`, `   ${phase.description}`,
      ...phase.prerequisites.map((each) => `   before: ${each}`), ...phase.communication_requirements.map((each) => `   tell: ${each}`),
      ...phase.steps.flatMap(stepText), ...phase.validation_checkpoints.map((each) => `   [ ] ${each}`), '',
    ]),
    `RECOVERY, about ${recovery.estimated_recovery_time_minutes} min (${recovery.estimated_from})`, `  ${recovery.recovery_method}`, `  in ${recovery.backup_location}`,
    ...bullets(recovery.recovery_dependencies, 'needs:'), ...recovery.recovery_scripts.flatMap((script) => script.split('\n').map((line) => `  $ ${line}`)),
    ...bullets(recovery.data_validation_queries, '?'), '',
    'ESCALATION', ...Object.entries(runbook.escalation_matrix).map(([level, each]) => `  ${level}: ${each.trigger}; answers within ${each.response_time_minutes} min: ${each.contacts.join(', ')}. ${each.actions.join('; ')}`), '',
    'CHECK', ...bullets(runbook.validation_checklist, '[ ]'), '',
    'AFTERWARDS', ...bullets(runbook.post_rollback_procedures, '[ ]'), '',
    'MESSAGES', ...runbook.communication_templates.flatMap((each) => [`  ${each.template_type}, ${each.audience}, by ${each.delivery_methods.join(' and ')}: ${each.subject}`, ...each.body.split('\n').map((line) => `    ${line}`)]),
  ];
  return `${lines.join('\n')}\n`;
}

function stepText({ rollback_order: order, name, script_type: type, script_content: script, loses, loses_rows: rows, hazard_details: hazards = [], validation_commands: commands, failure_escalation: failure, estimated_duration_minutes: minutes }: RollbackStep): string[] {
  return [
    `   ${order}. ${name} (${type}, ${minutes} min)`, ...(loses === undefined ? [] : [`      LOSES ${loses}`]), ...(hazards.length === 0 ? [] : [`      HAZARDS ${hazardDetailsText(hazards)}`]), ...countingOf(rows).map((query) => `      count them: ${query}`),
    ...script.split('\n').map((line) => `      ${type === 'manual' ? '' : '| '}${line}`), ...commands.flatMap((command) => command.split('\n').map((line) => `      check: ${line}`)), `      if it fails: ${failure}`,
  ];
}

/** Markdown, each script in a block of its own. */
export function runbookMarkdown(runbook: RollbackRunbook): string {
  const { data_recovery_plan: recovery } = runbook;
  const cell = (text: string): string => text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');
  const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  const head = (...cells: readonly string[]): string[] => [row(...cells), row(...cells.map(() => '---'))];
  const block = (language: string, text: string): string[] => ['```' + language, text, '```', ''];
  const lines = [
    `> **${testedText(runbook)}**`, ...unnamedText(runbook).flatMap((line) => ['>', `> **${line}**`]), '',
    `# Rollback runbook ${runbook.runbook_id}`, '', `Of migration ${runbook.migration_id}, made ${runbook.created_at}.`, '',
    '## Call', '', ...head('role', 'name', 'phone', 'email', 'channel', 'else'), ...runbook.emergency_contacts.map((each) => row(each.role, each.name, each.primary_phone, each.email, each.channel ?? '', each.backup_contact)), '',
    '## Go back when', '', ...head('condition', 'window, min', 'by itself'), ...runbook.trigger_conditions.map((each) => row(each.condition, String(each.evaluation_window_minutes), each.auto_execute ? 'yes' : 'no')), '',
    ...runbook.rollback_phases.flatMap((phase, i) => [
      `## ${i + 1}. ${phase.phase_name}`, '', `${phase.description}. Urgency ${phase.urgency_level}, ${phase.estimated_duration_minutes} minutes.`, '',
      ...phase.prerequisites.map((each) => `- Before: ${each}`), ...phase.communication_requirements.map((each) => `- Tell: ${each}`), '',
      ...phase.steps.flatMap((step) => [
        `### ${step.rollback_order}. ${step.name}`, '', `${step.description}.`, '', ...(step.hazard_details === undefined ? [] : [`Hazards: ${hazardDetailsText(step.hazard_details)}.`, '']), ...(countingOf(step.loses_rows).length === 0 ? [] : ['To count them:', '', ...block('sql', countingOf(step.loses_rows).join('\n'))]),
        ...(step.script_type === 'manual' ? [step.script_content, ''] : block(step.script_type === 'sql' ? 'sql' : 'sh', step.script_content)),
        ...(step.validation_commands.length === 0 ? [] : ['Check:', '', ...block(step.script_type === 'sql' ? 'sql' : 'sh', step.validation_commands.join('\n'))]), `If it fails: ${step.failure_escalation}.`, '',
      ]),
      ...phase.validation_checkpoints.map((each) => `- [ ] ${each}`), '',
    ]),
    '## Recovery', '', `${recovery.recovery_method}. About ${recovery.estimated_recovery_time_minutes} minutes (${recovery.estimated_from}).`, '', ...recovery.recovery_dependencies.map((each) => `- Needs: ${each}`), '',
    ...recovery.recovery_scripts.flatMap((script) => block('sh', script)), ...(recovery.data_validation_queries.length === 0 ? [] : block('sql', recovery.data_validation_queries.join('\n'))),
    '## Escalation', '', ...head('level', 'when', 'answers within', 'who', 'what'), ...Object.entries(runbook.escalation_matrix).map(([level, each]) => row(level, each.trigger, `${each.response_time_minutes} min`, each.contacts.join(', '), each.actions.join('; '))), '',
    '## Check', '', ...runbook.validation_checklist.map((each) => `- [ ] ${each}`), '', '## Afterwards', '', ...runbook.post_rollback_procedures.map((each) => `- [ ] ${each}`), '',
    '## Messages', '', ...runbook.communication_templates.flatMap((each) => [`### ${each.template_type}, ${each.audience}`, '', `${each.subject} (${each.delivery_methods.join(', ')})`, '', ...block('text', each.body)]),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}
