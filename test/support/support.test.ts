import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readResults, summaryLine } from '../../scripts/results.mjs';
import { until } from './condition.ts';
import { failInContinuousIntegration } from './requires.ts';

describe('until', () => {
  it('returns the first truthy answer', async () => {
    let n = 0;
    expect(await until(() => (++n === 3 ? n : null), { everyMs: 1 })).toBe(3);
  });

  it('fails when the condition stays away, and at once when it throws', async () => {
    await expect(until(() => false, { timeoutMs: 5, what: 'rain' })).rejects.toThrow('Not within 20 ms: rain');
    await expect(until(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });
});

describe('an absent server', () => {
  it('fails the gate and passes on a developer’s machine', () => {
    expect(() => failInContinuousIntegration('no MariaDB', { CI: 'true' })).toThrow('no MariaDB');
    expect(() => failInContinuousIntegration('no MariaDB', {})).not.toThrow();
  });
});

describe('the last line of npm test', () => {
  it('counts tests, files that failed outside their tests, and a report that is missing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'banyan-results-'));
    const file = join(folder, 'results.json');
    expect(summaryLine(readResults(file))).toBe('0 passed, 1 failed');
    const report = { numPassedTests: 7, numFailedTests: 1, numPendingTests: 2, numTodoTests: 0 };
    const failedTest = { status: 'failed', assertionResults: [{ status: 'failed' }] };
    await writeFile(file, JSON.stringify({ ...report, testResults: [failedTest, { status: 'failed', assertionResults: [] }] }));
    expect(summaryLine(readResults(file))).toBe('7 passed, 2 failed, 2 skipped');
    await writeFile(file, JSON.stringify({ ...report, numFailedTests: 0, numPendingTests: 0, testResults: [] }));
    expect(summaryLine(readResults(file))).toBe('7 passed, 0 failed');
    await rm(folder, { recursive: true });
  });
});
