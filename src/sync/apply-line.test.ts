import { expect, it } from 'vitest';
import type { Clock } from '../core/clock.ts';
import { ApplyLine, CalledBack, type Turn } from './apply-line.ts';

/** Never late, unless told so. */
const patient: Clock = {
  now: () => 0,
  monotonic: () => 0,
  sleep: (_ms, signal) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new Error('woken')));
    }),
};
const impatient: Clock = { ...patient, sleep: () => Promise.resolve() };

const keys = (...names: string[]): ReadonlySet<string> => new Set(names);

/** Runs that go on when the test says so. */
function steps() {
  const done: string[] = [];
  const run = (name: string, work: (turn: Turn) => Promise<void>) => async (turn: Turn): Promise<void> => {
    await work(turn);
    done.push(name);
  };
  return { done, run };
}

function gate() {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

it('lets batches of different rows run at once, and commits them in their order', async () => {
  const line = new ApplyLine<string>({ clock: patient, width: 2 });
  const { done, run } = steps();
  const first = gate();
  line.enter('a', keys('1'), run('a', async (turn) => {
    await first.opened;
    await turn.commit();
  }));
  expect(line.admits(keys('1', '2'))).toBe(false);
  expect(line.admits(keys('2'))).toBe(true);
  line.enter('b', keys('2'), run('b', (turn) => turn.commit()));
  expect(line.admits(keys('3'))).toBe(false);
  expect(line.head).toBe('a');
  first.open();
  expect(await line.clear()).toEqual([]);
  expect(done).toEqual(['a', 'b']);
  expect(line.empty).toBe(true);
});

it('calls back what runs behind a batch that has to be alone, and behind one that fails', async () => {
  for (const fails of [false, true]) {
    let told = 0;
    const line = new ApplyLine<string>({ clock: patient, width: 3, onBroken: () => (told += 1) });
    const { done, run } = steps();
    const first = gate();
    line.enter('a', keys('1'), run('a', async (turn) => {
      await first.opened;
      if (fails) throw new Error('a lost connection');
      await turn.alone();
      expect(line.admits(keys('9'))).toBe(false);
    }));
    line.enter('b', keys('2'), run('b', (turn) => turn.commit()));
    line.enter('c', keys('3'), run('c', (turn) => turn.alone()));
    first.open();
    const failed = await line.clear();
    expect(failed.map(({ item }) => item)).toEqual(fails ? ['a', 'b', 'c'] : ['b', 'c']);
    expect(failed.at(-1)?.error).toBeInstanceOf(CalledBack);
    expect(done).toEqual(fails ? [] : ['a']);
    expect(told).toBe(failed.length);
    expect(line.broken).toBe(false);
    expect(line.admits(keys('9'))).toBe(true);
  }
});

it('gives up a batch that has waited long for the one before it, which may be waiting for it', async () => {
  const line = new ApplyLine<string>({ clock: impatient, width: 2 });
  const { done, run } = steps();
  const first = gate();
  line.enter('a', keys('1'), run('a', async (turn) => {
    await first.opened;
    await turn.commit();
  }));
  line.enter('b', keys('2'), run('b', async (turn) => {
    await turn.commit().finally(() => first.open());
  }));
  expect((await line.clear()).map(({ item }) => item)).toEqual(['b']);
  expect(done).toEqual(['a']);
});
