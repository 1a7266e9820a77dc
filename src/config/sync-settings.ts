import { Value } from 'typebox/value';
import { LineCounter, parseDocument } from 'yaml';
import { invariant } from '../core/errors.ts';
import type { SyncConfig } from './config.ts';
import { configError } from './issue.ts';
import { readNode, type Reading } from './read-node.ts';
import { fileSchema } from './schema.ts';

/** How streams work: the `sync` section of banyan.yaml without what a program says elsewhere. */
export type StreamSettings = Omit<SyncConfig, 'mode' | 'conflicts'> & { readonly conflicts: Pick<SyncConfig['conflicts'], 'clockSkewToleranceMs'> };

/** Every part of it may be left out. */
export type SomeStreamSettings = { readonly [Key in keyof StreamSettings]?: StreamSettings[Key] extends object | undefined ? Partial<StreamSettings[Key]> : StreamSettings[Key] };

/**
 * Fills in the defaults of banyan.yaml, and holds the rest against the same rules.
 * @param where what the settings were given to, for messages.
 * @throws BANYAN_CONFIG with every key that is wrong, what was found and what was expected.
 */
export function streamSettings(given: SomeStreamSettings, where: string): StreamSettings {
  const lines = new LineCounter();
  // What JSON writes is YAML: one reader for both.
  const document = parseDocument(JSON.stringify(given), { lineCounter: lines });
  const reading: Reading = { document, lines, env: {}, issues: [], positions: new Map() };
  const schema = fileSchema.properties.sync;
  const read = readNode(reading, document.contents, schema, ['sync']);
  if (reading.issues.length > 0) throw configError(where, reading.issues);
  invariant(Value.Check(schema, read), 'What was read of the settings does not fit their own schema.');
  const { mode: _mode, conflicts: { clockSkewToleranceMs }, ...settings } = read;
  return { ...settings, conflicts: { clockSkewToleranceMs } };
}
