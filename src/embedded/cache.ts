import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BanyanError, messageOf } from '../core/errors.ts';
import { runProgram } from './program.ts';
import type { Account } from './account.ts';

/**
 * The first folder for temporary files which the server's account can enter and write to. Root's own
 * TMPDIR is often closed to others, /tmp is not.
 *
 * @throws BANYAN_EMBEDDED_FOLDER when there is none.
 */
export async function temporaryRoot(account: Account, candidates: readonly string[] = [tmpdir(), '/tmp']): Promise<string> {
  for (const folder of candidates) {
    if (await canUse(folder, account)) return folder;
  }
  throw new BanyanError('BANYAN_EMBEDDED_FOLDER', {
    message: `No folder for temporary files can be used by ${account.name}: tried ${candidates.join(', ')}.`,
    remedy: 'Set TMPDIR to a folder that this account can enter and write to.',
  });
}

/** Whether `account` can enter, list and write `folder`. Asked by trying, as only the system knows. */
export async function canUse(folder: string, account: Account): Promise<boolean> {
  const { code } = await runProgram('/bin/sh', ['-c', 'cd "$0" && test -r . && test -w . && test -x .', folder], account);
  return code === 0;
}

/**
 * A folder for what is made once and used by many processes. It belongs to the user of this process;
 * one that somebody else prepared under the same name is refused, for it could hold any program.
 */
export async function cacheFolder(root: string): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const folder = join(root, `banyan-postgres-${uid}`);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const stats = await lstat(folder);
  if (!stats.isDirectory() || (process.getuid && stats.uid !== uid)) {
    throw new BanyanError('BANYAN_EMBEDDED_FOLDER', {
      message: `The cache folder ${folder} belongs to another user.`,
      remedy: 'Remove it, or set TMPDIR to a folder of your own.',
    });
  }
  // The mode of mkdir is cut by the umask; the server's account has to pass through here.
  await chmod(folder, 0o755);
  return folder;
}

/**
 * Makes `folder` once, however many processes ask at the same time: each builds its own draft beside
 * it, and the first rename wins. A reader therefore sees either nothing or the whole.
 */
export async function makeOnce(folder: string, build: (draft: string) => Promise<void>): Promise<void> {
  if (await exists(folder)) return;
  const draft = `${folder}.draft-${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    await build(draft);
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!(await exists(folder))) throw error;
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return false;
    throw new BanyanError('BANYAN_EMBEDDED_FOLDER', { message: `Could not read ${path}: ${messageOf(error)}`, cause: error });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
