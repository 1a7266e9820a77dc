import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/banyan-debian');

export interface DebianProgram {
  /** Null when it is there, otherwise why not; see describeRequiring. */
  readonly absence: string | null;
  readonly path: string;
  /** What it needs to find its libraries. */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * A program of a Debian package: the machine's own if it is installed, else unpacked into a cache
 * inside node_modules. Nothing is installed and no root is needed.
 */
export async function debianProgram(name: string, options: { readonly package?: string; readonly file: string }): Promise<DebianProgram> {
  for (const folder of ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin']) {
    const path = join(folder, name);
    if (await there(path)) return { absence: null, path, env: process.env };
  }
  const wanted = options.package ?? name;
  const root = join(CACHE, wanted);
  try {
    if (!(await there(root))) await unpack(wanted, root);
  } catch (error) {
    return { absence: `${name} is not installed, and its Debian package can not be had: ${String(error).split('\n')[0]}`, path: name, env: process.env };
  }
  const libraries = [join(root, 'usr/lib/x86_64-linux-gnu'), join(root, 'usr/lib/aarch64-linux-gnu'), join(root, 'usr/lib')].join(':');
  return { absence: null, path: join(root, options.file), env: { ...process.env, LD_LIBRARY_PATH: libraries } };
}

const there = (path: string): Promise<boolean> => access(path).then(() => true, () => false);

async function unpack(wanted: string, root: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const draft = await mkdtemp(join(CACHE, 'draft-'));
  try {
    let plan = await simulate(wanted).catch(() => '');
    if (plan === '') {
      // A machine without package lists can fetch them if it is a container's root.
      await run('apt-get', ['update']);
      plan = await simulate(wanted);
    }
    const packages = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, each = '']) => each);
    await run('apt-get', ['download', ...packages], { cwd: draft });
    const { stdout } = await run('find', [draft, '-name', '*.deb']);
    await mkdir(join(draft, 'root'));
    for (const file of stdout.trim().split('\n')) await run('dpkg', ['-x', file, join(draft, 'root')]);
    // Two test files may do this at once; the first to finish wins.
    await rename(join(draft, 'root'), root).catch(async (error: unknown) => {
      if (!(await there(root))) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function simulate(wanted: string): Promise<string> {
  const { stdout } = await run('apt-get', ['install', '-s', '--no-install-recommends', wanted]);
  return stdout;
}
