import { expect, it } from 'vitest';
import { parseLsn } from '../model/position.ts';
import { leftAt } from './history.ts';

const HISTORY = '1\t0/3000060\tno recovery target specified\n\n2\t1/A0\tbefore 2026-01-01 00:00:00+00\n';

it('a timeline’s history tells where each ancestor was left', () => {
  expect(leftAt(HISTORY, 1)).toBe(parseLsn('0/3000060'));
  expect(leftAt(HISTORY, 2)).toBe(parseLsn('1/A0'));
  expect(leftAt(HISTORY, 3)).toBeUndefined();
  expect(leftAt('', 1)).toBeUndefined();
});
