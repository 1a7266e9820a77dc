import { describe } from 'vitest';

/**
 * `describe` for tests that need something which a machine may lack, such as a MariaDB server.
 * `absence` is null when it is there, otherwise why not. Then the suite is skipped on a developer's
 * machine, with the reason in its name, and fails when `CI=true`, so that a gate can't lose tests
 * in silence.
 */
export function describeRequiring(absence: string | null, name: string, suite: () => void): void {
  if (absence === null) describe(name, suite);
  else {
    failInContinuousIntegration(absence);
    describe.skip(`${name} (skipped: ${absence})`, suite);
  }
}

/** Throws when `CI=true`, where the absence of a server is a failure. */
export function failInContinuousIntegration(absence: string, environment: NodeJS.ProcessEnv = process.env): void {
  if (environment['CI'] === 'true' || environment['CI'] === '1') {
    throw new Error(`These tests need what is absent here, and CI is set: ${absence}`);
  }
}
