import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directory } from '../../src/generate/project-folder.ts';
import type { WrittenApi } from '../../src/generate/api-generator.ts';
import { testDatabase } from '../support/postgres.ts';
import { accountsExtensionFiles } from '../../examples/shop/accounts-extension.ts';
import { emptyFolder, execute, generateFrom } from './generated-service.ts';
import { VARIED_SQL } from './varied.fixture.ts';

const run = promisify(execFile);
const shop = fileURLToPath(new URL('../../examples/shop/', import.meta.url));

let url: string;
let folder: string;
let written: WrittenApi;

beforeAll(async () => {
  url = (await testDatabase()).url;
  await execute(url, VARIED_SQL);
  folder = await emptyFolder();
  written = await (await generateFrom(url, { service: 'shop' })).writeTo(directory(folder));
  await writeFile(
    path.join(folder, 'src/extensions/slow.ts'),
    `import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';

export default async function slow(app: FastifyInstance, context: { pool: Pool }): Promise<void> {
  app.get('/slow', async () => {
    await context.pool.query('SELECT pg_sleep(0.5)');
    return { done: true };
  });
}
`,
  );
});

afterAll(async () => {
  if (folder) await rm(folder, { recursive: true });
});

interface Service {
  readonly process: ChildProcess;
  readonly address: string;
  readonly output: () => string;
  readonly exit: Promise<number | null>;
}

async function start(env: Record<string, string>): Promise<Service> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/server.ts'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], DATABASE_URL: url, PORT: '0', ...env },
  });
  let output = '';
  const exit = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const address = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const found = /^shop listening on (http:\S+)$/m.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void exit.then((code) => reject(new Error(`exited with ${code}: ${output}`)));
  });
  return { process: child, address, output: () => output, exit };
}

describe('the generated project', () => {
  it('type-checks under strict with the extension of the sample shop, and builds', async () => {
    await mkdir(path.join(folder, 'src/extensions/accounts'), { recursive: true });
    for (const file of accountsExtensionFiles) await copyFile(path.join(shop, file), path.join(folder, 'src/extensions', file));
    const tsc = path.join(folder, 'node_modules/typescript/bin/tsc');
    await run(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: folder });
    await run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', 'dist'], { cwd: folder });
  });

  it('starts on a free port, serves, and finishes what runs when it is told to stop', async () => {
    const service = await start({ LOG_LEVEL: 'info' });
    const created = await fetch(`${service.address}/v1/people`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': 'from-the-test' },
      body: JSON.stringify({ id: 1, name: 'Ann' }),
    });
    expect(created.status).toBe(201);
    expect(created.headers.get('x-request-id')).toBe('from-the-test');
    expect(await (await fetch(`${service.address}${created.headers.get('location')}`)).json()).toEqual({ id: 1, name: 'Ann' });

    const running = fetch(`${service.address}/slow`);
    await fetch(`${service.address}/healthz`);
    service.process.kill('SIGTERM');
    expect(await (await running).json()).toEqual({ done: true });
    expect(await service.exit).toBe(0);
    const logged = service
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { reqId?: string; msg: string });
    expect(logged.filter((line) => line.reqId === 'from-the-test').map((line) => line.msg)).toEqual(['incoming request', 'request completed']);
  });

  it('runs from its build', async () => {
    const child = spawn(process.execPath, ['dist/server.js'], { cwd: folder, env: { DATABASE_URL: url, PORT: '0' } });
    const exit = new Promise((resolve) => child.on('exit', resolve));
    await new Promise<void>((resolve) => child.stdout.on('data', (chunk: Buffer) => chunk.includes('shop listening on') && resolve()));
    child.kill('SIGINT');
    expect(await exit).toBe(0);
  });

  it('refuses to start without what it needs, and says what that is', async () => {
    await expect(start({ DATABASE_URL: '', PORT: 'x' })).rejects.toThrow(/DATABASE_URL is missing/);
  });

  it('passes its own tests', async () => {
    const { stdout } = await run(process.execPath, ['--import', 'tsx', '--test', '--test-reporter=tap', 'test/service.spec.ts'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], DATABASE_URL: url },
    });
    expect(stdout).toMatch(/# fail 0/);
    expect(stdout).toMatch(/# pass 3/);
  });

  it('is generated a second time without a change', async () => {
    const again = await (await generateFrom(url, { service: 'shop' })).writeTo(directory(folder));
    expect(again).toMatchObject({ created: [], changed: [], kept: [], removed: [], unchanged: written.files });
  });
});
