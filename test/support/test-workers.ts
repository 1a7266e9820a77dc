import { availableParallelism } from 'node:os';

/**
 * Test files that run beside each other, each with a PostgreSQL server of its own: a transaction that one leaves open
 * would hold up the slots that another makes. One more than there are cores: most files wait for timers and servers.
 * By default vitest leaves one core free, and with two cores all files would wait in one row.
 */
export const TEST_WORKERS = Math.min(4, Math.max(2, availableParallelism()) + 1);
