import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readTls } from './tls.ts';

const CERTIFICATES = fileURLToPath(new URL('../../test/support/certificates/', import.meta.url));
const AUTHORITY = `${CERTIFICATES}authority.crt`;
const tls = (query: string, env: NodeJS.ProcessEnv = {}) => readTls(new URLSearchParams(query), env, '/nowhere');

describe('readTls', () => {
  it('prefers encryption where nothing is said, and asks for no proof', () => {
    expect(tls('')).toMatchObject({ mode: 'prefer', options: { rejectUnauthorized: false } });
    expect(tls('sslmode=allow').mode).toBe('prefer');
    expect(tls('ssl=true').mode).toBe('require');
    expect(tls('ssl=0')).toEqual({ mode: 'disable', options: undefined });
    expect(tls('', { PGSSLMODE: 'disable' }).mode).toBe('disable');
    expect(tls('sslmode=require', { PGSSLMODE: 'disable' }).mode).toBe('require');
  });

  it('verifies the chain as soon as it has a root certificate, and the host only for verify-full', () => {
    expect(tls('sslmode=require').options).toMatchObject({ rejectUnauthorized: false });
    expect(tls(`sslmode=require&sslrootcert=${AUTHORITY}`).options).toMatchObject({ rejectUnauthorized: true, checkServerIdentity: expect.any(Function) });
    expect(tls('sslmode=verify-ca', { PGSSLROOTCERT: AUTHORITY }).options).toMatchObject({ rejectUnauthorized: true, ca: expect.stringContaining('BEGIN CERTIFICATE') });
    expect(tls(`sslmode=verify-full&sslrootcert=${AUTHORITY}`).options).not.toHaveProperty('checkServerIdentity');
    expect(tls('sslmode=verify-full&sslrootcert=system').options).not.toHaveProperty('ca');
    expect(tls(`sslmode=prefer&sslrootcert=${AUTHORITY}`).options).toMatchObject({ rejectUnauthorized: false });
  });

  it('brings its own certificate along', () => {
    expect(tls(`sslcert=${CERTIFICATES}client.crt&sslkey=${CERTIFICATES}client.key&sslpassword=x`).options).toMatchObject({
      cert: expect.stringContaining('BEGIN CERTIFICATE'), key: expect.stringContaining('PRIVATE KEY'), passphrase: 'x',
    });
  });

  it.each([
    ['sslmode=verify-full', 'needs the certificate'],
    ['sslmode=verify-ca', 'needs the certificate'],
    ['sslmode=require&sslrootcert=system', 'would trust any host'],
    ['sslmode=sometimes', 'sslmode is sometimes'],
    ['sslmode=verify-ca&sslrootcert=/nowhere/root.crt', 'sslrootcert can not be read'],
  ])('refuses %s', (query, message) => {
    expect(() => tls(query)).toThrow(expect.objectContaining({ code: 'BANYAN_CONNECT', message: expect.stringContaining(message) }));
  });
});
