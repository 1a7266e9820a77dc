import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../../../shared/boundaries');

/** A real monolith with its owners' own modules, where the folder beside the repository is present. */
export interface SharedCase {
  readonly schema: string;
  readonly workload: string;
  readonly truth: { readonly services: Record<string, string[]>; readonly unscored?: string[] };
}

/** The case, or undefined where the folder is absent. */
export function sharedCase(name: string): SharedCase | undefined {
  const read = (file: string): string => readFileSync(join(FOLDER, name, file), 'utf8');
  if (!existsSync(join(FOLDER, name, 'truth.json'))) return undefined;
  return { schema: read('schema.sql'), workload: read('workload.sql'), truth: JSON.parse(read('truth.json')) };
}
