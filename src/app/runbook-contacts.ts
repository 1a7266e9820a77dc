import { loadConfig } from '../config/load.ts';
import { isBanyanError } from '../core/errors.ts';
import { emergencyContact } from '../plan/runbook/roles.ts';
import type { EmergencyContact } from '../plan/runbook/runbook-document.ts';
import type { ApplicationContext } from './application.ts';

/**
 * Who is called, as the configuration says; without a configuration nobody.
 * @throws BANYAN_CONFIG if there is one, and something in it is wrong: a runbook that quietly lacks its contacts is found out at night.
 */
export async function configuredContacts({ configFile: file, env }: ApplicationContext): Promise<EmergencyContact[]> {
  try {
    return (await loadConfig({ file, env })).runbook.contacts.map(emergencyContact);
  } catch (error) {
    if (isBanyanError(error, 'BANYAN_CONFIG_NOT_FOUND')) return [];
    throw error;
  }
}
