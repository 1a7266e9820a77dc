import { defineConfig } from 'vitest/config';
import { TEST_WORKERS } from './test/support/test-workers.ts';

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        // Pure functions and objects: their files share a process and the modules that were loaded in it.
        test: { name: 'unit', include: ['src/**/*.test.ts'], exclude: ['src/**/*.pg.test.ts'], isolate: false },
      },
      {
        extends: true,
        test: {
          name: 'real parts',
          include: ['src/**/*.pg.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
    ],
    // Watchdogs for what would hang: a machine that is busy with other things is no failure.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: TEST_WORKERS,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // Programs run as processes of their own, compiled, which are not counted.
      exclude: ['src/**/*.test.ts', 'src/cli/main.ts', 'src/app/demo/fault-proxy-main.ts'],
      reporter: ['text-summary', 'json-summary', 'json'],
      reportOnFailure: true,
      thresholds: { lines: 90, branches: 90 },
    },
  },
});
