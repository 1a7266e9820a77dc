import { stringify } from 'yaml';
import type { BoundaryDocument } from '../document.ts';

/** The `services:` block of banyan.yaml for the suggested services; addresses come from the environment. */
export function renderServicesYaml(document: BoundaryDocument): string {
  const services = Object.fromEntries(
    document.order.map((name) => [
      name,
      { url: `\${${name.toUpperCase().replaceAll('-', '_')}_URL}`, tables: [...(document.services[name] ?? [])] },
    ]),
  );
  return stringify({ services }, { lineWidth: 0 });
}
