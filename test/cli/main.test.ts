import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { programArguments } from '../support/compiled.ts';

const root = join(import.meta.dirname, '../..');
const main = programArguments(join(root, 'src/cli/main.ts'));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-cli-'));
  await writeFile(join(folder, 'banyan.yaml'), 'monolith:\n  url: ${MONOLITH_URL}\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function banyan(args: readonly string[], env: Record<string, string> = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { PATH: process.env['PATH'] ?? '', ...env } };
    execFile(process.execPath, [...main, ...args], options, (error, stdout, stderr) => {
      // Without a number it was killed or never ran.
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr });
    });
  });
}

test('the real process reads the configuration of its folder', async () => {
  const good = await banyan(['config', 'check', '--json'], { MONOLITH_URL: 'postgres://m:secret@h/d' });
  expect(good).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(good.stdout)).toEqual({ ok: true, file: 'banyan.yaml', services: [] });
});

test('and ends with the exit code of a refusal, without a stack', async () => {
  const { code, stdout, stderr } = await banyan(['config', 'check']);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^BANYAN_CONFIG: banyan\.yaml:2:8: monolith\.url: found the environment variable MONOLITH_URL, which is not set;/);
  expect(stderr).not.toContain('    at ');
});

test('an error that nobody caught is BANYAN_INTERNAL and 3, without secrets', async () => {
  // As soon as somebody listens: a later turn of the event loop may never come.
  const fault = 'process.on("newListener", (event) => { if (event === "uncaughtException") process.nextTick(() => { throw new Error("boom postgres://u:secret@h"); }); });';
  const { code, stderr } = await banyan(['config', 'schema'], { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fault)}` });
  expect(code).toBe(3);
  expect(stderr).toMatch(/^BANYAN_INTERNAL: Error: boom postgres:\/\/u:\*\*\*@h\n/);
});

test('a reader who leaves early is no failure', async () => {
  const child = spawn(process.execPath, [...main, 'config', 'schema'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

test('the schema arrives whole through a pipe', async () => {
  const { code, stdout } = await banyan(['config', 'schema']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ title: 'banyan.yaml', properties: { services: { type: ['object', 'null'] } } });
});
