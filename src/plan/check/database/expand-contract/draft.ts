import type { MigrationScript } from '../../finding.ts';

/** A script before it is put in line. */
export type Draft = Pick<MigrationScript, 'description'> & { readonly forward: string; readonly back?: string; readonly holds: string; readonly transactional?: boolean; readonly loses?: string };

export const NOTHING_THERE = '-- Nothing to do on the way there.';

/** Each waits for the one before it. */
export function chained(drafts: readonly Draft[]): MigrationScript[] {
  return drafts.map(({ description, forward, back = '-- Nothing to undo.', holds, transactional = true, loses }, n) => ({
    script_type: 'sql', description, script_content: forward, rollback_script: back, dependencies: n === 0 ? [] : [drafts[n - 1]?.description ?? ''],
    validation_query: `SELECT ${holds}`, transactional, hazards: [], ...(loses === undefined ? {} : { loses }),
  }));
}

/** One that does nothing but on the way back. */
export function onlyBack(description: string, back: string): Draft {
  return { description: `On the way back only: ${description}`, forward: NOTHING_THERE, back, holds: 'true' };
}
