import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../test/support/condition.ts';
import { systemClock } from '../../core/clock.ts';
import { FAULT_PROXY_FILE, Processes, shopFile } from './processes.ts';

let folder: string;
let processes: Processes;
const left: number[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-processes-'));
  processes = new Processes({ folder, clock: systemClock });
});

afterEach(async () => {
  await processes.stopAll();
  for (const pid of left.splice(0)) if (lives(pid)) process.kill(pid, 'SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function program(source: string): Promise<string> {
  const file = join(folder, 'program.mjs');
  await writeFile(file, source);
  return file;
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const STAYS = `
console.log('pid ' + process.pid);
process.on('message', (message) => process.send({ heard: message }));
process.on('SIGTERM', () => { console.log('asked to end'); process.exit(0); });
setInterval(() => {}, 1000);
`;
const pidIn = (line: string): number | undefined => Number(/^pid (\d+)$/.exec(line)?.[1]) || undefined;

describe('the demo\'s programs', () => {
  it('are heard by their lines and messages, and end when asked to', async () => {
    const running = processes.start({ name: 'stays', file: await program(STAYS), args: ['a'], env: { X: 'y' }, cwd: folder });
    expect(await running.line(pidIn, 10_000)).toBe(running.pid);
    expect(processes.pids).toEqual([running.pid]);
    const answer = running.message((message) => message, 10_000);
    running.send({ hello: 1 });
    expect(await answer).toEqual({ heard: { hello: 1 } });
    await running.stop();
    await running.stop();
    expect(running.ended).toBe(true);
    expect(processes.pids).toEqual([]);
    expect(await readFile(running.logFile, 'utf8')).toContain('asked to end');
    expect(() => running.send({ too: 'late' })).toThrow(expect.objectContaining({ code: 'BANYAN_DEMO' }));
  });

  it('are started again after a crash if an orchestrator would, and not after being asked to end', async () => {
    const running = processes.start({ name: 'again', file: await program(STAYS), restart: true });
    const first = await running.line(pidIn, 10_000);
    running.kill();
    const second = await running.line((line) => (pidIn(line) === first ? undefined : pidIn(line)), 10_000);
    expect(running.restarts).toBe(1);
    expect(running.pid).toBe(second);
    await running.stop();
    expect(lives(second)).toBe(false);
    expect(running.restarts).toBe(1);
  });

  it('are killed when they do not listen', async () => {
    const impatient = new Processes({ folder, clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 100), signal) } });
    const running = impatient.start({ name: 'deaf', file: await program("process.on('SIGTERM', () => {}); console.log('pid ' + process.pid); setInterval(() => {}, 1000);") });
    const pid = await running.line(pidIn, 10_000);
    await impatient.stopAll();
    expect(lives(pid)).toBe(false);
  });

  it('give what they said last, or say that they ended and where their log is', async () => {
    const running = processes.start({ name: 'short', file: await program("console.log('pid 42');") });
    await until(() => running.ended);
    expect(await running.line(pidIn, 10_000)).toBe(42);
    await expect(running.line((line) => (line === 'other' ? line : undefined), 10_000)).rejects.toMatchObject({
      code: 'BANYAN_DEMO', message: expect.stringMatching(/^short has ended; see its log .*short\.log\.$/),
    });
    await expect(running.message((message) => message, 10_000)).rejects.toMatchObject({ code: 'BANYAN_DEMO' });
  });

  it('that never answer are not waited for longer than allowed', async () => {
    const running = processes.start({ name: 'silent', file: await program('setInterval(() => {}, 1000);') });
    await expect(running.message((message) => message, 50)).rejects.toMatchObject({ code: 'BANYAN_TIMEOUT', message: expect.stringContaining('silent did not answer within 0.05 s') });
  });

  it('that can not be started say why', async () => {
    const running = processes.start({ name: 'nowhere', file: await program(STAYS), cwd: join(folder, 'missing') });
    await expect(running.line(pidIn, 10_000)).rejects.toMatchObject({ code: 'BANYAN_DEMO', message: expect.stringContaining('ENOENT') });
    await running.stop();
  });

  it('are left alone when they shall live on', async () => {
    const running = processes.start({ name: 'lives', file: await program(STAYS) });
    const pid = await running.line(pidIn, 10_000);
    left.push(pid);
    processes.leaveRunning();
    expect(lives(pid)).toBe(true);
    expect(() => running.send({})).toThrow(expect.objectContaining({ code: 'BANYAN_DEMO' }));
  });

  it('written in TypeScript are run as they are', async () => {
    const running = processes.start({ name: 'fault-proxy', file: FAULT_PROXY_FILE, args: ['10'] });
    const url = await running.message((message) => (message as { url?: string }).url, 20_000);
    expect((await fetch(url)).status).toBe(503);
    running.send({ fault: 'error', target: url });
    expect(shopFile('server.ts')).toMatch(/examples[/\\]shop[/\\]server\.ts$/);
  });
});
