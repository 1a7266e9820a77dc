import { stringify } from 'yaml';
import { tablesOf, type BoundaryDocument } from '../document.ts';

/** The `services:` block of banyan.yaml for the suggested services; addresses come from the environment. */
export function renderServicesYaml(document: BoundaryDocument): string {
  const services = Object.fromEntries(
    document.order.map((name) => [
      name,
      { url: `\${${name.toUpperCase().replaceAll('-', '_')}_URL}`, tables: [...tablesOf(document, name)] },
    ]),
  );
  return stringify({ services }, { lineWidth: 0 });
}
