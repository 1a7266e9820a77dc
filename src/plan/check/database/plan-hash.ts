import type { Schema } from '../../../model/schema.ts';
import { stableHash } from '../../stable-hash.ts';
import type { MigrationScript } from '../finding.ts';

/** Twelve digits for an old schema and the scripts that lead away from it. The sizes of tables are no part of it. */
export function planHash({ before, scripts }: { readonly before: Schema; readonly scripts: readonly MigrationScript[] }): string {
  const tables = before.tables.map(({ estimatedRows: _rows, bytes: _bytes, ...table }) => table);
  return stableHash({ before: { ...before, tables }, scripts: scripts.map(({ script_content: forward, rollback_script: back, transactional }) => ({ forward, back, transactional })) });
}
