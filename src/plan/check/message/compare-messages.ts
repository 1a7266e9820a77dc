import { SchemaComparison } from '../api/compare-schemas.ts';
import { MESSAGE_SIDES, type MessageSide } from '../api/schema-rules.ts';
import { schemasOf } from '../api/schema-view.ts';
import type { Comparison } from '../finding.ts';
import { jsonSchema } from './json-schema.ts';

/** Who must be able to read whom, in the words of schema registries. */
export const COMPATIBILITIES = ['backward', 'forward', 'full'] as const;
export type MessageCompatibility = (typeof COMPATIBILITIES)[number];

export interface CompareMessagesOptions {
  /** Parsed JSON or YAML. */
  readonly before: unknown;
  readonly after: unknown;
  /** What they are called in messages. */
  readonly names?: { readonly before: string; readonly after: string };
  /** `backward` (default): consumers with the new schema read old messages; `forward`: those with the old one read new messages; `full`: both. */
  readonly compatibility?: MessageCompatibility;
}

const READERS: Readonly<Record<MessageSide, string>> = { backward: 'old messages, new consumers', forward: 'new messages, old consumers' };

/**
 * What changed between two JSON Schemas of a message, and who can no longer read whom.
 * @throws BANYAN_DOCUMENT if one of both is no such schema, or refers to another document.
 */
export function compareMessages({ before, after, names = { before: 'before', after: 'after' }, compatibility = 'backward' }: CompareMessagesOptions): Comparison {
  const [old, fresh] = [jsonSchema(names.before, before), jsonSchema(names.after, after)];
  const schemas = new SchemaComparison({ before: schemasOf(old), after: schemasOf(fresh), form: fresh.form });
  for (const side of MESSAGE_SIDES) {
    if (compatibility === 'full' || compatibility === side) schemas.add({ before: old.root, after: fresh.root, place: side, path: 'message', operation: READERS[side] });
  }
  return { findings: schemas.findings(), scripts: [] };
}
