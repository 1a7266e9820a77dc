import type { TestProject } from 'vitest/node';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { isBanyanError, messageOf } from '../../src/core/errors.ts';
import { compilePrograms } from './compiled.ts';
import { TEST_WORKERS } from './test-workers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A superuser's URL of each embedded server of this run, one for each worker; empty where none can run. */
    postgresUrls: readonly string[];
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

/** Compiles the programs that tests start, starts a PostgreSQL server for each worker, and undoes both after the last file. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const removePrograms = compilePrograms();
  try {
    const stopServers = await startServers(project);
    return async () => {
      removePrograms();
      await stopServers();
    };
  } catch (error) {
    removePrograms();
    throw error;
  }
}

async function startServers(project: TestProject): Promise<() => Promise<void>> {
  const servers: EmbeddedPostgres[] = [];
  try {
    // One after the other: the first one makes the files that the others begin with.
    while (servers.length < TEST_WORKERS) {
      servers.push(await EmbeddedPostgres.start({
        durable: false, maxConnections: 300, settings: PLENTY, ...(BINARIES === undefined ? {} : { binaries: BINARIES }),
      }));
    }
    project.provide('postgresUrls', servers.map((server) => server.url()));
    project.provide('postgresAbsence', null);
    project.provide('postgresMajor', servers[0]?.majorVersion ?? 0);
    return async () => void (await Promise.all(servers.map((server) => server.remove())));
  } catch (error) {
    await Promise.all(servers.map((server) => server.remove()));
    // Only a machine without binaries lacks a server; one that fails to start is a failure to see.
    if (!isBanyanError(error, 'BANYAN_EMBEDDED_PLATFORM')) throw error;
    project.provide('postgresUrls', []);
    project.provide('postgresAbsence', messageOf(error));
    project.provide('postgresMajor', 0);
    return async () => {};
  }
}
