// npm test: type check, lint and every test with coverage. The last line is `N passed, N failed`.
// With arguments (npm test -- src/sync) vitest runs these files only, without asking for coverage.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { installIfNeeded, requireNode, ROOT, run, tool } from './steps.mjs';
import { readResults, summaryLine } from './results.mjs';

requireNode();
const filters = process.argv.slice(2);
const resultsFile = join(ROOT, 'test-results.json');
// A run that dies early must not be told from the results of the one before.
rmSync(resultsFile, { force: true });

const failed = [];
function step(name, action) {
  console.log(`\n== ${name}`);
  if (!action()) failed.push(name);
}

step('install', installIfNeeded);
if (failed.length === 0) {
  step('type check', () => run(tool('tsc'), ['--noEmit', '-p', 'tsconfig.json']));
  step('lint', () => run(tool('oxlint'), ['--type-aware', '--deny-warnings']));
  step('tests', () =>
    run(tool('vitest'), [
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${resultsFile}`,
      ...(filters.length === 0 ? ['--coverage'] : []),
      ...filters,
    ]),
  );
}

const results = readResults(resultsFile);
if (results.failed > 0 && !failed.includes('tests')) failed.push('tests');
console.log(failed.length === 0 ? '\nType check, lint and tests passed.' : `\nFAILED: ${failed.join(', ')} (see above).`);
process.exitCode = failed.length === 0 ? 0 : 1;
console.log(summaryLine(results));
