import type { TestProject } from 'vitest/node';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { isBanyanError, messageOf } from '../../src/core/errors.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A superuser's URL of the one embedded server of this run; null where none can run. */
    postgresUrl: string | null;
    /** Why there is no server; null when there is one. */
    postgresAbsence: string | null;
    /** The server's major version; 0 where there is none. */
    postgresMajor: number;
  }
}

/** Many databases with streams of their own share the server. */
const PLENTY = { max_replication_slots: '500', max_wal_senders: '300' };

/** Another version's binaries (scripts/test-versions.mjs). Default: those that npm installed. */
const BINARIES = process.env['BANYAN_TEST_POSTGRES'];

/** Starts the one PostgreSQL server that all test files share, and stops it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  try {
    const server = await EmbeddedPostgres.start({
      durable: false, maxConnections: 300, settings: PLENTY, ...(BINARIES === undefined ? {} : { binaries: BINARIES }),
    });
    project.provide('postgresUrl', server.url());
    project.provide('postgresAbsence', null);
    project.provide('postgresMajor', server.majorVersion);
    return () => server.remove();
  } catch (error) {
    // Only a machine without binaries lacks a server; one that fails to start is a failure to see.
    if (!isBanyanError(error, 'BANYAN_EMBEDDED_PLATFORM')) throw error;
    project.provide('postgresUrl', null);
    project.provide('postgresAbsence', messageOf(error));
    project.provide('postgresMajor', 0);
    return async () => {};
  }
}
