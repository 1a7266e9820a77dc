import type { PlanToUndo } from './plan-to-undo.ts';
import type { EmergencyContact } from './runbook-document.ts';

/** What stands where nobody has been named. */
export const UNNAMED = 'TO BE FILLED IN';

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
