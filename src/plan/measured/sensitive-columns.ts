import { PERSONAL_PHRASES, PERSONAL_WORDS } from '../../model/personal-words.ts';
import type { Table } from '../../model/schema.ts';

export type Rule = 'GDPR' | 'HIPAA' | 'PCI';

const HEALTH = /diagnos|patient|medication|prescription|allerg|blood_?(type|group|pressure)|icd_?\d*|symptom|treatment|insurance_?(id|no|number)|health|medical/i;
const CARDS = /credit_?card|card_?(number|no|holder)|(^|_)pan(_|$)|(^|_)cvv2?(_|$)|(^|_)cvc2?(_|$)|card_?expir/i;

/** The columns whose names say that a rule is about them, as `users.email`; a hint and no proof, either way. */
export function sensitiveColumns(tables: readonly Table[], rule: Rule): string[] {
  const says = { GDPR: isPersonal, HIPAA: (name: string) => HEALTH.test(name), PCI: (name: string) => CARDS.test(name) }[rule];
  return tables.flatMap((table) => table.columns.filter(({ name }) => says(name)).map(({ name }) => `${table.name}.${name}`));
}

/** Which rule a compliance requirement means: `pci-dss` is PCI. */
export function ruleOf(requirement: string): Rule | undefined {
  const name = requirement.toUpperCase().replaceAll(/[^A-Z]/g, '');
  return (['GDPR', 'HIPAA', 'PCI'] as const).find((rule) => name.startsWith(rule));
}

function isPersonal(name: string): boolean {
  const words = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase().split(/[^a-z0-9]+/);
  return PERSONAL_PHRASES.test(name) || words.some((word) => PERSONAL_WORDS.has(word) || PERSONAL_WORDS.has(word.replace(/s$/, '')));
}
