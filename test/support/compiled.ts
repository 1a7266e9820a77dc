import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * Programs that tests start as processes of their own. A run compiles the sources once: started through tsx each of
 * some hundred processes would compile them anew, for three seconds of a processor where the compiled one takes one.
 */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Inherited by the workers of the run; absent outside of one (soaks, benchmarks), where tsx runs the sources. */
const VARIABLE = 'BANYAN_TEST_COMPILED';

/** Arguments of Node.js that run a TypeScript program of this repository. `file`: its path or URL. */
export function programArguments(file: string | URL): readonly string[] {
  const source = typeof file === 'string' ? file : fileURLToPath(file);
  const compiled = compiledFile(source);
  return compiled === source ? ['--import', import.meta.resolve('tsx'), source] : [compiled];
}

/** The compiled twin of a TypeScript file of this repository; the file itself outside of a test run. */
export function compiledFile(source: string): string {
  const folder = process.env[VARIABLE];
  return folder === undefined ? source : join(folder, relative(ROOT, source)).replace(/\.ts$/, '.js');
}

/**
 * Compiles the sources for this run; types are checked elsewhere. Beside node_modules, so that packages are found.
 * @returns What removes it all again.
 */
export function compilePrograms(): () => void {
  mkdirSync(join(ROOT, '.compiled'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, '.compiled', 'run-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const options = ['-p', 'tsconfig.json', '--noEmit', 'false', '--noCheck', '--rootDir', '.', '--outDir', folder];
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), options, { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) {
    remove();
    throw new Error(`the sources could not be compiled: ${stdout}${stderr}`);
  }
  // What programs read beside themselves.
  for (const path of ['package.json', 'src/generate/template', 'examples/shop']) {
    cpSync(join(ROOT, path), join(folder, path), { recursive: true, filter: (each) => path.includes('template') || !each.endsWith('.ts') });
  }
  process.env[VARIABLE] = folder;
  return remove;
}
