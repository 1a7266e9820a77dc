import type { TableName } from '../../model/names.ts';
import type { SideEffect } from '../../model/survey.ts';
import { parseSchema } from '../sql/parse-schema.ts';

export interface TriggerFunction {
  readonly table: TableName;
  readonly trigger: string;
  readonly language: string;
  readonly body: string;
  /** The whole statement, where its language is one that can be read. */
  readonly definition: string | null;
}

/** What leaves the database, which a rolled back transaction does not take back or a replay does twice. */
const REACHES: readonly (readonly [RegExp, string])[] = [
  [/\bnotify\s+["\w]|\bpg_notify\s*\(/i, 'notifies listeners'],
  [/\bdblink\w*\s*\(/i, 'calls another database'],
  [/\b(?:http|http_get|http_post|http_put|http_delete|net\.http_\w+)\s*\(/i, 'calls another server'],
  [/\bcopy\b[^;]*\bto\s+program\b|\bpg_file_write\s*\(|\blo_export\s*\(/i, 'writes outside the database'],
  [/\bnextval\s*\(/i, 'takes numbers from a sequence'],
];

const COMMENTS = /--[^\n]*|\/\*[^]*?\*\//g;

/** The triggers that do more than look at their row. */
export async function sideEffectsOf(triggers: readonly TriggerFunction[]): Promise<SideEffect[]> {
  const found: SideEffect[] = [];
  for (const { table, trigger, language, body, definition } of triggers) {
    const plain = body.replaceAll(COMMENTS, ' ');
    const reaches = REACHES.filter(([pattern]) => pattern.test(plain)).map(([, words]) => words);
    const routine = definition === null ? undefined : (await parseSchema(definition)).routines[0];
    const dynamic = /\bexecute\b(?!\s+(?:function|procedure))/i.test(plain);
    const writes = (routine?.writes ?? []).filter((each) => each !== table);
    const understood = (language === 'sql' || language === 'plpgsql') && routine?.complete === true && !dynamic;
    if (writes.length > 0 || reaches.length > 0 || !understood) found.push({ table, trigger, writes, reaches, understood });
  }
  return found;
}
