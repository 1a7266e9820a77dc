import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { compiledFile } from '../../test/support/compiled.ts';
import { until } from '../../test/support/condition.ts';
import { describePostgres } from '../../test/support/postgres.ts';
import { connect } from '../postgres/connect.ts';
import { serverAccount } from './account.ts';
import { installedBinaries, usableBinaries } from './binaries.ts';
import { EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded-postgres.ts';

const started: EmbeddedPostgres[] = [];
const folders: string[] = [];

async function start(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
  const server = await EmbeddedPostgres.start({ durable: false, ...options });
  started.push(server);
  return server;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'banyan-test-'));
  folders.push(path);
  return path;
}

async function ask(server: EmbeddedPostgres, sql: string): Promise<string[][]> {
  const client = await connect({ url: server.url() });
  try {
    return (await client.query<string[]>({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

function alive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.remove()));
  await Promise.all(folders.splice(0).map((path) => rm(path, { recursive: true, force: true })));
});

describePostgres('an embedded server', () => {
  it('is a PostgreSQL on loopback, ready for logical decoding, with a password', async () => {
    const server = await start({ maxConnections: 37, settings: { work_mem: '5MB', application_name: "it's \\ quoted" } });
    const show = async (name: string) => (await ask(server, `SHOW ${name}`))[0]?.[0];
    expect(await show('wal_level')).toBe('logical');
    expect(await show('track_commit_timestamp')).toBe('on');
    expect(await show('listen_addresses')).toBe('127.0.0.1');
    expect(await show('max_connections')).toBe('37');
    expect(await show('max_wal_senders')).toBe('64');
    expect(await show('max_prepared_transactions')).toBe('10');
    expect(await show('fsync')).toBe('off');
    expect(await show('work_mem')).toBe('5MB');
    expect(await show('server_encoding')).toBe('UTF8');
    expect(await ask(server, "SELECT lower('ÄÖ')")).toEqual([['äö']]);
    expect(await ask(server, "SELECT reset_val FROM pg_settings WHERE name = 'work_mem'")).toEqual([['5120']]);
    expect(server.version).toMatch(/^18\./);
    expect(alive(server.processId ?? 0)).toBe(true);
    const withoutPassword = server.url().replace(/:[0-9a-f]{32}@/, ':wrong@');
    await expect(connect({ url: withoutPassword })).rejects.toThrow(/password authentication failed/);
    expect(server.url('odd name')).toContain('/odd%20name');
  });

  it('can be reached through its unix socket', async () => {
    const server = await start();
    const password = new URL(server.url()).password;
    const url = `postgres://postgres:${password}@/postgres?host=${server.socketFolder}&port=${server.port}`;
    const client = await connect({ url });
    const { rows } = await client.query('SELECT inet_client_addr() IS NULL AS local');
    await client.end();
    expect(rows).toEqual([{ local: 't' }]);
  });

  it('survives fast and immediate stops and a kill, on the same port and process-free in between', async () => {
    const server = await start();
    const { port } = server;
    await ask(server, 'CREATE TABLE public.kept AS SELECT 1 AS n');
    for (const end of [() => server.stop('fast'), () => server.stop('immediate'), () => server.kill()]) {
      const processId = server.processId ?? 0;
      await end();
      expect(server.running).toBe(false);
      expect(server.processId).toBeUndefined();
      expect(alive(processId)).toBe(false);
      await server.start();
      expect(server.port).toBe(port);
      await ask(server, 'INSERT INTO public.kept SELECT max(n) + 1 FROM public.kept');
    }
    await server.restart();
    expect(await ask(server, 'SELECT count(*) FROM public.kept')).toEqual([['4']]);
    expect(await readFile(server.logFile, 'utf8')).toMatch(/automatic recovery in progress/);
  });

  it('keeps what ALTER SYSTEM set over a restart', async () => {
    const server = await start({ settings: { work_mem: '5MB' } });
    await ask(server, "ALTER SYSTEM SET work_mem = '6MB'");
    await server.restart();
    expect(await ask(server, 'SHOW work_mem')).toEqual([['6MB']]);
  });

  it('waits for its clients in a smart stop', async () => {
    const server = await start();
    const client = await connect({ url: server.url() });
    const stopping = server.stop('smart');
    await until(async () => /received smart shutdown/.test(await readFile(server.logFile, 'utf8')));
    expect(server.running).toBe(true);
    await client.end();
    await stopping;
    expect(server.running).toBe(false);
  });

  it('does nothing twice', async () => {
    const server = await start();
    const { processId } = server;
    await server.start();
    expect(server.processId).toBe(processId);
    await server.stop();
    await server.stop();
    await server.kill();
    await server.remove();
    await server.remove();
    expect(existsSync(server.folder)).toBe(false);
  });

  it('goes on in a given folder, and leaves that folder when removed', async () => {
    const path = await folder();
    const one = await start({ folder: path });
    await ask(one, 'CREATE TABLE public.kept (n int)');
    await one.remove();
    const two = await start({ folder: path, logFile: join(path, 'second.log') });
    expect(await ask(two, 'SELECT count(*) FROM public.kept')).toEqual([['0']]);
    await two.remove();
    expect(existsSync(join(path, 'data'))).toBe(true);
    expect(existsSync(join(path, 'second.log'))).toBe(true);
  });

  it('does without a socket where its path would be too long', async () => {
    const server = await start({ folder: join(await openFolder(), 'x'.repeat(90)) });
    expect(server.socketFolder).toBeUndefined();
    expect(await ask(server, 'SHOW unix_socket_directories')).toEqual([['']]);
  });

  it('refuses a folder that holds something else, another version, or that its account can not reach', async () => {
    const full = await folder();
    await writeFile(join(full, 'precious.txt'), 'mine');
    await expect(start({ folder: full })).rejects.toMatchObject({ code: 'BANYAN_EMBEDDED_FOLDER' });
    expect(await readFile(join(full, 'precious.txt'), 'utf8')).toBe('mine');

    const old = await folder();
    await mkdir(join(old, 'data'));
    await writeFile(join(old, 'data/PG_VERSION'), '12\n');
    await expect(start({ folder: old })).rejects.toMatchObject({
      code: 'BANYAN_EMBEDDED_FOLDER',
      message: expect.stringContaining('PostgreSQL 12') as string,
    });

    if (process.getuid?.() === 0) {
      const closed = await folder(); // mkdtemp makes it 0700, so another account can't pass.
      await expect(start({ folder: join(closed, 'inner') })).rejects.toMatchObject({ code: 'BANYAN_EMBEDDED_FOLDER' });
    }
  });

  it('says why it did not start: a used port, a wrong setting', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(start({ port })).rejects.toMatchObject({
      code: 'BANYAN_EMBEDDED_START',
      message: expect.stringContaining('Address already in use') as string,
    });
    other.close();
    await expect(start({ settings: { no_such_setting: '1' } })).rejects.toMatchObject({
      code: 'BANYAN_EMBEDDED_START',
      message: expect.stringContaining('no_such_setting') as string,
    });
  });

  it('does not take another server on its port for itself', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toMatchObject({ code: 'BANYAN_EMBEDDED_START' });
  });

  it('gives up when no session is possible in time, and leaves nothing running', async () => {
    const path = await folder();
    const first = await start({ folder: path });
    await ask(first, "ALTER USER postgres PASSWORD 'another'");
    await first.stop();
    await expect(start({ folder: path, startTimeoutMs: 300 })).rejects.toMatchObject({
      code: 'BANYAN_EMBEDDED_START',
      message: expect.stringContaining('no connection in time') as string,
    });
    await until(() => !existsSync(join(path, 'data/postmaster.pid')));
  });

  it('starts several at once, each on its own port and folder', async () => {
    const servers = await Promise.all([start(), start(), start()]);
    expect(new Set(servers.map((server) => server.port)).size).toBe(3);
    expect(new Set(servers.map((server) => server.folder)).size).toBe(3);
  });

  it('ends with its parent, temporary folder included, even when that is killed', async () => {
    const script = `
      import { EmbeddedPostgres } from ${JSON.stringify(compiledFile(fileURLToPath(new URL('./embedded-postgres.ts', import.meta.url))))};
      const server = await EmbeddedPostgres.start({ durable: false });
      console.log(JSON.stringify({ processId: server.processId, folder: server.folder }));
      if (process.argv.includes('stay')) setInterval(() => {}, 1000);
    `;
    for (const mode of ['stay', 'leave']) {
      const parent = spawn(process.execPath, ['--input-type=module', '-e', script, mode], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(parent, 'exit');
      const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
      const { processId, folder: path } = JSON.parse(line) as { processId: number; folder: string };
      if (mode === 'stay') {
        expect(alive(processId)).toBe(true);
        parent.kill('SIGKILL');
      }
      // A server that is still running does not hold a process that has nothing left to do.
      await ended;
      await until(() => !alive(processId), { what: 'the orphan has ended' });
      await until(() => !existsSync(path), { what: 'its folder is gone' });
    }
  });
});

describePostgres('binaries', () => {
  it('get their library links, and are copied where the account can not reach them', async () => {
    const closed = await folder();
    const native = join(closed, 'package/native');
    await cp(installedBinaries(), native, { recursive: true, verbatimSymlinks: true });
    const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
    for (const { target } of links) await rm(join(closed, 'package', target), { force: true });

    const binaries = await usableBinaries(join(closed, 'package'), serverAccount());
    const made = join(closed, 'package', links[0]!.target);
    expect(join(closed, 'package', links[0]!.source).endsWith(await readlink(made))).toBe(true);
    expect(binaries.majorVersion).toBe(18);
    // Root lends another account, which can't enter a folder of mode 0700.
    if (process.getuid?.() === 0) {
      expect(binaries.folder.startsWith(closed)).toBe(false);
      expect((await stat(join(binaries.folder, 'bin/postgres'))).isFile()).toBe(true);
      expect(await usableBinaries(native, serverAccount())).toEqual(binaries);
      await rm(join(binaries.folder, '..'), { recursive: true });
    }
  });

  it('may be those of an installed server, chosen by their folder', async () => {
    const open = await openFolder();
    await symlink(installedBinaries(), join(open, 'native'));
    const server = await start({ binaries: open });
    expect(await ask(server, 'SHOW server_version_num')).toEqual([[expect.stringMatching(/^18/)]]);
  });

  it('are refused when incomplete, unable to run, or nameless', async () => {
    const open = await openFolder();
    await expect(usableBinaries(open, serverAccount())).rejects.toMatchObject({ code: 'BANYAN_EMBEDDED_BINARIES' });
    const program = async (text: string) => {
      await mkdir(join(open, 'bin'), { recursive: true });
      for (const name of ['postgres', 'initdb']) {
        await writeFile(join(open, 'bin', name), `#!/bin/sh\n${text}\n`);
        await chmod(join(open, 'bin', name), 0o755);
      }
    };
    await program('echo broken; exit 1');
    await expect(usableBinaries(open, serverAccount())).rejects.toMatchObject({
      code: 'BANYAN_EMBEDDED_BINARIES',
      message: expect.stringContaining('broken') as string,
    });
    await program('echo nameless');
    await expect(usableBinaries(open, serverAccount())).rejects.toMatchObject({ code: 'BANYAN_EMBEDDED_BINARIES' });
    await program('if [ "$1" = --version ]; then echo "postgres (PostgreSQL) 17.1"; else echo "no space"; exit 1; fi');
    await expect(start({ binaries: open })).rejects.toMatchObject({
      code: 'BANYAN_EMBEDDED_INIT',
      message: expect.stringContaining('no space') as string,
    });
    await program('echo "postgres (PostgreSQL) 17.1"');
    await writeFile(join(open, 'pg-symlinks.json'), '{"not": "a list"}');
    await expect(usableBinaries(open, serverAccount())).rejects.toMatchObject({ code: 'BANYAN_EMBEDDED_BINARIES' });
  });
});

/** A folder that every account may enter and write to. */
async function openFolder(): Promise<string> {
  const path = await folder();
  await chmod(path, 0o777);
  return path;
}
