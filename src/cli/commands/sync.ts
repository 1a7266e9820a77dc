import type { Command } from 'commander';
import { examples, requireSubcommand } from '../command.ts';
import type { Frame } from '../frame.ts';
import { addSyncConflicts } from './sync-conflicts.ts';
import { addSyncPause, addSyncResume } from './sync-pause.ts';
import { addSyncQuarantine } from './sync-quarantine.ts';
import { addSyncResync } from './sync-resync.ts';
import { addSyncRun } from './sync-run.ts';
import { addSyncStatus } from './sync-status.ts';
import { addSyncWait } from './sync-wait.ts';

export function addSync(program: Command, frame: Frame): void {
  const sync = program.command('sync').description('Keep both databases the same while both are written.');
  for (const add of [addSyncRun, addSyncWait, addSyncStatus, addSyncPause, addSyncResume, addSyncResync, addSyncConflicts, addSyncQuarantine]) add(sync, frame);
  requireSubcommand(sync);
  examples(sync, 'banyan sync run', 'banyan sync status --json');
}
