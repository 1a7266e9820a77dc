// What start, build and test share. Plain JavaScript, for it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Written last by the build; its time is the time of the build. */
export const BUILD_STAMP = join(ROOT, 'dist', '.built');

/** Ends the process with a sentence instead of a syntax error from deep inside. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`Banyan needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(2);
}

/** Runs `npm ci` unless what package-lock.json names is there. Returns whether it is there now. */
export function installIfNeeded() {
  if (isInstalled()) return true;
  console.error('Installing dependencies (npm ci) …');
  // Development tools build and test, optional packages hold PostgreSQL; neither may be left out.
  return runNpm(['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund']);
}

/** Compares contents, not times: a clone, a copy and `npm install` each leave the times in another order. */
function isInstalled() {
  const installedFile = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const installed = packagesOf(installedFile);
  return Object.entries(packagesOf(join(ROOT, 'package-lock.json'))).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed[path];
    // Optional packages are for other platforms, unless they are here.
    if (!found) return wanted.optional === true || wanted.devOptional === true;
    return found.version === wanted.version && existsSync(join(ROOT, path));
  });
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
}

function runNpm(args) {
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  return run(command, [...first, ...args]);
}

/** Builds unless dist is newer than everything it is made from. Returns whether it is there now. */
export function buildIfNeeded() {
  if (isBuilt()) return true;
  console.error('Building …');
  return run(process.execPath, [join(ROOT, 'scripts', 'build.mjs')]);
}

function isBuilt() {
  if (!existsSync(BUILD_STAMP) || !existsSync(join(ROOT, 'dist', 'cli', 'main.js'))) return false;
  const built = statSync(BUILD_STAMP).mtimeMs;
  const settings = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'].map((name) => join(ROOT, name));
  // Folders too: a file that was removed shows in the time of its folder only.
  const source = readdirSync(join(ROOT, 'src'), { recursive: true }).map((name) => join(ROOT, 'src', name));
  return [...settings, join(ROOT, 'src'), ...source].every((path) => statSync(path).mtimeMs <= built);
}

/** The path of a program that an installed package brings, such as `tsc`. */
export function tool(name) {
  return join(ROOT, 'node_modules', '.bin', name);
}

/** Runs a program in the repository's root to its end, without stdin. Returns whether it exited 0. */
export function run(command, args) {
  const result = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  if (result.error) console.error(`${command}: ${result.error.message}`);
  return result.status === 0;
}
