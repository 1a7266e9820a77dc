import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { BanyanError, messageOf } from '../core/errors.ts';

/** How a connection is protected, with libpq's meanings; `allow` is taken as `prefer`. */
export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

export interface Tls {
  readonly mode: TlsMode;
  /** What the handshake is made with; undefined for `disable`. */
  readonly options: ConnectionOptions | undefined;
}

/** Parameters of a connection URL that are read here; the driver would give them other meanings. */
export const TLS_PARAMETERS: ReadonlySet<string> = new Set(['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslcrl', 'sslsni']);

/**
 * Reads `sslmode`, `sslrootcert` (a file, or `system`), `sslcert`, `sslkey`, `sslpassword` and `sslcrl`
 * from a URL's parameters, else from `PGSSLMODE` and its like, else from the files in `~/.postgresql`, as
 * libpq does. Without any of them the mode is `prefer`: encrypted if the server can, and no proof of who it is.
 *
 * @throws BANYAN_CONNECT for a mode that does not exist, a file that can not be read, or a mode that
 * promises to know the server without a certificate to know it by.
 */
export function readTls(parameters: URLSearchParams, env: NodeJS.ProcessEnv, home: string = homedir()): Tls {
  const mode = readMode(parameters.get('sslmode') ?? legacyMode(parameters.get('ssl')) ?? env['PGSSLMODE'] ?? 'prefer');
  if (mode === 'disable') return { mode, options: undefined };
  const file = (name: string, variable: string, usual: string): string | undefined => {
    const given = parameters.get(name) ?? env[variable];
    if (given !== undefined && given !== '') return given;
    const path = join(home, '.postgresql', usual);
    return existsSync(path) ? path : undefined;
  };
  const root = file('sslrootcert', 'PGSSLROOTCERT', 'root.crt');
  if (root === 'system' && mode !== 'verify-full') {
    throw refused(`sslmode=${mode} with sslrootcert=system would trust any host that has a certificate.`, 'Use sslmode=verify-full.');
  }
  if (root === undefined && (mode === 'verify-ca' || mode === 'verify-full')) {
    throw refused(`sslmode=${mode} needs the certificate of the authority that signed the server's.`, 'Name it with sslrootcert=FILE, or sslrootcert=system.');
  }
  const certificate = file('sslcert', 'PGSSLCERT', 'postgresql.crt');
  const key = file('sslkey', 'PGSSLKEY', 'postgresql.key');
  const revoked = file('sslcrl', 'PGSSLCRL', 'root.crl');
  const password = parameters.get('sslpassword');
  // With a root certificate at hand, `require` verifies the chain, as libpq does; `prefer` never refuses.
  const verified = mode !== 'prefer' && root !== undefined;
  return {
    mode,
    options: {
      rejectUnauthorized: verified,
      ...(verified && root !== 'system' ? { ca: readPem(root, 'sslrootcert') } : {}),
      ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
      ...(certificate === undefined ? {} : { cert: readPem(certificate, 'sslcert') }),
      ...(key === undefined ? {} : { key: readPem(key, 'sslkey') }),
      ...(password === null ? {} : { passphrase: password }),
      ...(revoked === undefined || !verified ? {} : { crl: readPem(revoked, 'sslcrl') }),
    },
  };
}

function readMode(value: string): TlsMode {
  if (value === 'allow') return 'prefer';
  if (value === 'disable' || value === 'prefer' || value === 'require' || value === 'verify-ca' || value === 'verify-full') return value;
  throw refused(`sslmode is ${value}.`, 'Use disable, allow, prefer, require, verify-ca or verify-full.');
}

/** `ssl=true` is what other drivers write for `sslmode=require`. */
function legacyMode(value: string | null): string | undefined {
  if (value === null) return undefined;
  return value === 'false' || value === '0' ? 'disable' : 'require';
}

function readPem(file: string, parameter: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new BanyanError('BANYAN_CONNECT', {
      message: `${parameter} can not be read: ${messageOf(error)}`, cause: error, remedy: `Name a readable PEM file with ${parameter}.`,
    });
  }
}

function refused(message: string, remedy: string): BanyanError {
  return new BanyanError('BANYAN_CONNECT', { message, remedy });
}
