import type { SchemaView } from './schema-view.ts';
import type { SchemaChange } from './value-changes.ts';

/** Two schemas under one name. `undefined` allows all. */
export interface Part {
  readonly old: unknown;
  readonly fresh: unknown;
  readonly at: string;
}

/**
 * The properties of two objects as a validator sees them: a name that a schema does not mention is judged by its
 * `additionalProperties`.
 */
export function compareMessageObjects(old: SchemaView, fresh: SchemaView): { readonly changes: readonly SchemaChange[]; readonly parts: readonly Part[] } {
  const changes: SchemaChange[] = [];
  const parts: Part[] = [];
  for (const name of new Set([...old.properties.keys(), ...fresh.properties.keys(), ...old.required, ...fresh.required])) {
    const at = `properties.${name}`;
    const [was, is] = [old.properties.get(name), fresh.properties.get(name)];
    const [needed, needs] = [old.required.has(name), fresh.required.has(name)];
    const quoted = `property ${name}`;
    if (needed !== needs) {
      const id = needs ? (was || needed ? 'property-made-required' : 'required-property-added') : is ? 'property-made-optional' : 'required-property-removed';
      changes.push({ id, at, description: `${quoted} ${id.endsWith('removed') ? 'was removed, which was required' : id.endsWith('added') ? 'was added, and is required' : `is ${needs ? 'required' : 'optional'} now`}`, old: needed, fresh: needs });
    }
    if (was && is) parts.push({ old: was, fresh: is, at });
    else if (was) {
      if (typeof fresh.additional === 'object') parts.push({ old: was, fresh: fresh.additional, at });
      else changes.push({ id: fresh.additional ? 'property-removed' : 'closed-property-removed', at, description: `${quoted} was removed`, old: name });
    } else if (is) {
      if (typeof old.additional === 'object') parts.push({ old: old.additional, fresh: is, at });
      else changes.push({ id: old.additional ? 'property-added' : 'closed-property-added', at, description: `${quoted} was added`, fresh: name });
    }
  }
  return { changes, parts };
}
