import { readFileSync } from 'node:fs';

/** The path of a file of `test/support/certificates`. */
export function certificate(name: string): string {
  return new URL(`certificates/${name}`, import.meta.url).pathname;
}

/** The authority that has signed all of them but the stranger's. */
export const authority = readFileSync(certificate('authority.crt'), 'utf8');

/** With what a router serves `localhost`. */
export const listenTls = { cert: certificate('server.crt'), key: certificate('server.key') };
