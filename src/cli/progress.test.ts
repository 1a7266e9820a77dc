import { describe, expect, test } from 'vitest';
import type { Clock } from '../core/clock.ts';
import { createProgress } from './progress.ts';
import { styleFor } from './style.ts';

function setup({ isTTY = false, quiet = false, columns = 100 }: { isTTY?: boolean; quiet?: boolean; columns?: number } = {}) {
  let ms = 0;
  let written = '';
  const clock: Clock = { now: () => ms, monotonic: () => ms, sleep: () => Promise.resolve() };
  const output = { write: (text: string) => (written += text), isTTY, columns };
  const progress = createProgress({ output, clock, quiet, style: styleFor(output, { NO_COLOR: '1' }) });
  const take = () => {
    const text = written;
    written = '';
    return text;
  };
  return { progress, take, pass: (by: number) => (ms += by) };
}

describe('without a terminal', () => {
  test('a line every five seconds with rate and time left, and one at the end', () => {
    const { progress, take, pass } = setup();
    const task = progress.begin({ name: 'copying public.users', total: 4000, unit: 'rows' });
    pass(4999);
    task.advance(500);
    expect(take()).toBe('');
    pass(1);
    task.advance(500);
    expect(take()).toBe('copying public.users: 25 %, 1,000 of 4,000 rows, 200 rows/s, 15 s left\n');
    pass(100);
    task.advance(3000);
    expect(take()).toBe('');
    task.done();
    expect(take()).toBe('✓ copying public.users: 4,000 rows (5.1 s)\n');
    task.failed('too late');
    expect(take()).toBe('');
  });

  test('without a total there is no time left; without a unit nothing is counted', () => {
    const { progress, take, pass } = setup();
    const rows = progress.begin({ name: 'stream', unit: 'rows' });
    pass(5000);
    rows.advance();
    expect(take()).toBe('stream: 1 rows, 0 rows/s\n');
    rows.failed('lost');
    expect(take()).toBe('✗ stream: lost (5.0 s)\n');
    const steps = progress.begin({ name: 'steps', total: 4 });
    pass(5000);
    steps.advance();
    expect(take()).toBe('steps: 25 %, 1 of 4, 15 s left\n');
    steps.expect(2);
    pass(5000);
    steps.advance(0);
    expect(take()).toBe('steps: 50 %, 1 of 2, 10 s left\n');
    steps.done();
    expect(take()).toBe('✓ steps (10 s)\n');
    const nothing = progress.begin({ name: 'nothing', total: 0, unit: 'rows' });
    pass(5000);
    nothing.advance(0);
    expect(take()).toBe('nothing: \n');
  });

  test('notes are lines', () => {
    const { progress, take } = setup();
    progress.note('ready');
    expect(take()).toBe('ready\n');
  });
});

test('quiet writes nothing but what others write', () => {
  const { progress, take, pass } = setup({ quiet: true, isTTY: true });
  const task = progress.begin({ name: 'x', total: 1 });
  progress.note('note');
  pass(10_000);
  task.advance();
  task.done();
  expect(take()).toBe('');
  progress.output.write('log\n');
  expect(take()).toBe('log\n');
});

describe('on a terminal', () => {
  const CLEAR = '\r\u001B[2K';

  test('a bar is drawn again, at most ten times a second', () => {
    const { progress, take, pass } = setup({ isTTY: true });
    const task = progress.begin({ name: 'copy', total: 100, unit: 'rows' });
    expect(take()).toBe(`${CLEAR}copy ${'░'.repeat(24)} 0 %, 0 of 100 rows`);
    pass(99);
    task.advance(10);
    expect(take()).toBe('');
    pass(1);
    task.advance(40);
    expect(take()).toBe(`${CLEAR}copy ${'█'.repeat(12)}${'░'.repeat(12)} 50 %, 50 of 100 rows, 500 rows/s, 0.1 s left`);
    task.done('all');
    expect(take()).toBe(`${CLEAR}✓ copy: all (0.1 s)\n`);
  });

  test('what others write stands above the bar', () => {
    const { progress, take } = setup({ isTTY: true });
    const task = progress.begin({ name: 'copy' });
    take();
    progress.output.write('log\n');
    expect(take()).toBe(`${CLEAR}log\ncopy`);
    progress.note('note');
    expect(take()).toBe(`${CLEAR}note\ncopy`);
    const other = progress.begin({ name: 'other' });
    take();
    task.done();
    expect(take()).toBe(`${CLEAR}✓ copy (0.0 s)\nother`);
    other.done();
    progress.note('end');
    expect(take()).toBe(`${CLEAR}✓ other (0.0 s)\nend\n`);
  });

  test('a narrow terminal cuts the line rather than wrap it', () => {
    const { progress, take } = setup({ isTTY: true, columns: 40 });
    progress.begin({ name: 'copying public.users', total: 100, unit: 'rows' });
    expect(take().slice(CLEAR.length).length).toBeLessThan(40);
  });
});
