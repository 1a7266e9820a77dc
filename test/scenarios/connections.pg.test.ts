import { chown, copyFile, chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { describePostgres } from '../support/postgres.ts';
import { connect, createPool } from '../../src/postgres/connect.ts';
import { sessionTarget } from '../../src/postgres/session-client.ts';
import { connectReplication } from '../../src/postgres/wal/walsender.ts';

const CERTIFICATES = fileURLToPath(new URL('../support/certificates/', import.meta.url));

describePostgres('connecting as libpq does', () => {
  let plain: EmbeddedPostgres;
  let secure: EmbeddedPostgres;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'banyan-tls-'));
    await chmod(folder, 0o755);
    plain = await EmbeddedPostgres.start({ durable: false });
    const home = await EmbeddedPostgres.start({ durable: false, folder: join(folder, 'server') });
    const data = (await query(home.url(), 'SHOW data_directory'))['data_directory']!;
    await home.stop();
    const owner = await stat(data);
    for (const file of ['server.crt', 'server.key', 'authority.crt']) {
      await copyFile(join(CERTIFICATES, file), join(data, file));
      await chmod(join(data, file), 0o600);
      await chown(join(data, file), owner.uid, owner.gid);
    }
    const hba = await readFile(join(data, 'pg_hba.conf'), 'utf8');
    await writeFile(join(data, 'pg_hba.conf'), `hostssl all tls_user 127.0.0.1/32 cert\nhostssl all wary 127.0.0.1/32 trust\nhost all wary all reject\n${hba}`);
    secure = await EmbeddedPostgres.start({ durable: false, folder: join(folder, 'server'), settings: { ssl: 'on', ssl_ca_file: 'authority.crt' } });
    for (const role of ['wary', 'tls_user']) await query(secure.url(), `CREATE ROLE ${role} LOGIN REPLICATION`);
  });

  afterAll(async () => {
    await plain.remove();
    await secure.stop('immediate');
    await rm(folder, { recursive: true, force: true });
  });

  const ENCRYPTED = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
  async function query(url: string, sql: string): Promise<Record<string, string>> {
    const client = await connect({ url });
    try {
      return (await client.query<Record<string, string>>(sql)).rows[0] ?? {};
    } finally {
      await client.end();
    }
  }
  const ca = `sslrootcert=${CERTIFICATES}authority.crt`;
  const local = (server: EmbeddedPostgres): string => server.url().replace('127.0.0.1', 'localhost');

  it('goes without encryption only where the server has none or the user says so', async () => {
    expect(await query(plain.url(), ENCRYPTED)).toEqual({ ssl: 'f' });
    expect(await query(secure.url(), ENCRYPTED)).toEqual({ ssl: 't' });
    const wary = `postgres://wary@127.0.0.1:${secure.port}/postgres`;
    expect(await query(wary, ENCRYPTED)).toEqual({ ssl: 't' });
    await expect(query(`${wary}?sslmode=disable`, ENCRYPTED)).rejects.toMatchObject({ code: 'BANYAN_CONNECT', message: expect.stringContaining('no encryption') });
    await expect(query(`${plain.url()}?sslmode=require`, ENCRYPTED)).rejects.toMatchObject({ code: 'BANYAN_CONNECT', message: expect.stringContaining('does not support SSL') });
    const pool = createPool({ url: secure.url(), max: 1 });
    expect((await pool.query(ENCRYPTED)).rows).toEqual([{ ssl: 't' }]);
    await pool.end();
  });

  it('knows the server by its certificate when asked to', async () => {
    expect(await query(`${local(secure)}?sslmode=verify-full&${ca}`, ENCRYPTED)).toEqual({ ssl: 't' });
    // The certificate is for localhost, not for the address.
    expect(await query(`${secure.url()}?sslmode=verify-ca&${ca}`, ENCRYPTED)).toEqual({ ssl: 't' });
    await expect(query(`${secure.url()}?sslmode=verify-full&${ca}`, ENCRYPTED)).rejects.toMatchObject({ code: 'BANYAN_CONNECT' });
    const stranger = `sslrootcert=${CERTIFICATES}stranger.crt`;
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      await expect(query(`${local(secure)}?sslmode=${mode}&${stranger}`, ENCRYPTED)).rejects.toMatchObject({ code: 'BANYAN_CONNECT' });
    }
  });

  it('streams over TLS, and shows a certificate of its own', async () => {
    const own = `sslcert=${CERTIFICATES}client.crt&sslkey=${CERTIFICATES}client.key`;
    const url = `postgres://tls_user@localhost:${secure.port}/postgres?sslmode=verify-full&${ca}&${own}`;
    const client = await connectReplication({ url });
    expect((await client.query('IDENTIFY_SYSTEM')).rows).toHaveLength(1);
    await client.end();
    await expect(query(url.replace(`&${own}`, ''), 'SELECT 1')).rejects.toMatchObject({ code: 'BANYAN_CONNECT' });
  });

  it('takes the password from the password file, and the socket from the URL', async () => {
    const file = join(folder, 'pass');
    const { password } = new URL(plain.url());
    await writeFile(file, `127.0.0.1:${plain.port}:*:postgres:${password}\n`, { mode: 0o600 });
    const bare = plain.url().replace(`:${password}@`, '@');
    const { config } = sessionTarget({ url: bare, env: { PGPASSFILE: file } });
    expect(await query(String(config.connectionString), 'SELECT 1 AS one')).toEqual({ one: '1' });
    expect(sessionTarget({ url: bare, env: { PGPASSFILE: file, PGPASSWORD: 'mine' } }).config.connectionString).toBe(bare);
    const socket = `postgres://postgres:${password}@/postgres?host=${encodeURIComponent(plain.socketFolder!)}&port=${plain.port}`;
    expect(sessionTarget({ url: socket, env: {} }).mode).toBe('disable');
    expect(await query(socket, 'SELECT inet_client_addr() AS address')).toEqual({ address: null });
  });
});
