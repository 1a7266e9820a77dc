import type { PlanToUndo } from './plan-to-undo.ts';
import { isMissing, reachText } from './roles.ts';
import type { CommunicationTemplate, EmergencyContact, EscalationLevel, RollbackPhase, RollbackRunbook, TriggerCondition } from './runbook-document.ts';

export interface Told {
  readonly plan: PlanToUndo;
  readonly phases: readonly RollbackPhase[];
  readonly triggers: readonly TriggerCondition[];
  readonly contacts: readonly EmergencyContact[];
}

type Type = CommunicationTemplate['template_type'];
type Audience = CommunicationTemplate['audience'];

const URGENCY: Readonly<Record<Type, CommunicationTemplate['urgency']>> = { rollback_start: 'high', rollback_complete: 'medium', emergency_escalation: 'emergency' };

const BY: Readonly<Record<Audience, readonly string[]>> = { technical: ['chat', 'email'], business: ['email'], executive: ['email'] };

/** A message for each audience and occasion. What nobody knows before is asked for in words. */
export function templatesOf(told: Told): CommunicationTemplate[] {
  return (['rollback_start', 'rollback_complete', 'emergency_escalation'] as const).flatMap((type) =>
    (['technical', 'business', 'executive'] as const).map((audience) => ({
      template_type: type, audience, subject: subjectOf(type, told), body: bodyOf(type, audience, told), urgency: URGENCY[type],
      delivery_methods: type === 'emergency_escalation' ? ['phone', ...BY[audience]] : [...BY[audience]],
    })),
  );
}

function nameOf({ source_system: from = 'the old system', target_system: to = 'the new system' }: PlanToUndo): string {
  return `${from} to ${to}`;
}

function subjectOf(type: Type, { plan }: Told): string {
  const name = nameOf(plan);
  if (type === 'rollback_start') return `Going back: migration ${name}`;
  return type === 'rollback_complete' ? `Gone back: migration ${name}` : `EMERGENCY: migration ${name}`;
}

function bodyOf(type: Type, audience: Audience, { plan, phases, triggers, contacts }: Told): string {
  const called = contacts.filter((each) => !isMissing(each)).map(reachText);
  const uncalled = contacts.filter(isMissing).map(({ role }) => role);
  const whom = [...(called.length === 0 ? [] : [`Reach: ${called.join('; ')}.`]), ...(uncalled.length === 0 ? [] : [`Add: whom to reach as ${uncalled.join(', ')}.`])];
  const minutes = phases.reduce((sum, phase) => sum + phase.estimated_duration_minutes, 0);
  const losses = [...new Set(phases.flatMap(({ steps }) => steps.flatMap(({ loses }) => (loses === undefined ? [] : [loses]))))];
  const old = plan.source_system ?? 'the old side';
  const said: Readonly<Record<Type, Readonly<Record<Audience, readonly string[]>>>> = {
    rollback_start: {
      technical: [
        `The migration ${nameOf(plan)} (${plan.migration_id}) goes back.`, `Phases, in this order: ${phases.map(({ phase_name: phase }) => phase).join(', ')}.`,
        `All of it takes about ${minutes} minutes; what was never begun is left out.`, ...losses.map((loss) => `Is lost: ${loss}.`),
        `Fires at: ${triggers.map(({ condition }) => condition).join('; ')}.`, 'Add: which of these fired, when, and in which phase.', ...whom,
      ],
      business: [`The move from ${nameOf(plan)} is being undone. Users are served by ${old} again.`, `It takes at most ${minutes} minutes.`, ...losses.map((loss) => `Is lost: ${loss}.`), 'Add: what users see meanwhile.'],
      executive: [`We are taking back the move from ${nameOf(plan)}; at most ${minutes} minutes.`, losses.length === 0 ? 'The plan names no data that is lost by it.' : `Is lost: ${losses.join('; ')}.`, 'Add: why, in one sentence.'],
    },
    rollback_complete: {
      technical: [`The migration ${nameOf(plan)} (${plan.migration_id}) has gone back; every checkpoint was passed.`, 'Validation: both sides hold the same rows; error rate and latency are as before.', 'Add: begin, end, what was lost, link to the log.'],
      business: [`Users are served by ${old} as before.`, 'Add: from when to when it was felt, and by whom.'],
      executive: [`The move from ${nameOf(plan)} was taken back.`, 'A review follows within two working days; nothing is tried again before.', 'Add: what it cost.'],
    },
    emergency_escalation: {
      technical: [`Going back from ${nameOf(plan)} (${plan.migration_id}) does not work.`, 'Stop every change. Keep users on the side that answers.', 'Add: the step that failed, its output, what was tried.', ...whom],
      business: [`The move from ${nameOf(plan)} has failed, and so has taking it back.`, 'Add: what does not work for users, and until when we expect it.'],
      executive: [`The move from ${nameOf(plan)} has failed, and so has taking it back. A decision may be needed: restoring a backup loses what was written since.`, 'Add: what is asked of you, by when.', ...whom],
    },
  };
  return said[type][audience].join('\n');
}

/** Who decides what, and how fast they answer. */
export function escalationOf(contacts: readonly EmergencyContact[]): RollbackRunbook['escalation_matrix'] {
  const named = contacts.map(reachText);
  const like = (...words: readonly string[]): string[] => {
    const found = contacts.filter(({ role }) => words.some((word) => role.toLowerCase().includes(word)));
    return (found.length > 0 ? found : contacts.slice(0, 1)).map(reachText);
  };
  const level = (trigger: string, minutes: number, who: readonly string[], actions: readonly string[]): EscalationLevel => ({ trigger, response_time_minutes: minutes, contacts: [...who], actions: [...actions] });
  return {
    level_1: level('A step takes twice its time, or a checkpoint is not passed', 15, like('engineer', 'developer', 'on-call'), ['Find out why', 'Mend it, ask the step\'s check how far it came, and go on from there', 'Call level_2 if that does not help']),
    level_2: level('A step failed twice, or a trigger fired in a phase of high risk', 10, like('lead', 'database', 'technical'), ['Decide whether to go back', 'Stop every other change', 'Call level_3 after 15 minutes']),
    level_3: level('The way back does not work, or data differ', 5, like('owner', 'lead', 'manager'), ['Decide on restoring a backup, and on what may be lost', 'Tell users']),
    emergency: level('Users can not work, or acknowledged writes are lost', 5, named, ['Keep users on the side that answers', 'Go back at once, all the way', 'Call everybody; ask afterwards']),
  };
}
