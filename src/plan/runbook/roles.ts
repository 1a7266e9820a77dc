import type { PlanToUndo } from './plan-to-undo.ts';
import type { EmergencyContact } from './runbook-document.ts';

/** What stands where nobody has been named. */
export const UNNAMED = 'TO BE FILLED IN';

/** What stands where somebody has been named, who has none. */
export const NONE_GIVEN = 'none given';

const ROLES = ['migration lead', 'database administrator', 'service developer', 'on-call engineer', 'product owner'];

/** Who is called: whom the caller named, then each role of the plan that is left, marked as to be filled in. */
export function contactsOf({ rollback_plan: back }: PlanToUndo, named: readonly EmergencyContact[]): EmergencyContact[] {
  const fromPlan = (back?.rollback_contacts ?? []).map((each) => (typeof each === 'string' ? { role: each, contact: '' } : { role: each.role, contact: each.contact ?? '' }));
  const roles = fromPlan.length === 0 ? ROLES.map((role) => ({ role, contact: '' })) : fromPlan;
  const taken = new Set(named.map(({ role }) => role.toLowerCase()));
  return [
    ...named,
    ...roles.filter(({ role }) => !taken.has(role.toLowerCase())).map(({ role, contact }) => ({
      role, name: contact === '' ? UNNAMED : contact, primary_phone: UNNAMED, email: /^\S+@\S+$/.test(contact) ? contact : UNNAMED, backup_contact: UNNAMED,
    })),
  ];
}

/** Somebody as the configuration names him. */
export interface NamedContact {
  readonly role: string;
  readonly name: string;
  readonly phone?: string;
  readonly email?: string;
  readonly channel?: string;
  readonly backup?: string;
}

/** The same in the runbook's words; what is not given is said, and not made up. */
export function emergencyContact({ role, name, phone, email, channel, backup }: NamedContact): EmergencyContact {
  return { role, name, primary_phone: phone ?? NONE_GIVEN, email: email ?? NONE_GIVEN, backup_contact: backup ?? NONE_GIVEN, ...(channel === undefined ? {} : { channel }) };
}

/** Nobody knows how to reach whoever has this role. */
export function isMissing({ name, primary_phone: phone }: EmergencyContact): boolean {
  return name === UNNAMED || phone === UNNAMED;
}

/** Whom to reach and how, in one line. */
export function reachText({ role, name, primary_phone: phone, email, channel }: EmergencyContact): string {
  if (name === UNNAMED) return `${role} (nobody is named)`;
  const ways = [given('phone', phone), given('email', email), ...(channel === undefined ? [] : [`in ${channel}`])].filter((way) => way !== '');
  return `${role} (${[name, ...ways].join(', ')})`;
}

function given(way: string, how: string): string {
  return how === UNNAMED || how === NONE_GIVEN ? '' : `${way} ${how}`;
}
