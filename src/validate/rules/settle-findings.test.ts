import { expect, it } from 'vitest';
import type { Barrier } from '../barrier.ts';
import { settleFindings } from './settle-findings.ts';

/** Looks that find, one after the other, what is given: `a1` is the finding `a` with the values `1`. The last goes on. */
async function settled(looks: readonly string[], follow: 'first' | 'all', stays = 2, rounds = 6) {
  let at = 0;
  let barriers = 0;
  const barrier: Barrier = { moment: () => barriers, after: () => Promise.resolve(void barriers++) };
  const look = () => {
    // Each look is behind a barrier of its own.
    expect(barriers).toBe(at + 1);
    const found = (looks[Math.min(at++, looks.length - 1)] ?? '').split(' ').filter((each) => each !== '');
    return Promise.resolve({ findings: new Map(found.map(([id = '', stamp = '']) => [id, { stamp, finding: { subject: { id } } }])) });
  };
  const { confirmed, unsettled } = await settleFindings({ look, barrier, stays, rounds, follow });
  return [confirmed.map(({ subject }) => subject['id']).join(), unsettled, at];
}

it.each([
  [['']],
  [['a1', '']],
  [['a1', 'a1', '']],
  [['a1', 'a2', 'a2', '']],
  [['a1', 'b1', 'b1 c1', 'b1 c1', 'b1 c1']],
])('%j finds nothing', async (looks) => {
  expect((await settled(looks, 'first')).slice(0, 2)).toEqual(['', 0]);
});

it.each([
  [['a1'], 'first', ['a', 0, 3]],
  [['a1', 'a2'], 'first', ['a', 0, 4]],
  [['a1 b1', 'a1', 'a1'], 'first', ['a', 0, 3]],
  [['a1', 'a2', 'a1', 'a2', 'a1', 'a2', 'a1', 'a2'], 'first', ['', 1, 7]],
  // It may have come back under another name.
  [['a1', 'b1'], 'all', ['b', 0, 4]],
  [['a1', 'b1', 'c1', 'd1', 'e1', 'f1', 'g1'], 'all', ['', 1, 7]],
  [['a1', 'a1 b1'], 'all', ['a,b', 0, 4]],
] as const)('%j, followed %s, gives %j', async (looks, follow, expected) => {
  expect(await settled(looks, follow)).toEqual(expected);
});
