import { createHash, randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BanyanError } from '../core/errors.ts';
import { cacheFolder, canUse, exists, makeOnce, temporaryRoot } from './cache.ts';
import { runProgram } from './program.ts';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';

/** Where one server lives: its `data`, its `password`, its log and its socket. */
export interface ServerFolder {
  readonly path: string;
  readonly data: string;
  /** The superuser's password; generated, 128 bits. */
  readonly password: string;
  /** Made by us under the temporary root, so it may be deleted with the server. */
  readonly temporary: boolean;
}

/** The file our settings go to. `ALTER SYSTEM` overrides it, as postgresql.auto.conf is read later. */
export const SETTINGS_FILE = 'banyan.conf';

/**
 * The folder `path`, or a new temporary one, with an initialised database cluster in it. One that has
 * a cluster of the same major version is taken as it is; an empty one gets a copy of a template which
 * initdb makes once per version, so this takes some 60 ms instead of a second.
 *
 * @throws BANYAN_EMBEDDED_FOLDER, BANYAN_EMBEDDED_INIT
 */
export async function prepareFolder(options: {
  readonly path?: string | undefined;
  readonly account: Account;
  readonly binaries: Binaries;
}): Promise<ServerFolder> {
  const { account, binaries } = options;
  if (options.path === undefined) {
    const path = await newTemporaryFolder(account);
    try {
      await fillFromTemplate(path, account, binaries);
    } catch (error) {
      await rm(path, { recursive: true, force: true });
      throw error;
    }
    return serverFolder(path, true);
  }
  const path = resolve(options.path);
  if (await exists(join(path, 'data', 'PG_VERSION'))) await checkVersion(join(path, 'data'), binaries);
  else {
    await claimEmptyFolder(path, account);
    await fillFromTemplate(path, account, binaries);
  }
  return serverFolder(path, false);
}

async function serverFolder(path: string, temporary: boolean): Promise<ServerFolder> {
  const password = (await readFile(join(path, 'password'), 'utf8')).trim();
  return { path, data: join(path, 'data'), temporary, password };
}

async function newTemporaryFolder(account: Account): Promise<string> {
  // Short, because the socket's path in it may have 107 bytes at most.
  const path = await mkdtemp(join(await temporaryRoot(account), 'banyan-pg-'));
  await giveTo(path, account);
  return path;
}

async function claimEmptyFolder(path: string, account: Account): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if ((await readdir(path)).length > 0) {
    throw new BanyanError('BANYAN_EMBEDDED_FOLDER', {
      message: `${path} is not empty and holds no embedded server (data/PG_VERSION is missing).`,
    });
  }
  await giveTo(path, account);
  if (!(await canUse(path, account))) {
    throw new BanyanError('BANYAN_EMBEDDED_FOLDER', {
      message: `PostgreSQL has to run as ${account.name}, and that account can not reach ${path}.`,
    });
  }
}

async function giveTo(path: string, account: Account): Promise<void> {
  if (account.uid !== undefined && account.gid !== undefined) await chown(path, account.uid, account.gid);
}

async function checkVersion(data: string, binaries: Binaries): Promise<void> {
  const found = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
  if (found !== String(binaries.majorVersion)) {
    throw new BanyanError('BANYAN_EMBEDDED_FOLDER', {
      message: `${data} was made by PostgreSQL ${found}; the binaries are version ${binaries.version}.`,
    });
  }
}

async function fillFromTemplate(path: string, account: Account, binaries: Binaries): Promise<void> {
  const template = await templateFolder(account, binaries);
  // As the account, so that it owns every file.
  const copied = await runProgram('/bin/cp', ['-R', join(template, 'data'), join(template, 'password'), path], account);
  if (copied.code !== 0) {
    throw new BanyanError('BANYAN_EMBEDDED_INIT', { message: `Could not copy ${template} to ${path}: ${copied.output}` });
  }
}

async function templateFolder(account: Account, binaries: Binaries): Promise<string> {
  const args = initArguments(binaries.majorVersion);
  const cache = await cacheFolder(await temporaryRoot(account));
  const key = createHash('sha256')
    .update(JSON.stringify([binaries.folder, binaries.version, account.uid ?? null, args]))
    .digest('hex')
    .slice(0, 12);
  const template = join(cache, `data-${binaries.majorVersion}-${key}`);
  await makeOnce(template, async (draft) => {
    await mkdir(draft, { mode: 0o700 });
    const password = join(draft, 'password');
    await writeFile(password, `${randomBytes(16).toString('hex')}\n`, { mode: 0o600 });
    await giveTo(password, account);
    await giveTo(draft, account);
    await initialise({ draft, account, binaries, args });
  });
  return template;
}

async function initialise(options: {
  readonly draft: string;
  readonly account: Account;
  readonly binaries: Binaries;
  readonly args: readonly string[];
}): Promise<void> {
  const { draft, account, binaries, args } = options;
  const data = join(draft, 'data');
  const made = await runProgram(
    join(binaries.folder, 'bin/initdb'),
    ['-D', data, `--pwfile=${join(draft, 'password')}`, ...args],
    account,
  );
  if (made.code !== 0) {
    throw new BanyanError('BANYAN_EMBEDDED_INIT', { message: `initdb failed as ${account.name}: ${made.output.slice(-2000)}` });
  }
  const appended = await runProgram(
    '/bin/sh',
    ['-c', `echo "include_if_exists = '${SETTINGS_FILE}'" >> "$0/postgresql.conf"`, data],
    account,
  );
  if (appended.code !== 0) throw new BanyanError('BANYAN_EMBEDDED_INIT', { message: appended.output });
}

/**
 * Sorting and letter case come from the server itself where it can (17 and newer), otherwise from C, so
 * that a database behaves the same on every machine. The password is random, so hashing it thousands of
 * times would protect nothing and cost every connection.
 */
function initArguments(majorVersion: number): readonly string[] {
  const locale = majorVersion >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : [];
  const iterations = majorVersion >= 16 ? ['-c', 'scram_iterations=1'] : [];
  return ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync', ...locale, ...iterations];
}
