import { availableParallelism } from 'node:os';

/**
 * Test files that run beside each other, each with a PostgreSQL server of its own: a transaction that one leaves open
 * would hold up the slots that another makes. By default vitest leaves one core free, and with two cores all files
 * would wait in one row for each other's timers.
 */
export const TEST_WORKERS = Math.min(4, Math.max(2, availableParallelism()));
