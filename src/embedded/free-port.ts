import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { BanyanError } from '../core/errors.ts';

/** Below the numbers from which systems take the local end of outgoing connections (32768 on Linux). */
const FIRST = 15_000;
const LAST = 32_000;
const ATTEMPTS = 100;

/**
 * A TCP port of 127.0.0.1 that nobody listened on a moment ago. It stays free over a restart more
 * surely than one of the system's choice, which outgoing connections would compete for.
 */
export async function freePort(candidate: () => number = () => randomInt(FIRST, LAST)): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = candidate();
    if (await isFree(port)) return port;
  }
  throw new BanyanError('BANYAN_EMBEDDED_START', { message: `Found no free port on 127.0.0.1 in ${ATTEMPTS} attempts.` });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => {
      server.close(() => resolve(true));
    });
  });
}
